"""What jobs, clusters and runs tell of how long starting takes. Each start is told once."""

from collections.abc import Iterable
from dataclasses import dataclass

from ihpc_jupyter.metrics.series import Sample
from ihpc_jupyter.model.cluster import ClusterState, ClusterView, JobView, WorkerState
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.run import RunView


@dataclass(frozen=True)
class QueueStart:
    """A job's start. *wait*: seconds since its submission; *queued*: since only the queue kept it, where told."""

    lane: str
    job: str
    at: float
    wait: float
    queued: float | None


class QueueStarts:
    """Queue waits of jobs, from one answer of the batch system to the next.

    *told*: ids of jobs that were told before. A job that starts again after a preemption is left out: its
    time of submission no longer says since when it has waited.
    """

    def __init__(self, told: Iterable[str] = ()) -> None:
        self._seen: set[tuple[str, int]] = {(id_, 0) for id_ in told}

    def observe(self, jobs: Iterable[Job]) -> list[QueueStart]:
        """Each job that has started since the last look."""
        seen, found = set(), []
        for job in jobs:
            if job.state.waiting or not job.started_at or not job.submitted_at or not job.lane:
                continue
            key = (job.id, job.restarts)
            seen.add(key)
            if key not in self._seen and job.restarts == 0:
                found.append(_start(job, job.started_at, job.submitted_at))
        self._seen = seen
        return found


def _start(job: Job, started: float, submitted: float) -> QueueStart:
    wait = max(0.0, started - submitted)
    queued = None if job.eligible_at is None else min(wait, max(0.0, started - job.eligible_at))
    return QueueStart(job.lane, job.id, started, wait, queued)


def still_waiting(jobs: Iterable[Job]) -> dict[tuple[str, str], list[float]]:
    """By metric and lane: since when its jobs have waited; those put back after a preemption are left out."""
    waiting: dict[tuple[str, str], list[float]] = {}
    for job in jobs:
        if job.state.waiting and job.submitted_at and job.lane and job.restarts == 0:
            waiting.setdefault(("queue_wait", job.lane), []).append(job.submitted_at)
            if job.eligible_at is None:
                waiting.setdefault(("queue_hold", job.lane), []).append(job.submitted_at)
            else:
                waiting.setdefault(("queue_eligible", job.lane), []).append(job.eligible_at)
    return waiting


_WORKING = (WorkerState.WORKING, WorkerState.LEAVING)
"""Of a job in another state it is told how many workers it will have."""


@dataclass
class _Beginning:
    """What was seen of a cluster so far."""

    head: bool
    workers: bool
    task: bool
    workers_at: float | None = None
    tasks_at: float | None = None


class ClusterStarts:
    """The first of each thing in a cluster's life, for clusters that were seen without it before.

    Stages: *head* (asked for → its scheduler listens), *queue* (first job submitted → started), *worker* (that
    job started → a worker registered), *first-worker* (first job submitted → a worker registered), *task*
    (the first task was handed in → a worker had it).
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Beginning] = {}

    def observe(self, view: ClusterView, now: float) -> list[tuple[str, float]]:
        """Stage and seconds of what has happened since the last look."""
        if view.holder is not None or view.state not in (ClusterState.STARTING, ClusterState.RUNNING):
            self._seen.pop(view.uid, None)
            return []
        jobs = [job for group in view.groups.values() for job in group.jobs]
        working = [job for job in jobs if job.workers and job.worker_state in _WORKING]
        head = view.head.state == "up"
        task = view.load.processing > 0
        old = self._seen.get(view.uid)
        if old is None:
            self._seen[view.uid] = _Beginning(head, bool(working), task or view.load.tasks > 0)
            return []
        found: list[tuple[str, float]] = []
        if head and not old.head and view.head.started_at is not None:
            found.append(("head", max(0.0, view.head.started_at - view.created_at)))
        if working and not old.workers:
            # A worker may be heard before the batch system says that its job has started.
            old.workers_at = old.workers_at or now
            found += (stages := _worker_stages(working, old.workers_at))
            old.workers = bool(stages)
        if view.load.tasks and old.tasks_at is None and not old.task:
            old.tasks_at = now
        if task and not old.task and old.tasks_at is not None:
            found.append(("task", now - old.tasks_at))
        old.head, old.task = old.head or head, old.task or task
        return found

    def forget(self, known: Iterable[str]) -> None:
        """Keep only the clusters of these uids."""
        kept = set(known)
        self._seen = {uid: seen for uid, seen in self._seen.items() if uid in kept}


def _worker_stages(jobs: list[JobView], now: float) -> list[tuple[str, float]]:
    times = [(job.submitted_at, job.started_at) for job in jobs if job.submitted_at and job.started_at]
    if not times:
        return []
    submitted, started = min(times, key=lambda pair: pair[1])
    return [
        ("queue", max(0.0, started - submitted)),
        ("worker", max(0.0, now - started)),
        ("first-worker", max(0.0, now - submitted)),
    ]


def run_starts(run: RunView) -> list[tuple[str, Sample]]:
    """Way and seconds (submission to the user's first line) of a run's attempts that began."""
    return [
        (attempt.way.value, Sample(attempt.running_at, max(0.0, attempt.running_at - attempt.submitted_at), key))
        for attempt in run.attempts
        if attempt.running_at is not None and (key := f"{run.id}.{attempt.number}")
    ]
