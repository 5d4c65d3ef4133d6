"""A centre's settings for plain batchspawner: what goes on working here, and what is refused when the hub starts.

What ``req_*`` ask for fills in what the site file leaves out. A centre's template of a batch script is filled in
with checked values, the command's words quoted. Settings that would need a shell, or a text of Slurm's that this
spawner reads by itself, are refused by name, with what to use instead.
"""

import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, TypeVar

from batchspawner.batchspawner import format_template
from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from ihpc_jupyter.errors import IhpcError, InvalidRequest
from ihpc_jupyter.hub.account import fill_in
from ihpc_jupyter.model.base import Model, Word
from ihpc_jupyter.model.site import Described, Duration, Lane, Memory, Shape, parse_duration, parse_memory
from ihpc_jupyter.scheduler.slurm_commands import read_command

_READ_BY_US = "remove it: what Slurm answers is read by this spawner itself"
_HOSTS = "c.IhpcSpawner.node_host, a function from a node's name to a host"
INSTEAD = {
    "batchspawner_singleuser_cmd": "c.IhpcSpawner.node_python, the interpreter on the nodes",
    "startup_poll_interval": "polling.busy in the site file",
    "state_pending_re": _READ_BY_US,
    "state_running_re": _READ_BY_US,
    "state_unknown_re": _READ_BY_US,
    "state_exechost_re": _HOSTS,
    "state_exechost_exp": _HOSTS,
    "daemon_resolver": _HOSTS,
}
"""Settings that cannot be kept, with what to use instead."""

SECTIONS = ("MultiSlurmSpawner",)
"""Sections of the configuration that are looked at beside those of the spawner's own classes."""

_COMMANDS = {"batch_submit_cmd": "submit", "batch_query_cmd": "query", "batch_cancel_cmd": "cancel"}
_Settings = TypeVar("_Settings", bound=Model)
_Site = TypeVar("_Site", bound=Described)
_SHELLS = {"sh", "bash", "dash", "ksh", "zsh"}


def _as_slurm_counts(value: object) -> object:
    """Slurm's plain number of memory is in MiB."""
    return parse_memory(f"{value}M" if isinstance(value, str) and value.isdigit() else value)


def _as_slurm_lasts(value: object) -> object:
    """Slurm's plain number of time is in minutes."""
    return parse_duration(f"{value}m" if isinstance(value, str) and value.isdigit() else value)


class Given(Model):
    """What ``req_*`` ask for, checked; None where a setting is empty."""

    partition: Word | None = None
    qos: Word | None = None
    account: Word | None = None
    reservation: Word | None = None
    runtime: Annotated[Duration, BeforeValidator(_as_slurm_lasts)] | None = None
    memory: Annotated[Memory, BeforeValidator(_as_slurm_counts)] | None = None
    nprocs: Annotated[int, Field(ge=1, le=4096)] | None = None
    gres: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:,=-]{0,200}$")] | None = None


class QueueGiven(Model):
    """What ``req_*`` ask for where batchspawner's class is not Slurm's; plain numbers are seconds and bytes."""

    queue: Word | None = None
    host: Word | None = None
    account: Word | None = None
    runtime: Duration | None = None
    memory: Memory | None = None
    nprocs: Annotated[int, Field(ge=1, le=4096)] | None = None
    ngpus: Annotated[int, Field(ge=0, le=64)] | None = None


def read_given(values: Mapping[str, str], kind: type[_Settings]) -> _Settings:
    """From the texts of the settings, by their names without ``req_``. Raises `InvalidRequest` naming one."""
    try:
        return kind.model_validate({key: values[key] for key in kind.model_fields if values.get(key)})
    except ValidationError as errors:
        first = errors.errors()[0]
        name = str(first["loc"][0])
        raise InvalidRequest(f"req_{name}: {values[name]!r} cannot be had: {first['msg']}.") from None


def given_by(settings: object, kind: type[_Settings]) -> _Settings:
    """What a spawner's own settings ask for. Raises `InvalidRequest` naming one."""
    return read_given({key: getattr(settings, f"req_{key}") for key in kind.model_fields}, kind)


def completed(site: _Site, given: Given | QueueGiven) -> _Site:
    """The site with what it leaves out filled in; what the site file says stands."""
    lanes = {name: _lane(lane, given) for name, lane in site.lanes.items()}
    shapes = {name: _shape(shape, given) for name, shape in site.shapes.items()}
    return site.model_copy(update={"lanes": lanes, "shapes": shapes})


def check_undescribed(given: Given | QueueGiven, system: str = "Slurm") -> None:
    """For a site that no file describes, its one lane and shape are as the settings have it.

    Raises `InvalidRequest` where they leave open how long and how large a server may be.
    """
    for name, value in (("req_runtime", given.runtime), ("req_memory", given.memory)):
        if value is None:
            raise InvalidRequest(
                f"{name} is not set, and no site file describes a {system}.",
                "Describe the site with its lanes and shapes, or set req_runtime and req_memory.",
            )


def _lane(lane: Lane, given: Given | QueueGiven) -> Lane:
    if isinstance(given, QueueGiven):
        told = {"partition": given.queue, "account": given.account}
    else:
        told = {name: getattr(given, name) for name in ("partition", "qos", "account", "reservation")}
    missing: dict[str, object] = {name: value for name, value in told.items() if getattr(lane, name) is None}
    if given.runtime is not None and "time_limit" not in lane.model_fields_set:
        # With plain batchspawner nobody could ask for more than that.
        missing["max_time"] = lane.max_time or given.runtime
        missing["time_limit"] = min(given.runtime, lane.max_time or given.runtime)
    return lane.model_copy(update=missing)


def _shape(shape: Shape, given: Given | QueueGiven) -> Shape:
    gpus = given.ngpus if isinstance(given, QueueGiven) else None
    told = {"cores": given.nprocs, "memory": given.memory, "gpus": gpus}
    missing = {key: value for key, value in told.items() if value and key not in shape.model_fields_set}
    return shape.model_copy(update=missing)


def asked(lane: Lane, shape: Shape, time_limit: float, gres: str) -> dict[str, str]:
    """What a job asks for, under the names and in the words that a template of batchspawner's expects."""
    return {
        "partition": lane.partition or "",
        "qos": lane.qos or "",
        "account": lane.account or "",
        "reservation": lane.reservation or "",
        "runtime": str(math.ceil(time_limit / 60)),
        "memory": f"{shape.memory >> 20}M",
        "nprocs": str(shape.cores),
        "ngpus": str(shape.gpus or ""),
        "gres": f"gpu:{shape.gpus}" if shape.gpus else gres,
    }


def fill(template: str, values: Mapping[str, str]) -> str:
    """The centre's text, filled in. Raises `InvalidRequest` where it lacks ``{cmd}`` or names what is unknown."""
    try:
        text = str(format_template(template, **values))
    except KeyError as error:
        known = ", ".join(sorted(values))
        raise InvalidRequest(f"batch_script: {error} is not known.", f"Known: {known}.") from None
    except Exception as error:
        raise InvalidRequest(f"batch_script cannot be filled in: {error}.") from error
    if not any(values["cmd"] in line for line in text.splitlines()):
        raise InvalidRequest("batch_script: it does not hold {cmd}.", "That is where the server's command stands.")
    return text


def fill_template(
    template: str, values: Mapping[str, str], directives: Sequence[str], exports: Sequence[str]
) -> str:
    """The centre's script, filled in: *directives* after its first line, *exports* before its first command.

    Raises `InvalidRequest` for a template that is no shell's, lacks ``{cmd}`` or names what nobody knows.
    """
    lines = fill(template, values).splitlines()
    if not lines[0].startswith("#!") or not _SHELLS & set(re.split(r"[\s/]", lines[0][2:])):
        raise InvalidRequest("batch_script: its first line names no shell.", "For example #!/bin/bash.")
    first = next(number for number, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    return "\n".join([lines[0], *directives, *lines[1:first], *exports, *lines[first:], ""])


def step_words(line: str) -> list[str]:
    """The words of `req_srun`. Raises `InvalidRequest`."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidRequest(f"req_srun: {line!r} cannot be read: {error}.") from None


def not_kept(configured: Mapping[str, tuple[str, object]], instead: Mapping[str, str]) -> Iterator[str]:
    """One line for each setting that cannot be kept, by name with section, with what to use *instead*."""
    for name, (section, _) in configured.items():
        if name in instead:
            yield f"c.{section}.{name} cannot be kept. Use instead: {instead[name]}."


def mistakes(configured: Mapping[str, tuple[str, object]], own: Iterable[str]) -> Iterator[str]:
    """What is wrong with settings, by name with section and value: one line each, with what to use instead.
    *own* are the names that a template may use beside ours."""
    known = dict.fromkeys([*own, *asked(Lane(), Shape(), 60, ""), "lane", "shape"], "") | {"cmd": "SERVER"}
    yield from not_kept(configured, INSTEAD)
    for name, (section, value) in configured.items():
        if name in INSTEAD:
            continue
        try:
            _check(name, str(value), known)
        except IhpcError as error:
            yield f"c.{section}.{name}: {str(error).removeprefix(f'{name}: ')}"


def _check(name: str, value: str, known: Mapping[str, str]) -> None:
    """Raises `InvalidRequest` for a value that cannot be kept."""
    if name in _COMMANDS:
        read_command(_COMMANDS[name], value)
    elif name == "batch_script" and value:
        fill_template(value, known, [], [])
    elif name == "req_srun":
        step_words(value)
    elif name.startswith("req_"):
        read_given({name.removeprefix("req_"): value}, Given)
    elif name == "exec_prefix":
        fill_in(value, "user", "/home/user")
