"""What a user of dask-jobqueue has configured already (``jobqueue.yaml``), read without importing Dask."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from ihpc_jupyter.model.base import Line, PathText, Word
from ihpc_jupyter.model.site import Duration, Shape

_log = logging.getLogger(__name__)
_LIMIT = 1 << 20

_Plain = BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value)
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "queue": TypeAdapter(Word),
    "account": TypeAdapter(Annotated[Word, _Plain]),
    "walltime": TypeAdapter(Duration),
    "python": TypeAdapter(PathText),
    "job-script-prologue": TypeAdapter(tuple[Line, ...]),
}


@dataclass(frozen=True)
class JobqueueDefaults:
    """The part of dask-jobqueue's Slurm configuration that means something here. *walltime* in seconds."""

    queue: str | None = None
    account: str | None = None
    walltime: float | None = None
    python: str | None = None
    prologue: tuple[str, ...] = ()
    shape: Shape | None = None


def read_jobqueue_defaults(environment: Mapping[str, str] | None = None) -> JobqueueDefaults:
    """The merged ``jobqueue: slurm:`` of Dask's configuration files; what cannot be used is logged."""
    given = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    for path in _files(given):
        merged |= {key: value for key, value in _slurm_part(path).items() if value is not None}
    values = {key: _checked(key, merged[key]) for key in _ADAPTERS if key in merged}
    return JobqueueDefaults(
        queue=values.get("queue"),
        account=values.get("account"),
        walltime=values.get("walltime"),
        python=values.get("python"),
        prologue=values.get("job-script-prologue") or (),
        shape=_shape(merged),
    )


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Dask's own search path, the most important last."""
    home = Path(environment.get("HOME") or Path.home())
    places = [
        Path(environment.get("DASK_ROOT_CONFIG") or "/etc/dask"),
        Path(sys.prefix) / "etc" / "dask",
        home / ".config" / "dask",
    ]
    if "DASK_CONFIG" in environment:
        places.append(Path(environment["DASK_CONFIG"]))
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.iterdir() if path.suffix.lower() in {".yaml", ".yml"})
        elif place.is_file():
            yield place


def _slurm_part(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LIMIT:
            return {}
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key in ("jobqueue", "slurm"):
            found = found.get(key) if isinstance(found, dict) else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        _log.warning("%s is not used: %s", path, error)
        return {}
    return {str(key).replace("_", "-"): value for key, value in found.items()} if isinstance(found, dict) else {}


def _checked(key: str, value: object) -> Any:
    try:
        return _ADAPTERS[key].validate_python(value)
    except ValidationError as error:
        _log.warning("jobqueue.slurm.%s is not used: %s", key, error.errors()[0]["msg"])
        return None


def _shape(merged: Mapping[str, Any]) -> Shape | None:
    parts = {key: merged[key] for key in ("cores", "memory", "processes") if key in merged}
    if "cores" not in parts:
        return None
    try:
        return Shape.model_validate(parts)
    except ValidationError as error:
        _log.warning("jobqueue.slurm's worker shape is not used: %s", error.errors()[0]["msg"])
        return None
