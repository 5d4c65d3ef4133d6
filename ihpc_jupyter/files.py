"""Small files that many hosts read: private, replaced atomically, read without surprises."""

import os
import tempfile
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

ModelType = TypeVar("ModelType", bound=BaseModel)


def private_directory(path: Path) -> Path:
    """Make *path* (0700) where it is not there yet; a parent that has to be made is private too."""
    for parent in (*reversed(path.parents), path):
        if not parent.exists():
            parent.mkdir(mode=0o700, exist_ok=True)
    return path


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace *path* atomically (0600): a reader sees the old text or the new, never half of one.

    *durable*: it is on the disk when this returns; else a host that crashes within seconds may lose it.
    Raises OSError (disk full, read-only) with the old file untouched.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_model(path: Path, model: BaseModel, *, durable: bool = True) -> None:
    """Replace *path* by the model's JSON."""
    write_text(path, model.model_dump_json(indent=1), durable=durable)


def read_model(path: Path, kind: type[ModelType]) -> ModelType | None:
    """The model in *path*; None where there is no such file, or it cannot be read as one."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
