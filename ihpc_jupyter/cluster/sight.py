"""What a cluster sees of itself: the batch system's jobs, and its head's workers, each with its age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ihpc_jupyter.cluster.naming import parse_job_name, parse_worker_name
from ihpc_jupyter.cluster.record import ClusterRecord, Submission
from ihpc_jupyter.model.cluster import JobView, WorkerState
from ihpc_jupyter.model.head import HeadState, WorkerInfo
from ihpc_jupyter.model.job import Job, JobState

SILENT = 8.0
"""Seconds without a heartbeat after which a worker counts as lost (heartbeats come twice a second)."""

COMPLETING_GRACE = 30.0
"""Seconds that a job may be COMPLETING before its place is given away: it may be about to be requeued."""


@dataclass(frozen=True)
class Sight:
    """The batch system's last answer about one cluster's jobs.

    *asked_at*: when the query that was answered began (seconds since 1970); None before the first answer.
    """

    jobs: Mapping[str, Job] = field(default_factory=dict)
    asked_at: float | None = None


@dataclass
class Memory:
    """What is remembered between two looks; lost with the agent without harm."""

    lost_since: dict[str, float] = field(default_factory=dict)
    completing_since: dict[str, float] = field(default_factory=dict)
    ends_at: dict[str, float] = field(default_factory=dict)
    """When running jobs end: still so when one answer leaves a job out."""

    def keep(self, jobs: set[str]) -> None:
        """Forget jobs that are no longer looked at."""
        for memory in (self.lost_since, self.completing_since, self.ends_at):
            for job in set(memory) - jobs:
                del memory[job]


@dataclass(frozen=True)
class GroupSight:
    """A group's jobs as they are, and what was asked for but is not to be seen yet."""

    jobs: tuple[JobView, ...]
    unseen: int
    """Jobs of submissions under way or just accepted that no answer shows yet."""

    def unanswered(self) -> "GroupSight":
        """The same where the batch system is silent: its last word stays; workers that are heard prove more."""
        return replace(self, jobs=tuple(_as_proved(job) for job in self.jobs))


def _as_proved(job: JobView) -> JobView:
    """A job whose workers are heard runs, whatever it did when it was told of."""
    if job.worker_state is not WorkerState.WORKING:
        return job
    return job.model_copy(update={"state": JobState.RUNNING, "reason": "", "expected_start": None})


def look(
    record: ClusterRecord, group: str, sight: Sight, head: HeadState | None, now: float, memory: Memory
) -> GroupSight:
    """A group's jobs, by both sources; keeps *memory* up to date."""
    processes = record.groups[group].shape.processes
    workers: dict[str, list[WorkerInfo]] = {}
    for worker in head.workers if head else ():
        if worker.group == group:
            workers.setdefault(worker.job, []).append(worker)
    views = []
    for job in _jobs_of(record, group, sight, workers, memory):
        if not _holds_a_place(job, bool(workers.get(job.id)), now, memory):
            continue
        state = _worker_state(record, job, workers.get(job.id, []), head)
        _remember_loss(job.id, state, now, memory)
        views.append(_view(job, group, state, workers.get(job.id, []), processes))
    early = [id_ for id_ in workers if id_ not in sight.jobs]
    asked = [submission for submission in record.submissions if submission.group == group]
    return GroupSight(tuple(views), sum(_unseen(submission, sight, early) for submission in asked))


def _jobs_of(
    record: ClusterRecord, group: str, sight: Sight, workers: Mapping[str, list[WorkerInfo]], memory: Memory
) -> list[Job]:
    """Jobs that the batch system shows, and those whose workers are here before it does (own starts)."""
    seen = [
        job
        for job in sight.jobs.values()
        if (tag := parse_job_name(job.name)) is not None and tag.uid == record.uid and tag.group == group
    ]
    memory.ends_at |= {job.id: job.ends_at for job in seen if job.state.active and job.ends_at is not None}
    ids = {job.id for job in seen}
    return [
        *seen,
        *(
            Job(id=id_, name="", state=_told_by(own), ends_at=memory.ends_at.get(id_))
            for id_, own in workers.items()
            if id_ not in ids
        ),
    ]


def _told_by(workers: list[WorkerInfo]) -> JobState:
    """What a job's workers alone prove: it runs while they are heard."""
    return JobState.RUNNING if any(worker.silent < SILENT for worker in workers) else JobState.UNKNOWN


def _holds_a_place(job: Job, registered: bool, now: float, memory: Memory) -> bool:
    if job.state in (JobState.COMPLETING, JobState.UNKNOWN) and not registered:
        return now - memory.completing_since.setdefault(job.id, now) < COMPLETING_GRACE
    memory.completing_since.pop(job.id, None)
    return not job.state.ended or registered


def _worker_state(
    record: ClusterRecord, job: Job, workers: list[WorkerInfo], head: HeadState | None
) -> WorkerState:
    """Which count a job's workers are in. Only a head that was heard can miss workers: before that they may be on
    their way (back) to it."""
    if job.id in record.leaving:
        return WorkerState.LEAVING
    if any(worker.silent < SILENT for worker in workers):
        return WorkerState.WORKING
    if job.state.waiting:
        return WorkerState.PENDING
    if workers or (head is not None and job.id in record.registered):
        return WorkerState.LOST
    return WorkerState.STARTING


def _remember_loss(job: str, state: WorkerState, now: float, memory: Memory) -> None:
    if state is WorkerState.LOST:
        memory.lost_since.setdefault(job, now)
    else:
        memory.lost_since.pop(job, None)


def _view(job: Job, group: str, state: WorkerState, workers: list[WorkerInfo], processes: int) -> JobView:
    heard = sum(1 for worker in workers if worker.silent < SILENT)
    return JobView(
        id=job.id,
        group=group,
        state=job.state,
        worker_state=state,
        workers=heard if state in (WorkerState.WORKING, WorkerState.LEAVING) else processes,
        replaced=_replaced(workers),
        reason=job.reason,
        node=job.node or (workers[0].host if workers else ""),
        restarts=job.restarts,
        submitted_at=job.submitted_at,
        expected_start=job.expected_start,
        started_at=job.started_at,
        ends_at=job.ends_at,
    )


def _replaced(workers: list[WorkerInfo]) -> int:
    """How often processes were started again, by their names: one that comes back at once leaves no gap to see."""
    attempts: dict[int, int] = {}
    for worker in workers:
        if (name := parse_worker_name(worker.name)) is not None:
            attempts[name.process] = max(name.attempt, attempts.get(name.process, 0))
    return sum(attempts.values())


def _unseen(submission: Submission, sight: Sight, early: Sequence[str]) -> int:
    """Its jobs that neither an answer shows nor, *early* ones, their own workers prove."""
    if submission.state == "accepted" and sight.asked_at is not None and sight.asked_at > submission.sent_at:
        return 0
    tags = (parse_job_name(job.name) for job in sight.jobs.values())
    seen = sum(1 for tag in tags if tag is not None and tag.submission == submission.id)
    proved = sum(1 for id_ in early if id_.partition("_")[0] == submission.job_id)
    return max(0, submission.count - seen - proved)
