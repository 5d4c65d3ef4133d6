"""Writes the snapshot's files: each user's jobs for that user, the rest for all, never half of anything."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ihpc_jupyter.errors import InvalidRequest, Rejected
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, SnapshotPaths, UserJobs


class Publisher:
    """The one that writes in a snapshot's directory. Its methods write files: call them in a thread.

    Run by root, each user's jobs are that user's to read and nobody else's; run by somebody else, everybody's.
    """

    def __init__(self, directory: Path) -> None:
        self.paths = SnapshotPaths(directory)
        self.private = os.geteuid() == 0
        self._told: dict[int, str] = {}
        self._lock: int | None = None

    def open(self, site: SiteSnapshot) -> None:
        """Make the directory ready, and say that nobody has been asked yet.

        Raises `InvalidRequest` for a directory that is not ours alone, `Rejected` where another writer is at work.
        """
        paths = self.paths
        try:
            for path, mode in ((paths.directory, 0o755), (paths.users, 0o711), (paths.wanted, 0o1777)):
                _own_directory(path, mode)
            self._lock = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Rejected(f"Another writer keeps {paths.directory}.", "One is enough.") from None
        except OSError as error:
            raise InvalidRequest(f"{paths.directory} cannot be used: {error.strerror}.") from error
        self.site(site)
        # What was told before may no longer be so.
        self._told = {}
        for left in (*paths.directory.glob(".*.new"), *paths.users.iterdir()):
            left.unlink()
        self.beat()

    def make_room_for_wishes(self) -> None:
        """The directory that readers touch their marks in."""
        _own_directory(self.paths.wanted, 0o1777)

    def beat(self) -> float:
        """A sign of life: the moment of it."""
        self._touch(self.paths.alive)
        return self.paths.alive.lstat().st_mtime

    def moment(self) -> float:
        """This moment by the directory's clock, not later than it is."""
        self._touch(self.paths.clock)
        return self.paths.clock.lstat().st_mtime

    def _touch(self, path: Path) -> None:
        try:
            os.utime(path, follow_symlinks=False)
        except FileNotFoundError:
            self._replace(path, "", 0o644)

    def jobs(self, told: Mapping[int, str], readers: Collection[int]) -> None:
        """Every user's jobs, and an empty list for readers who have none; only what has changed is written."""
        for uid in {*told, *readers, *self._told}:
            text = told.get(uid, "")
            if self._told.get(uid) != text:
                model = UserJobs(uid=uid, text=text)
                path = self.paths.jobs(uid)
                self._replace(path, model.model_dump_json(), 0o400 if self.private else 0o444, uid)
                self._told[uid] = text
        for uid in [uid for uid, text in self._told.items() if not text and uid not in readers]:
            self.paths.jobs(uid).unlink(missing_ok=True)
            del self._told[uid]

    def told(self, uid: int) -> str | None:
        """That user's jobs as they are told; None where they are not."""
        return self._told.get(uid)

    def site(self, told: SiteSnapshot) -> None:
        """How the batch system is: last, after the jobs that it vouches for."""
        self._replace(self.paths.site, told.model_dump_json(), 0o644)

    def close(self) -> None:
        """Say that nobody writes any more."""
        if self._lock is not None:
            self.paths.alive.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _replace(self, path: Path, text: str, mode: int, uid: int | None = None) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
                os.fchmod(file.fileno(), mode)
                if uid is not None and self.private:
                    os.fchown(file.fileno(), uid, -1)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise


def _own_directory(path: Path, mode: int) -> None:
    """Make it, or take it where it is ours and no symbolic link."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise InvalidRequest(
            f"{path} is not a directory of the writer's own.", "Name one that does not exist yet."
        )
    path.chmod(mode)
