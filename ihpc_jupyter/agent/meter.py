"""What the agent knows of responsiveness: takes in what happens anyway, keeps it, tells it."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ihpc_jupyter.agent.history import History, Row
from ihpc_jupyter.metrics.catalogue import METRICS
from ihpc_jupyter.metrics.health import Reading
from ihpc_jupyter.metrics.series import Board, Sample, Series
from ihpc_jupyter.metrics.starts import ClusterStarts, QueueStart, QueueStarts, run_starts, still_waiting
from ihpc_jupyter.metrics.summary import points, summarise
from ihpc_jupyter.model.cluster import ClusterView
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.metrics import Responsiveness, SeriesView
from ihpc_jupyter.model.protocol import Change
from ihpc_jupyter.model.run import RunView
from ihpc_jupyter.scheduler.watcher import JobsSnapshot

KEPT = 86400.0
"""Seconds for which samples are kept: the baseline."""
SAVE = 10.0
"""Seconds for which new samples are gathered before they are written."""

FRESH = 1.0
"""Seconds for which an answer is given again: many tabs ask for the same."""


class Meter:
    """The samples of this user on this host. *readings*: the last of what is probed, by kind and name."""

    def __init__(self, history: History, sites: Iterable[str]) -> None:
        self.board = Board()
        self.revision = 0
        self.failures: Counter[str] = Counter()
        """Questions to each site that nobody answered, since the agent started."""
        self.readings: dict[tuple[str, str], Reading] = {}
        self.expecting: set[str] = set()
        """Clusters and runs that wait for something."""
        self.expects: Callable[[], None] = lambda: None
        """Called when one of them begins to."""
        self._history = history
        self._new: list[Row] = []
        self._news = asyncio.Event()
        self._told: dict[float, Responsiveness] = {}
        self._waiting: dict[tuple[str, ...], list[float]] = {}
        self._heard: dict[str, float] = {}
        """When sites that are silent were last heard: whether anything has waited longer is not known."""
        for metric, labels, sample in history.load():
            if metric in METRICS and len(labels) == len(METRICS[metric].labels):
                self.board.find(metric, *labels).remember(sample)
        told = set(self.board.keys("queue_wait"))
        self._queues = {site: QueueStarts(told) for site in sites}
        self._jobs: dict[str, Mapping[str, Job]] = {}
        self._clusters = ClusterStarts()
        self._runs = set(self.board.keys("run_start"))

    def add(self, sample: Sample, metric: str, *labels: str) -> None:
        """One measurement."""
        self.board.find(metric, *labels).add(sample)
        self._new.append((metric, labels, sample))
        self._news.set()
        self.revision += 1

    # -- what happens anyway -----------------------------------------------------------------------------

    def answered(self, site: str, snapshot: JobsSnapshot) -> None:
        """The watcher's question was answered, or was not."""
        if snapshot.silent:
            self.failures[site] += 1
            if snapshot.answered_at is not None:
                self._heard[site] = snapshot.answered_at
            return
        self._heard.pop(site, None)
        now = time.time()
        if snapshot.latency is not None and snapshot.answered_at is not None:
            self.add(Sample(snapshot.answered_at, snapshot.latency), "scheduler_latency", site)
        if snapshot.jobs is self._jobs.get(site):
            return
        self._jobs[site] = snapshot.jobs
        for start in self._queues[site].observe(snapshot.jobs.values()):
            if start.at > now - KEPT:
                self._queued(site, start)
        self._waiting = {labels: since for labels, since in self._waiting.items() if labels[0] != site}
        for (metric, lane), since in still_waiting(snapshot.jobs.values()).items():
            self._waiting[site, metric, lane] = since
            self.board.find(metric, site, lane)

    def _queued(self, site: str, start: QueueStart) -> None:
        """A job's wait, and its parts where the batch system tells them."""
        parts = {"queue_wait": start.wait}
        if start.queued is not None:
            parts |= {"queue_hold": start.wait - start.queued, "queue_eligible": start.queued}
        for metric, seconds in parts.items():
            self.add(Sample(start.at, seconds, start.job), metric, site, start.lane)

    def observe(self, change: Change) -> None:
        """What the agent tells its doors."""
        if change.cluster is not None:
            self._cluster(change.cluster)
        elif change.run is not None:
            self._run(change.run)
        elif change.kind in ("cluster-gone", "run-gone"):
            self.expecting.discard(f"{change.kind.removesuffix('-gone')} {change.name}")

    def _cluster(self, view: ClusterView) -> None:
        now = time.time()
        for stage, seconds in self._clusters.observe(view, now):
            self.add(Sample(now, seconds), "cluster_start", view.site, stage)
        counts = [group.counts for group in view.groups.values()]
        waits = view.holder is None and any(one.requested + one.pending + one.starting for one in counts)
        self._expect(f"cluster {view.name}", waits)

    def _run(self, view: RunView) -> None:
        for way, start in run_starts(view):
            if start.key not in self._runs and start.at > time.time() - KEPT:
                self._runs.add(start.key)
                self.add(start, "run_start", view.site, view.lane, way)
        self._expect(f"run {view.id}", not view.state.ended)

    def _expect(self, what: str, waits: bool) -> None:
        if waits and what not in self.expecting:
            self.expecting.add(what)
            self.expects()
        elif not waits:
            self.expecting.discard(what)

    # -- what is told ------------------------------------------------------------------------------------

    def waiting(self, series: Series, now: float) -> list[float]:
        """For how many seconds jobs of that series have been waiting; had been, where their site is silent."""
        site, *lane = series.labels or ("",)
        now = self._heard.get(site, now)
        since = self._waiting.get((site, series.metric.name, *lane), [])
        # Batch systems tell whole seconds, rounded down: only so is it a lower bound of what they will tell.
        return [max(0.0, math.floor(now) - moment) for moment in since]

    def responsiveness(self, window: float) -> Responsiveness:
        """All series over the last *window* seconds, beside everything that is kept.

        Worked out at most once a `FRESH` for each window, however many ask.
        """
        now = time.time()
        told = self._told.get(window)
        if told is None or not 0 <= now - told.at < FRESH:
            views = tuple(self._view(series, window, now) for series in self.board)
            told = Responsiveness(at=now, revision=self.revision, series=views)
            self._told = {key: one for key, one in self._told.items() if 0 <= now - one.at < FRESH}
            self._told[window] = told
        return told

    def _view(self, series: Series, window: float, now: float) -> SeriesView:
        waiting, lately = self.waiting(series, now), series.since(now - window)
        heard = self._heard.get(series.labels[0], now) if waiting else None
        return SeriesView(
            metric=series.metric.name,
            unit=series.metric.unit,
            labels=dict(zip(series.metric.labels, series.labels, strict=True)),
            lately=summarise(lately, waiting, window, now, heard=heard),
            baseline=summarise(series.since(now - KEPT), waiting, KEPT, now, heard=heard),
            points=points(lately),
        )

    # -- what is kept ------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Write new samples down, a few times a minute, for ever."""
        while True:
            await self._news.wait()
            await asyncio.sleep(SAVE)
            await asyncio.to_thread(self._history.save, *self._unsaved())

    def _unsaved(self) -> tuple[list[Row], float]:
        rows, self._new = self._new, []
        self._news.clear()
        oldest = time.time() - KEPT
        self.board.forget_before(oldest)
        return rows, oldest

    def close(self) -> None:
        """Write down what is left."""
        self._history.save(*self._unsaved())
        self._history.close()
