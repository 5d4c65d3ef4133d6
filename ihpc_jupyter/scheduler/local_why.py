"""Why a job of the `local` site waits or ended, from the site's own queue. Pure but for the clock."""

import time
from collections.abc import Sequence

from ihpc_jupyter.errors import NotFound
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.why import Ahead, Evidence, Room
from ihpc_jupyter.scheduler.local_queue import LocalJob
from ihpc_jupyter.scheduler.reasons import category_of, explain_reason


def evidence_of(jobs: Sequence[LocalJob], slots: int, job_id: str, node: str) -> Evidence:
    """All there is to know here about one job. Raises `NotFound`."""
    mine = next((job for job in jobs if job.id == job_id), None)
    if mine is None:
        raise NotFound(f"This site does not know job {job_id}.", "It forgets jobs five minutes after their end.")
    job, held = mine.told(node), sum(other.cores for other in jobs if other.holds)
    room = Room(states={"this host": 1}, free_cores=max(0, slots - held), all_cores=slots)
    waits = job.state.waiting
    unread = {} if waits else {"peak_memory": "this host measures no job's memory"}
    return Evidence(
        job=job, category=category_of(job), reason_text=explain_reason(job.reason), asked_at=time.time(),
        priority=mine.priority, ahead=_ahead(jobs, mine) if waits else None, room=room if waits else None,
        factors={"lane": float(mine.priority)} if waits else None,
        cancelled_by="its owner" if job.state == "CANCELLED" else "",
        unread=unread if job.state.ended else {}, commands=(f"ihpc why {job_id}",),
    )  # fmt: skip


def recollect(job: Job, asked_at: float, why: str) -> Evidence:
    """What was told of the job alone; the queue and the host are not read, and *why*."""
    return Evidence(
        job=job, category=category_of(job), reason_text=explain_reason(job.reason), asked_at=asked_at,
        unread={"ahead": why, "room": why} if job.state.waiting else {}, commands=(f"ihpc why {job.id}",),
    )  # fmt: skip


def _ahead(jobs: Sequence[LocalJob], mine: LocalJob) -> Ahead:
    """By lane, then by age, as `next_moves` takes them."""
    place = [job.id for job in jobs].index(mine.id)
    before = [
        job
        for index, job in enumerate(jobs)
        if job.state.waiting and not job.holds and (-job.priority, index) < (-mine.priority, place)
    ]
    return Ahead(jobs=len(before), cores=sum(job.cores for job in before), nodes=len(before))
