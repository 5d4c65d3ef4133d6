"""Trees of processes, read from /proc: to freeze, thaw and kill a daemon with all that it started.

Slurm's job steps leave their parent's process group and session, so neither finds them. Parentage does: the
top of each tree is the init of a PID namespace or a "child subreaper", either of which inherits orphans.
"""

import ctypes
import os
import signal
import time
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends (run between fork and exec)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(top: int) -> dict[int, str]:
    """Return the processes below one (not itself) and their states; zombies are left out."""
    children: dict[int, list[tuple[int, str]]] = {}
    for pid, parent, state in _all_processes():
        children.setdefault(parent, []).append((pid, state))
    found: dict[int, str] = {}
    todo = [top]
    while todo:
        below = children.get(todo.pop(), [])
        todo.extend(pid for pid, _ in below)
        found.update({pid: state for pid, state in below if state not in "ZX"})
    return found


def freeze_below(top: int, timeout: float = 5) -> list[int]:
    """Stop every process below the top, those born meanwhile too; return them."""
    deadline = time.monotonic() + timeout
    while True:
        states = descendants(top)
        moving = [pid for pid, state in states.items() if state not in "Tt"]
        if not moving or time.monotonic() > deadline:
            return list(states)
        for pid in moving:
            send(pid, signal.SIGSTOP)
        time.sleep(0.002)


def thaw_below(top: int) -> None:
    """Let every process below the top go on."""
    for pid in descendants(top):
        send(pid, signal.SIGCONT)


def kill_below(top: int) -> None:
    """Kill every process below the top; they are frozen first, so that none starts another and escapes."""
    for pid in freeze_below(top):
        send(pid, signal.SIGKILL)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def command_name(pid: int) -> str:
    """Return the name of the program a process runs (at most 15 characters); empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def _all_processes() -> list[tuple[int, int, str]]:
    rows = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(errors="replace")
        except OSError:  # it ended between the listing and the reading
            continue
        # The command's name, in parentheses, may hold spaces and parentheses itself.
        state, parent = stat.rpartition(")")[2].split()[:2]
        rows.append((int(entry.name), int(parent), state))
    return rows
