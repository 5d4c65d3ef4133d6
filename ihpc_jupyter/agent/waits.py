"""How long this user's jobs lately waited in the queue, by lane."""

from collections import deque
from collections.abc import Iterable

from ihpc_jupyter.metrics.starts import QueueStarts
from ihpc_jupyter.metrics.summary import percentile
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.site import Wait

REMEMBERED = 200
"""Starts remembered in each lane."""


class Waits:
    """Learns from every answer of the batch system; a job that starts again after a preemption is left out."""

    def __init__(self) -> None:
        self._waits: dict[str, deque[float]] = {}
        self._starts = QueueStarts()

    def observe(self, jobs: Iterable[Job]) -> None:
        """Take note of jobs that have started since the last look."""
        for start in self._starts.observe(jobs):
            self._waits.setdefault(start.lane, deque(maxlen=REMEMBERED)).append(start.wait)

    def by_lane(self) -> dict[str, Wait]:
        """Median and 95th percentile (nearest rank) of each lane, in seconds, with how many they rest on."""
        return {
            lane: Wait(
                median=percentile(sorted(waits), 0.5), p95=percentile(sorted(waits), 0.95), count=len(waits)
            )
            for lane, waits in self._waits.items()
        }
