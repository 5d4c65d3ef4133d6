"""How long servers wait in the queue of each lane: of what the hub's watcher sees anyway, without a question."""

import time
from collections import defaultdict, deque
from collections.abc import Collection

from ihpc_jupyter.metrics.series import MAX_SAMPLES, Sample
from ihpc_jupyter.metrics.starts import QueueStarts, still_waiting
from ihpc_jupyter.metrics.summary import summarise
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.metrics import Summary

WINDOW = 86400.0
"""Seconds that a wait counts."""


class LaneWaits:
    """The waits of servers that have started, and those of the servers that wait now.

    A hub that starts anew learns them from the jobs of the servers that run.
    """

    def __init__(self) -> None:
        self._starts = QueueStarts()
        self._waited: dict[str, deque[Sample]] = defaultdict(lambda: deque(maxlen=MAX_SAMPLES))
        self._waiting: dict[str, list[float]] = {}

    def observe(self, jobs: Collection[Job]) -> None:
        """All servers' jobs, as one answer of the batch system has them."""
        for start in self._starts.observe(jobs):
            self._waited[start.lane].append(Sample(start.at, start.wait, start.job))
        self._waiting = {
            lane: since for (metric, lane), since in still_waiting(jobs).items() if metric == "queue_wait"
        }

    def look(self, now: float | None = None) -> dict[str, Summary]:
        """By lane, seconds from submission to start over the last day; servers that wait count as "at least"."""
        at = time.time() if now is None else now
        return {
            lane: summarise(
                [sample for sample in self._waited.get(lane, ()) if sample.at > at - WINDOW],
                [at - since for since in self._waiting.get(lane, ())],
                WINDOW,
                at,
            )
            for lane in {*self._waited, *self._waiting}
        }
