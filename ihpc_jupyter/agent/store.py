"""Records on disk: one directory each in the home, read by every host's agent, written by one."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Generic, TypeVar

from ihpc_jupyter.files import private_directory, read_model, write_model
from ihpc_jupyter.model.base import Record

RecordType = TypeVar("RecordType", bound=Record)


class Store(Generic[RecordType]):
    """The directory of all records of one kind; *file* is the record's file in its own directory."""

    def __init__(self, root: Path, file: str, kind: type[RecordType]) -> None:
        self._root = private_directory(root)
        self._file = file
        self._kind = kind

    def directory(self, record: RecordType) -> Path:
        """The record's own directory."""
        return self._root / record.folder

    def create(self, record: RecordType, *, durable: bool = True) -> Path:
        """Make the directory with its record; *durable*: on the disk when this returns."""
        directory = private_directory(self.directory(record))
        write_model(directory / self._file, record, durable=durable)
        return directory

    def save(self, record: RecordType, *, durable: bool = True) -> None:
        """Replace the record; *durable* as for `create`. Raises OSError when the disk is full or read-only."""
        write_model(self.directory(record) / self._file, record, durable=durable)

    def load(self, record: RecordType) -> RecordType | None:
        """The record as it is on disk now; None when it is gone."""
        return read_model(self.directory(record) / self._file, self._kind)

    def all(self, known: Collection[str] = ()) -> list[RecordType]:
        """Every record, whoever holds it, but those in folders that are *known*; unreadable ones are left out."""
        paths = (path for path in sorted(self._root.glob(f"*/{self._file}")) if path.parent.name not in known)
        records = (read_model(path, self._kind) for path in paths)
        return [record for record in records if record is not None]

    def forget(self, record: RecordType) -> None:
        """Remove the record's directory."""
        shutil.rmtree(self.directory(record), ignore_errors=True)
