"""A copy's pulse: a number that grows twice a second while the copy lives.

Beside a process of its own it is a tiny child, forked before the user's code: it beats on while that code holds
Python's interpreter lock, and falls silent when the driver is gone or stopped.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # what `signal` is made of; its names for numbers are dear
import os
import select
from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

BEAT = 0.5
"""Seconds between two beats."""


def start_pulse(path: Path) -> int:
    """Fork the pulse of this process. It is nobody's child: who waits for all children does not wait for it.

    Returns the process in between, which has to be waited for before the user's code: it ends meanwhile.
    """
    driver = os.getpid()
    told, alive = os.pipe()
    between = os.fork()
    if between:
        os.close(told)
        return between  # *alive* stays open as long as this process is
    try:
        if os.fork() == 0:
            os.close(alive)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _beat(path, driver, told)
    finally:
        os._exit(0)


def _beat(path: Path, driver: int, told: int) -> None:
    """Beat until the driver has gone: its end of the pipe closes, or (a child holds that, too) its entry goes."""
    _, born = _state(driver)
    for number in count(1):
        letter, since = _state(driver)
        if since != born or letter in "ZX":
            return
        if letter not in "Tt":
            write_beat(path, number)
        if select.select([told], [], [], BEAT)[0]:
            return


def _state(pid: int) -> tuple[str, str]:
    """A process's state as one letter, and when it began; empty: it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # as few steps as possible, twice a second
            words = file.read().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return words[0], words[19]


def write_beat(path: Path, number: int) -> None:
    """Opened and closed each time: so that other hosts see it."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(file, b"%d\n" % number)
        os.close(file)
    except OSError:
        pass  # a full disk or a server that is away: the next beat tries again
