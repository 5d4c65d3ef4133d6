"""Tasks for Dask workers; each run leaves a trace in a file, so that runs can be counted."""

import ctypes
import os
import time
from collections import Counter
from pathlib import Path


def traced(path: str, number: int, seconds: float = 0.0, size: int = 1) -> bytes:
    """Leave *number* in the file, work for *seconds*, give *size* bytes."""
    with Path(path).open("a") as file:
        file.write(f"{number}\n")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)  # this is the work: it takes its time, but can be seen to end
    return bytes([number % 256]) * size


def held(path: str, number: int, release: str) -> bytes:
    """Leave *number* in the file and wait until *release* exists."""
    result = traced(path, number)
    while not Path(release).exists():
        time.sleep(0.05)  # this is the work: it takes as long as it is told to
    return result


def holding_the_interpreter(path: str, number: int, seconds: int) -> bytes:
    """The same, but no other thread of the process runs meanwhile: no heartbeat is sent."""
    result = traced(path, number)
    ctypes.PyDLL(None).sleep(seconds)
    return result


def traces(path: Path) -> Counter[int]:
    """How often each number was begun."""
    return Counter(int(line) for line in path.read_text().split()) if path.exists() else Counter()


def whose(dask_worker_name: str = "") -> str:
    """The job that the task runs in."""
    return os.environ.get("IHPC_JOB_ID", "")
