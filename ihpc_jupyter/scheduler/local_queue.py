"""The `local` site's queue: who runs next, and who is sent away for it."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from ihpc_jupyter.model.base import Model, Time
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Lane
from ihpc_jupyter.scheduler.base import Submission

SIGNAL_AHEAD = 60.0
"""Seconds before its time limit at which a job is signalled; a tenth of the limit where that is less."""


class Ending(Model):
    """A running job on its way out: why, and the next, harder step with its time (seconds since boot)."""

    why: Literal["preempted", "timeout", "cancelled"]
    step: Literal["terminate", "kill", "wait"]
    at: float


INDEX = "{index}"
"""Stands in a log's path for a job's place in its array, 0 without one."""


class LocalJob(Model):
    """One job as it stands in the state file. *begun* counts seconds since boot, other times are UTC."""

    id: str
    name: str
    lane: str
    priority: int
    preemptible: bool
    grace: float
    cores: int
    time_limit: float
    script: str
    log: str
    state: JobState = JobState.PENDING
    reason: str = ""
    submitted_at: Time
    started_at: Time | None = None
    ended_at: Time | None = None
    restarts: int = 0
    pid: int | None = None
    identity: str = ""
    begun: float = 0.0
    warned: bool = False
    ending: Ending | None = None
    code: int | None = None
    """What it ended with, where that is known."""

    def told(self, node: str) -> Job:
        """The job as doors see it; *node* is this host's name."""
        ends_at = self.ended_at
        if self.state.active and self.started_at is not None:
            ends_at = self.started_at + self.time_limit
        return Job(
            id=self.id,
            name=self.name,
            state=self.state,
            reason=self.reason,
            lane=self.lane,
            partition="local",
            cores=self.cores,
            node="" if self.state.waiting or self.started_at is None else node,
            restarts=self.restarts,
            submitted_at=self.submitted_at,
            eligible_at=self.submitted_at,
            started_at=None if self.state.waiting else self.started_at,
            ends_at=ends_at,
        )

    @property
    def holds(self) -> bool:
        """Whether its cores are taken."""
        return self.pid is not None


def new_job(job_id: str, submission: Submission, lane: Lane, script: Path) -> LocalJob:
    """A job of a submission, which waits from now on."""
    return LocalJob(
        id=job_id,
        name=submission.name,
        lane=submission.lane,
        priority=lane.priority,
        preemptible=lane.preemptible,
        grace=lane.grace,
        cores=submission.cores,
        time_limit=submission.time_limit,
        script=str(script),
        log=submission.log.replace("{job}", job_id).replace(INDEX, job_id.partition("_")[2] or "0"),
        submitted_at=time.time(),
    )


def next_moves(jobs: Iterable[LocalJob], slots: int) -> tuple[list[str], list[str], dict[str, str]]:
    """Ids to start, ids to preempt, and the reason of each job that waits on.

    Strictly by priority, then by age: a job that does not fit yet keeps the ones behind it waiting, so that
    a wide job is not overtaken for ever.
    """
    everyone = list(jobs)
    free = slots - sum(job.cores for job in everyone if job.holds)
    waiting = [job for job in everyone if job.state.waiting and not job.holds]
    order = sorted(range(len(waiting)), key=lambda index: (-waiting[index].priority, index))
    starts: list[str] = []
    reasons: dict[str, str] = {}
    victims: list[str] = []
    for place, index in enumerate(order):
        job = waiting[index]
        if job.cores <= free:
            free -= job.cores
            starts.append(job.id)
            continue
        victims = _victims(everyone, job, free)
        reasons = {waiting[later].id: "Priority" for later in order[place + 1 :]}
        reasons[job.id] = "Resources"
        break
    return starts, victims, reasons


def _victims(jobs: Sequence[LocalJob], job: LocalJob, free: int) -> list[str]:
    """The fewest recently begun preemptible jobs whose cores, with those soon free, are enough; else none."""
    leaving = sum(other.cores for other in jobs if other.holds and other.ending is not None)
    missing = job.cores - free - leaving
    able = [
        other
        for other in jobs
        if other.holds and other.ending is None and other.preemptible and other.priority < job.priority
    ]
    chosen: list[str] = []
    for other in sorted(able, key=lambda one: (one.priority, -one.begun)):
        if missing <= 0:
            break
        chosen.append(other.id)
        missing -= other.cores
    return chosen if missing <= 0 else []


def signal_time(job: LocalJob) -> float:
    """Seconds since boot at which a running job is told that its time limit comes."""
    return job.begun + job.time_limit - min(SIGNAL_AHEAD, job.time_limit / 10)
