"""Desired against actual: what to ask of batch system and head next. Pure: same input, same answer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ihpc_jupyter.cluster.record import ClusterRecord, GroupRecord, Submission
from ihpc_jupyter.cluster.sight import GroupSight, Memory, Sight
from ihpc_jupyter.model.cluster import Counts, JobView, WorkerState
from ihpc_jupyter.model.head import HeadState
from ihpc_jupyter.model.job import JobState

LOST_GRACE = 8.0
"""Seconds that a job may be without its workers before it is given up: a crashed process is started again."""

ABSENT_TWICE = 10.0
"""Seconds between two answers that both lack an uncertain submission, before it is taken for never accepted."""

MAX_ARRAY = 1000
"""Elements in one array: Slurm's MaxArraySize is 1001 unless the site raised it."""


@dataclass
class Decision:
    """What to do now. All in bulk: one request each."""

    submit: dict[str, int] = field(default_factory=dict)
    """Jobs to ask for, by group."""
    cancel: list[str] = field(default_factory=list)
    """Jobs to cancel in the batch system."""
    retire: list[str] = field(default_factory=list)
    """Jobs whose workers are to hand over their data and go."""
    abandon: list[str] = field(default_factory=list)
    """Jobs given up from now on; cancelled once the batch system says that they run."""
    ending: dict[str, float] = field(default_factory=dict)
    """Jobs that will reach their time limit soon, and in how many seconds."""


def lead(time_limit: float, wait: float) -> float:
    """Seconds before a job's end at which its successor is asked for.

    *wait*: seconds that jobs of this group lately waited. At least a minute and twice the wait, at most
    half of the time limit (else successors would be asked for all the time).
    """
    return min(max(60.0, 2 * wait + 30.0), time_limit / 2)


def jobs_wanted(group: GroupRecord) -> int:
    """Jobs for the target: workers come in whole jobs."""
    return math.ceil(group.target / group.shape.processes)


def decide(
    record: ClusterRecord,
    sights: Mapping[str, GroupSight],
    sight: Sight,
    head: HeadState | None,
    now: float,
    memory: Memory,
    waits: Mapping[str, float],
) -> Decision:
    """What to do for all groups. *waits*: recent queue wait by group, in seconds."""
    decision = Decision()
    busy = _busy_by_job(head)
    for name, group in record.groups.items():
        given_up = _settle_lost(record, sights[name].jobs, sight, now, memory, decision)
        margin = lead(group.time_limit, waits.get(name, 0.0))
        staying = [job for job in sights[name].jobs if _stays(job, given_up)]
        live = [job for job in staying if _time_left(job, now) > margin]
        decision.ending |= {job.id: _time_left(job, now) for job in staying if job not in live}
        missing = jobs_wanted(group) - len(live)
        if sights[name].unseen:
            continue  # what was asked for is not all to be seen yet: any difference may be only apparent
        if missing > 0:
            decision.submit[name] = min(missing, MAX_ARRAY)
        else:
            # One that completes keeps its place, as it may come back; it makes no other one superfluous.
            here = [job for job in live if not job.state.ended]
            _let_go(here, max(0, len(here) - jobs_wanted(group)), busy, decision)
    return decision


def _busy_by_job(head: HeadState | None) -> dict[str, int]:
    busy: dict[str, int] = {}
    for worker in head.workers if head else ():
        busy[worker.job] = busy.get(worker.job, 0) + worker.processing
    return busy


def _stays(job: JobView, given_up: set[str]) -> bool:
    """Whether a job is neither leaving nor given up; with time left, it counts towards the target."""
    return job.worker_state is not WorkerState.LEAVING and job.id not in given_up


def _time_left(job: JobView, now: float) -> float:
    if job.ends_at is None or job.state.waiting or job.state.ended:
        return math.inf
    return max(0.0, job.ends_at - now)


def _settle_lost(
    record: ClusterRecord,
    jobs: tuple[JobView, ...],
    sight: Sight,
    now: float,
    memory: Memory,
    decision: Decision,
) -> set[str]:
    """Give up jobs that lost their workers, once the batch system still calls them running; the ids given up.

    "Still" means an answer to a question asked after the loss: before that the job may be on its way back
    into the queue, where it keeps its place. One that the batch system suspended is silent for that reason.
    """
    given_up = set()
    for job in jobs:
        if job.worker_state is not WorkerState.LOST:
            continue
        if job.id in record.abandoned:
            given_up.add(job.id)
            if job.state is JobState.RUNNING:
                decision.cancel.append(job.id)
            continue
        since = memory.lost_since.get(job.id, now)
        told_later = sight.asked_at is not None and sight.asked_at > since
        if now - since >= LOST_GRACE and told_later and job.state is JobState.RUNNING:
            decision.abandon.append(job.id)
            given_up.add(job.id)
    return given_up


_ORDER = {WorkerState.LOST: 0, WorkerState.PENDING: 1, WorkerState.STARTING: 2, WorkerState.WORKING: 3}


def _let_go(live: list[JobView], surplus: int, busy: Mapping[str, int], decision: Decision) -> None:
    """Pending first (the youngest, those that were never sent away), then starting, then the idlest."""

    def dispensable(job: JobView) -> tuple[int, int, int, float]:
        age = -(job.submitted_at or 0.0)
        return _ORDER[job.worker_state], job.restarts, busy.get(job.id, 0), age

    for job in sorted(live, key=dispensable)[:surplus]:
        if job.worker_state is WorkerState.WORKING:
            decision.retire.append(job.id)
        else:
            decision.cancel.append(job.id)


def count(group: GroupRecord, seen: GroupSight, abandoned: tuple[str, ...]) -> Counts:
    """Workers by where they are. What is wanted and not accepted yet is *requested*."""
    totals = dict.fromkeys(WorkerState, 0)
    processes = group.shape.processes
    for job in seen.jobs:
        if job.worker_state is WorkerState.LOST and job.id in abandoned:
            continue
        totals[job.worker_state] += job.workers
        if job.worker_state is WorkerState.WORKING:
            totals[WorkerState.STARTING] += max(0, processes - job.workers)
    known = len([job for job in seen.jobs if _fills_a_place(job, abandoned)])
    requested = max(seen.unseen, jobs_wanted(group) - known) * processes
    return Counts(
        requested=max(0, requested),
        pending=totals[WorkerState.PENDING],
        starting=totals[WorkerState.STARTING],
        working=totals[WorkerState.WORKING] + totals[WorkerState.LEAVING],
        lost=totals[WorkerState.LOST],
    )


def _fills_a_place(job: JobView, abandoned: tuple[str, ...]) -> bool:
    if job.worker_state is WorkerState.LEAVING:
        return False
    return not (job.worker_state is WorkerState.LOST and job.id in abandoned)


def settle_submissions(record: ClusterRecord, sight: Sight) -> ClusterRecord:
    """The record with its submissions brought up to date by the batch system's last answer.

    Accepted ones that a later answer has covered are done with. One that nobody confirmed is found by its
    name, or given up after two answers, `ABSENT_TWICE` seconds apart, that both lack it.
    """
    if sight.asked_at is None:
        return record
    for submission in record.submissions:
        if sight.asked_at <= submission.sent_at:
            continue
        if submission.state == "accepted":
            record = record.without_submission(submission.id)
        elif submission.state == "uncertain":
            record = _settle_uncertain(record, submission, sight)
    return record


def _settle_uncertain(record: ClusterRecord, submission: Submission, sight: Sight) -> ClusterRecord:
    asked_at = sight.asked_at or 0.0
    if any(job.name.endswith(f"-{submission.group}-{submission.id}") for job in sight.jobs.values()):
        return record.without_submission(submission.id)
    if submission.absent_since is None:
        return record.with_submission(submission.model_copy(update={"absent_since": asked_at}))
    if asked_at - submission.absent_since >= ABSENT_TWICE:
        return record.without_submission(submission.id)
    return record
