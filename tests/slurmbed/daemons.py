"""The owner's side of the supervisor: start, freeze, thaw and kill daemons by name."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from .waiting import BedError, log_tails

_REPOSITORY = Path(__file__).parents[2]


class Daemons:
    """A supervisor process and the daemons it holds. It ends when this process does, even by kill -9."""

    def __init__(self, directory: Path, claim: int) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.slurmbed.supervisor", str(directory), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the owner; the supervisor ends when the owner says so
            cwd=_REPOSITORY,
            pass_fds=[claim],  # the addresses stay claimed until the last daemon has ended
        )

    def start(self, name: str, argv: list[str], *, env: dict[str, str] | None = None, uid: int, gid: int) -> int:
        """Start a daemon and return the process id of its outermost process."""
        log = str(self.directory / "log" / f"{name}.log")
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(env or {})}
        return int(self._ask(do="start", name=name, argv=argv, env=variables, log=log, user=uid, group=gid)["pid"])

    def freeze(self, name: str) -> None:
        """Stop (SIGSTOP) a daemon and everything it started."""
        self._ask(do="freeze", name=name)

    def thaw(self, name: str) -> None:
        """Let a frozen daemon go on."""
        self._ask(do="thaw", name=name)

    def kill(self, name: str) -> list[int]:
        """Kill (SIGKILL) a daemon and everything it started; return the process ids that are gone."""
        return [int(pid) for pid in self._ask(do="kill", name=name)["pids"]]

    def running(self) -> dict[str, int]:
        """Return the daemons that run, with the process id of their outermost process."""
        return dict(self._ask(do="state")["running"])

    def ended(self) -> dict[str, int]:
        """Return the daemons that have ended, with their exit codes."""
        return dict(self._ask(do="state")["ended"])

    def check(self, *names: str) -> None:
        """Raise with the logs if one of these daemons has ended."""
        ended = self.ended()
        for name in names:
            if name in ended:
                raise BedError(f"{name} has ended with code {ended[name]}{log_tails(self.directory / 'log')}")

    def close(self) -> None:
        """End everything and remove the directory; returns when that is done."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        # A forked child of this process may hold the pipe open still: say it by a signal too.
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired as error:
            raise BedError("the supervisor does not end") from error
        shutil.rmtree(self.directory, ignore_errors=True)  # in case the supervisor itself was killed

    def _ask(self, **request: object) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise BedError("the supervisor has no pipes")
        try:
            with self._lock:
                stdin.write(json.dumps(request).encode() + b"\n")
                stdin.flush()
                line = stdout.readline()
        except (BrokenPipeError, ValueError) as error:
            raise BedError("the bed is closed") from error
        reply: dict[str, Any] = json.loads(line or b'{"error": "the supervisor has ended"}')
        if "error" in reply:
            raise BedError(f"{request['do']} {request.get('name', '')}: {reply['error']}")
        return reply
