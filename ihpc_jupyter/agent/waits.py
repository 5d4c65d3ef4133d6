"""How long this user's jobs lately waited in the queue, by lane."""

import math
from collections import deque
from collections.abc import Iterable

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.site import Wait

REMEMBERED = 200
"""Starts remembered in each lane."""


class Waits:
    """Learns from every answer of the batch system; a job that starts again after a preemption is left out."""

    def __init__(self) -> None:
        self._waits: dict[str, deque[float]] = {}
        self._seen: set[tuple[str, int]] = set()

    def observe(self, jobs: Iterable[Job]) -> None:
        """Take note of jobs that have started since the last look."""
        seen = set()
        for job in jobs:
            key = (job.id, job.restarts)
            seen.add(key)
            # After a requeue the time of submission no longer says since when the job has waited.
            fresh = key not in self._seen and job.restarts == 0
            if job.state.waiting or not job.started_at or not job.submitted_at or not job.lane:
                seen.discard(key)
            elif fresh:
                wait = max(0.0, job.started_at - job.submitted_at)
                self._waits.setdefault(job.lane, deque(maxlen=REMEMBERED)).append(wait)
        self._seen = seen

    def by_lane(self) -> dict[str, Wait]:
        """Median and 95th percentile (nearest rank) of each lane, in seconds, with how many they rest on."""
        return {
            lane: Wait(median=_rank(sorted(waits), 0.5), p95=_rank(sorted(waits), 0.95), count=len(waits))
            for lane, waits in self._waits.items()
        }


def _rank(ordered: list[float], share: float) -> float:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
