"""A centre's snapshot for tests: its writer as a process of its own, with its own count of requests."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ihpc_jupyter.scheduler.snapshot import SnapshotPaths
from tests.slurmbed import FaultyCommands, users, wait_until

_PROGRAM = "import sys; from ihpc_jupyter.cli import main; sys.exit(main(sys.argv[1:]))"


class SnapshotWriter:
    """``ihpc site snapshot`` in *environment*, with further *options*; *keep*: in the directory named.

    Its commands are counted, and fail as told, by *commands*.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        commands: FaultyCommands,
        *,
        site: str = "bed",
        user: str | None = None,
        options: Sequence[str] = (),
        keep: bool = True,
    ) -> None:
        self.paths = SnapshotPaths(directory)
        self.commands = commands
        self.log = directory.with_suffix(".log")
        self._site = site
        self._options = [*(["--directory", str(directory)] if keep else []), *options]
        self._environment = commands.env(environment)
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it says that it lives."""
        self._process = self.begin()
        wait_until(self._alive, "the writer lives", 20)

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start."""
        argv = [sys.executable, "-c", _PROGRAM, "site", "snapshot", self._site]
        argv += self._options
        with self.log.open("ab") as log:
            return subprocess.Popen(
                argv, env=self._environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **users.identity(self._user),
            )  # fmt: skip

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """As a machine that has more to do."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """In order; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        return self._process.wait(20)

    @property
    def questions(self) -> int:
        """How often it has asked for everybody's jobs."""
        return len(self.commands.calls("squeue"))

    def beats(self, count: int) -> None:
        """Wait for so many signs of life."""
        began = self.paths.alive.stat().st_mtime
        wait_until(lambda: self.paths.alive.stat().st_mtime >= began + count, f"{count} signs of life", 20)

    def _alive(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        return self.paths.alive.exists()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
