"""How long the machine let this process not run at all, as a paused one does: no fault of what is timed."""

import threading
import time
from functools import cache

TICK = 0.02
LATE = 0.1
"""Seconds by which whoever sleeps is woken late only where nothing runs."""


class Stalls:
    """A thread that only sleeps, and counts by how much it was woken late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost = 0.0
        self._due = time.monotonic() + TICK
        threading.Thread(target=self._run, name="stalls", daemon=True).start()

    @property
    def seconds(self) -> float:
        """All that was lost so far, a stall that the thread has not woken from included."""
        with self._lock:
            return self._lost + self._late()

    def _late(self) -> float:
        late = time.monotonic() - self._due
        return late if late > LATE else 0.0

    def _run(self) -> None:
        while True:
            time.sleep(TICK)  # being woken late is what is measured
            with self._lock:
                self._lost += self._late()
                self._due = time.monotonic() + TICK


@cache
def stalls() -> Stalls:
    """This process's own."""
    return Stalls()
