"""The `local` site's memory: one small file, replaced atomically, and a lock so that one process holds it."""

import fcntl
import os
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.base import Model
from ihpc_jupyter.scheduler.local_queue import LocalJob


class Memory(Model):
    """What the state file holds."""

    last_id: int = 0
    jobs: tuple[LocalJob, ...] = ()


class StateFile:
    """``state.json`` in a private directory of this host; also the place of scripts and exit files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock: IO[str] | None = None

    def open(self) -> Memory:
        """Take the lock and read; a file that cannot be read is put aside. Raises `Unavailable` when held."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Unavailable(
                "Another process looks after this host's local jobs.", "Use that one, or end it first."
            ) from None
        self._lock = lock
        path = self.directory / "state.json"
        try:
            return Memory.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Memory()
        except (ValidationError, OSError):
            path.replace(path.with_suffix(".unreadable"))
            return Memory(last_id=self._highest_script())

    def save(self, memory: Memory) -> None:
        """Replace the file; nobody ever sees half of one."""
        new = self.directory / "state.json.new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(memory.model_dump_json().encode())
        new.replace(self.directory / "state.json")

    def write_script(self, job_id: str, text: str) -> Path:
        """Keep a submission's script; its path."""
        path = self.directory / f"{job_id}.sh"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        return path

    def exit_file(self, job_id: str) -> Path:
        """Where the wrapper of that job writes how it ended."""
        return self.directory / f"{job_id}.exit"

    def forget(self, job_id: str, script: str) -> None:
        """Remove a job's files; *script* is empty while other jobs of its array need it."""
        self.exit_file(job_id).unlink(missing_ok=True)
        if script:
            Path(script).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _highest_script(self) -> int:
        # Ids must not be used twice: an old log or a tag could be taken for the new job's.
        numbers = [int(path.stem) for path in self.directory.glob("*.sh") if path.stem.isdigit()]
        return max(numbers, default=0)
