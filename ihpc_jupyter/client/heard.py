"""What may be said of jobs while the batch system is silent: what was so when it was last heard, and no more."""

import time

from ihpc_jupyter.client.story import seconds_text
from ihpc_jupyter.model.cluster import JobView, WorkerState


def moment(at: float | None, now: float, *, silent: bool) -> float:
    """Up to when waits and what is left are counted: now, or while it is silent when it was last heard."""
    return at if silent and at is not None else now


def when_last_heard(at: float | None, now: float, *, silent: bool) -> str:
    """What a state is followed by: empty while the batch system answers, else that it was so, and how long ago."""
    if not silent:
        return ""
    return " when last heard" if at is None else f" when last heard, {seconds_text(max(0.0, now - at))} ago"


def unproved(job: JobView, *, silent: bool) -> bool:
    """Whether nobody says now that a cluster's job is as it is shown: neither the batch system nor its workers."""
    return silent and job.worker_state is not WorkerState.WORKING


def clock(at: float | None, now: float) -> str:
    """The time of day, with the day where that is another one."""
    if at is None:
        return "-"
    same = time.localtime(at)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if same else "%m-%d %H:%M", time.localtime(at))
