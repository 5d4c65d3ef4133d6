"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class BedError(RuntimeError):
    """The bed did not do what it should; the message holds the ends of the daemons' logs."""


def wait_until(condition: Callable[[], T], what: str, timeout: float = 30, logs: Path | None = None) -> T:
    """Ask until the condition gives something true and return that; raise with the logs at the deadline."""
    deadline = time.monotonic() + timeout
    pause = 0.01
    while True:
        late = time.monotonic() > deadline  # before the look: a machine that pauses has always looked once more
        try:
            answer = condition()
        except BedError:  # of a command: a controller may be late once, too
            if late:
                raise
        else:
            if answer:
                return answer
        if late:
            raise BedError(f"after {timeout:g} s still waiting until {what}{log_tails(logs)}")
        time.sleep(pause)  # the one place where a condition is asked for again
        pause = min(pause * 1.5, 0.1)


def log_tails(logs: Path | None, lines: int = 15) -> str:
    """Return the last lines of every log in a directory, ready to be part of an error message."""
    if logs is None or not logs.is_dir():
        return ""
    tails = [f"\n--- {log.name}\n{_tail(log, lines)}" for log in sorted(logs.iterdir()) if log.is_file()]
    return "".join(tails)


def _tail(log: Path, lines: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
