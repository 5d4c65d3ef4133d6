"""What attempts cost, and what of it was wasted. Pure."""

from collections.abc import Sequence

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.run import Attempt, WayKind
from ihpc_jupyter.runs.record import RunRecord


def accounted(attempt: Attempt, jobs: Sequence[Job], cores: int, now: float) -> Attempt:
    """The attempt with its core-seconds: by the batch system's word where it has one."""
    if jobs and all(job.state.ended for job in jobs):
        told = [job for job in jobs if job.started_at is not None and job.ends_at is not None]
        seconds = sum(job.cores * max(0.0, (job.ends_at or 0.0) - (job.started_at or 0.0)) for job in told)
        return attempt.model_copy(update={"core_seconds": seconds, "accounted": True})
    began = attempt.allocated_at or attempt.started_at
    if began is None or attempt.way in {WayKind.IDLE_WORKERS, WayKind.OWN_WORKERS}:
        return attempt.model_copy(update={"core_seconds": 0.0})
    return attempt.model_copy(update={"core_seconds": cores * max(0.0, (attempt.ended_at or now) - began)})


def core_hours(record: RunRecord) -> float:
    """All attempts together, times the lane's cost factor."""
    return sum(attempt.core_seconds for attempt in record.attempts) / 3600 * record.cost_factor


def wasted_core_hours(record: RunRecord) -> float:
    """What lost attempts and losing copies used: all but one copy's share of the attempt that won."""
    wasted = 0.0
    for attempt in record.attempts:
        share = 1 - 1 / record.order.copies if attempt.outcome == "won" else 1.0
        wasted += attempt.core_seconds * share
    return wasted / 3600 * record.cost_factor


def starts(records: Sequence[RunRecord], lane: str, way: str) -> list[float]:
    """Seconds from submission to the first line of user code, of earlier attempts by this way, the latest 50."""
    waits = [
        max(0.0, attempt.running_at - attempt.submitted_at)
        for record in sorted(records, key=lambda one: one.created_at)
        for attempt in record.attempts
        if record.lane == lane and attempt.way == way and attempt.running_at is not None
    ]
    return waits[-50:]
