"""The process that holds a bed's daemons and ends them with their owner, however the owner ends.

    python -m tests.slurmbed.supervisor DIRECTORY OWNER

It reads requests from its standard input, one JSON object a line, and answers each with one. When that pipe
closes or the owner's process ends, it kills everything below itself and removes the directory.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.slurmbed import processes

Request = dict[str, Any]


class Supervisor:
    """Starts, signals and kills named daemons."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pids: dict[str, int] = {}
        self._exits: dict[str, int] = {}

    def answer(self, line: bytes) -> bytes:
        """Do what one request says."""
        try:
            request: Request = json.loads(line)
            reply = getattr(self, f"do_{request.pop('do')}")(**request)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        return json.dumps(reply).encode() + b"\n"

    def do_start(
        self, name: str, argv: list[str], env: dict[str, str], log: str, user: int, group: int
    ) -> Request:
        """Start a daemon as a user; its output goes to its log."""
        if name in self._pids:
            raise ValueError(f"{name} runs already")
        other = {"user": user, "group": group, "extra_groups": []} if user != os.geteuid() else {}
        with Path(log).open("ab") as output:
            # The identity changes before preexec_fn runs; a later change would clear the parent-death signal.
            child = subprocess.Popen(  # type: ignore[call-overload]
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._directory,
                start_new_session=True,
                preexec_fn=processes.die_with_parent,  # noqa: PLW1509 (no threads in this process)
                **other,
            )
        child.returncode = 0  # reaped below, with all other children, not by this object
        self._pids[name] = child.pid
        self._exits.pop(name, None)
        return {"pid": child.pid}

    def do_signal(self, name: str, number: int) -> Request:
        """Send a signal to the daemon alone."""
        processes.send(self._pids[name], number)
        return {}

    def do_freeze(self, name: str) -> Request:
        """Stop the daemon and all that it started."""
        processes.send(self._pids[name], signal.SIGSTOP)
        return {"pids": processes.freeze_below(self._pids[name])}

    def do_thaw(self, name: str) -> Request:
        """Let the daemon and all that it started go on."""
        processes.thaw_below(self._pids[name])
        processes.send(self._pids[name], signal.SIGCONT)
        return {}

    def do_kill(self, name: str) -> Request:
        """Kill the daemon with all that it started, and wait until they are gone."""
        pid = self._pids[name]
        before = processes.freeze_below(pid)
        processes.kill_below(pid)
        processes.send(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while name in self._pids or any(Path(f"/proc/{one}").exists() for one in before):
            self.reap()
            if time.monotonic() > deadline:
                raise ValueError(f"{name} does not end")
            time.sleep(0.002)  # of a grandchild's end nothing tells but /proc
        return {"pids": before}

    def do_state(self) -> Request:
        """Tell which daemons run (process id) and which have ended (exit code)."""
        return {"running": self._pids, "ended": self._exits}

    def reap(self) -> None:
        """Take note of every child that has ended, adopted orphans included."""
        names = {pid: name for name, pid in self._pids.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if name := names.get(pid):
                del self._pids[name]
                self._exits[name] = os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """Kill everything below this process and remove the directory."""
        deadline = time.monotonic() + 20
        looks_without = 0  # one proves nothing: /proc is not read at one moment, and orphans change parents
        while looks_without < 2 and time.monotonic() < deadline:
            looks_without = 0 if processes.descendants(os.getpid()) else looks_without + 1
            processes.kill_below(os.getpid())
            self.reap()
            time.sleep(0.002)  # as above
        shutil.rmtree(self._directory, ignore_errors=True)


def serve(supervisor: Supervisor, owner: int) -> None:
    """Answer requests until the owner is gone."""
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    poll = select.poll()
    for descriptor in (0, wake_read, os.pidfd_open(owner)):
        poll.register(descriptor, select.POLLIN)
    buffer = b""
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if wake_read in ready and signal.SIGTERM in os.read(wake_read, 4096):
            return
        supervisor.reap()
        if 0 in ready:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                os.write(1, supervisor.answer(line))
        elif ready - {wake_read}:
            return


def main(directory: str, owner: str) -> None:
    """Serve one bed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.adopt_orphans()
    supervisor = Supervisor(Path(directory))
    try:
        serve(supervisor, int(owner))
    except (OSError, ProcessLookupError):
        return  # the owner is gone already, or nobody reads our answers any more
    finally:
        supervisor.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
