"""A centre's snapshot as a reader sees it: read with care, and told what is wanted by touching a file."""

import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, SnapshotPaths, UserJobs
from ihpc_jupyter.scheduler.snapshot_reader import LARGEST, SnapshotReader, Unusable
from ihpc_jupyter.scheduler.source import Wish

_AModel = TypeVar("_AModel", bound=BaseModel)


class SnapshotFiles(SnapshotReader):
    """The snapshot in a directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._paths = SnapshotPaths(directory)
        self._uid = os.getuid()
        self._token = secrets.token_hex(8)
        self._marks: dict[Wish, Path] = {}
        self._mine: tuple[tuple[int, int, int], UserJobs] | None = None

    def mark(self, wish: Wish) -> float:
        """Touch a file of ours: the moment is what the directory's file system writes. Raises `Unusable`."""
        path = self._paths.wanted / f"{self._token}.{wish.name.lower()}"
        before = time.time()
        try:
            _touch(path)
            touched = path.lstat()
        except OSError as error:
            raise Unusable(f"{path.parent} takes no marks: {error.strerror}") from error
        self._marks[wish] = path
        self._compare_clocks(before, touched.st_mtime)
        return touched.st_mtime

    def site(self, patience: float = 0.0) -> SiteSnapshot:
        """What the file says now. Raises `Unusable`."""
        keeper = self._keeper()
        if self._offset is None:
            self.mark(Wish.LOOKS)
        told = self._model(self._paths.site, {keeper}, SiteSnapshot)
        alive = self._opened(self._paths.alive, {keeper})[1].st_mtime
        try:
            return self._not_gone(told, alive, self.now)
        except Unusable:  # or this host's clock was set since the last mark
            self.mark(Wish.LOOKS)
            return self._not_gone(told, alive, self.now)

    def jobs(self) -> UserJobs | None:
        """This user's jobs; the same object while the file is the same, None while there is none.

        Raises `Unusable`.
        """
        path, owners = self._paths.jobs(self._uid), {self._keeper(), self._uid}
        try:
            data, found = self._opened(path, owners, most=LARGEST, known=self._mine[0] if self._mine else None)
        except FileNotFoundError:
            return None
        if data is None and self._mine is not None:
            return self._mine[1]
        told = _parsed(path, data or b"", UserJobs)
        if told.uid != self._uid:
            raise Unusable(f"{path} is another user's")
        self._mine = _identity(found), told
        return told

    def close(self) -> None:
        """Take the marks away."""
        for path in self._marks.values():
            with suppress(OSError):
                path.unlink()
        self._marks = {}

    def _keeper(self) -> int:
        """Who keeps the directory: nobody else may write in it."""
        try:
            found = self._paths.directory.stat()
        except OSError as error:
            raise Unusable(f"{self._paths.directory} cannot be read: {error.strerror}") from error
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Unusable(f"others than its owner may write in {self._paths.directory}")
        return found.st_uid

    def _model(self, path: Path, owners: set[int], kind: type[_AModel]) -> _AModel:
        try:
            return _parsed(path, self._opened(path, owners, most=LARGEST)[0] or b"", kind)
        except FileNotFoundError as error:
            raise Unusable(f"there is no {path}") from error

    def _opened(
        self, path: Path, owners: set[int], most: int = 0, known: tuple[int, int, int] | None = None
    ) -> tuple[bytes | None, os.stat_result]:
        """The file's bytes and state; no bytes where it is the one *known*, or *most* is 0.

        Opened for the state, too: only so do network file systems look again. Raises `Unusable`,
        FileNotFoundError.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            if not most:
                raise Unusable("nobody writes it at the moment") from None
            raise
        except OSError as error:
            raise Unusable(f"{path} cannot be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners or writable:
                raise Unusable(f"{path} is not its writer's own file")
            if found.st_size > most > 0:
                raise Unusable(f"{path} is too large")
            return (file.read() if most and _identity(found) != known else None), found


def _touch(path: Path) -> None:
    try:
        os.utime(path, follow_symlinks=False)
    except FileNotFoundError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size


def _parsed(path: Path, data: bytes, kind: type[_AModel]) -> _AModel:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise Unusable(f"{path} cannot be understood") from error
