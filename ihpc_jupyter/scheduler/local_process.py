"""Processes of local jobs: started in a session of their own, recognised again after our own death."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ihpc_jupyter.model.job import JobState

# The shell outlives the job's process to write down how it ended, also when nobody of us is alive. It traps
# what is sent to the whole group; a trap, unlike an ignored signal, is not inherited by the job.
_WRAPPER = 'trap : USR1 TERM INT HUP; bash "$1"; code=$?; printf "%s\\n" "$code" >"$2.new" && mv -f "$2.new" "$2"'

_TITLE = "ihpc-job"


@dataclass(frozen=True)
class Leader:
    """The wrapper of one run of a job: its pid, and what tells it from a later process with the same pid."""

    pid: int
    identity: str


def start(script: Path, log: str, exit_file: Path, environment: Mapping[str, str]) -> Leader:
    """Start ``bash SCRIPT``; output goes to the end of *log* (nowhere when empty). Blocks for milliseconds.

    Raises `OSError` when the log cannot be opened or no process can be made.
    """
    exit_file.unlink(missing_ok=True)
    target = Path(log or os.devnull)
    if log:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = environment.get("HOME", "/")
    with target.open("ab") as output:
        process = subprocess.Popen(
            ["bash", "-c", _WRAPPER, _TITLE, str(script), str(exit_file)],  # noqa: S607 (the user's own bash)
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=home if Path(home).is_dir() else "/",
            start_new_session=True,
        )
    leader = Leader(process.pid, identity(process.pid) or "")
    # The pump reaps by pid, so that it treats its own children and adopted processes alike.
    process.returncode = 0
    return leader


def identity(pid: int) -> str | None:
    """Boot and start time of a process in clock ticks since that boot; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else f"{boot}:{fields[19]}"


def alive(leader: Leader) -> bool:
    """Whether that very process still runs; reaps it when it was our child and has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(leader.pid, os.WNOHANG)
    return bool(leader.identity) and identity(leader.pid) == leader.identity


def find(exit_files: set[str]) -> dict[str, Leader]:
    """Living wrappers that will write one of *exit_files*, by that path."""
    found: dict[str, Leader] = {}
    for entry in Path("/proc").glob("[0-9]*") if exit_files else ():
        with contextlib.suppress(OSError):
            words = os.fsdecode((entry / "cmdline").read_bytes()).split("\0")
            if len(words) > 5 and words[3] == _TITLE and words[5] in exit_files:
                pid = int(entry.name)
                found[words[5]] = Leader(pid, identity(pid) or "")
    return found


def watch(leader: Leader) -> int | None:
    """A file descriptor that becomes readable when the process ends; None when it is gone already."""
    try:
        return os.pidfd_open(leader.pid)
    except OSError:
        return None


def notify(leader: Leader) -> None:
    """SIGUSR1 to the job's own process (the script, or what it became by ``exec``), not its children."""
    for pid in _children(leader.pid):
        _send(pid, signal.SIGUSR1)


def terminate(leader: Leader) -> None:
    """SIGTERM to the whole process group."""
    _send_group(leader.pid, signal.SIGTERM)


def kill(leader: Leader) -> None:
    """SIGKILL to the process group and to descendants that left it."""
    for pid in _descendants(leader.pid):
        _send(pid, signal.SIGKILL)
    _send_group(leader.pid, signal.SIGKILL)


def sweep(leader: Leader) -> None:
    """SIGKILL to what an ended job left in its process group."""
    if identity(leader.pid) is None:  # a live process with this pid is somebody else's by now
        _send_group(leader.pid, signal.SIGKILL)


def exit_code(exit_file: Path) -> int | None:
    """What the script ended with; None when the wrapper could not write it down."""
    try:
        return int(exit_file.read_text())
    except (OSError, ValueError):
        return None


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):  # each thread has children of its own
        with contextlib.suppress(OSError):
            found += [int(word) for word in listing.read_text().split()]
    return found


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for child in _children(pid):
        found += [child, *_descendants(child)]
    return found


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _send_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def running(leader: Leader) -> dict[str, object]:
    """What changes in a job whose process has been started."""
    moment = {"begun": time.monotonic(), "started_at": time.time()}
    return {"state": JobState.RUNNING, "reason": "", "pid": leader.pid, "identity": leader.identity, **moment}
