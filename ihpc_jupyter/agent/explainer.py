"""Why jobs wait or ended: asked for, or while the batch system is silent what was last known, said to be so."""

import time

from ihpc_jupyter.agent.asked import AT_ONCE, MOST, PATIENCE, Asked, Silence
from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.explain.answer import explain
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.model.why import Evidence, Explanation
from ihpc_jupyter.scheduler.base import BatchSystem
from ihpc_jupyter.scheduler.fold import of_id
from ihpc_jupyter.scheduler.watcher import SLOW, Watcher

WHY_AGE = 5.0
"""Seconds for which an explanation holds."""


class Explainer:
    """Explains one site's jobs. *silence* tells why the site is known not to answer; None where it is not."""

    def __init__(self, site: Site, batch: BatchSystem, watcher: Watcher, silence: Silence) -> None:
        self._site = site
        self._batch = batch
        self._watcher = watcher
        self._silence = silence
        self._asked: Asked[Evidence] = Asked(WHY_AGE)
        self._known: dict[str, Evidence] = {}
        self._doubtful = False
        """Whether what is kept was read while somebody was silent: then it is not for the next who asks."""

    async def why(self, job_id: str) -> Explanation:
        """Why a job waits, or ended; within `PATIENCE` seconds, and at once where the site is known to be silent.

        Raises `NotFound`, and `Unavailable` where nothing was heard of the job before the silence.
        """
        silence = self._silence()
        try:
            read = await self._ask(job_id, known_silent=silence is not None)
        except Unavailable as error:
            read, silence = None, self._silence() or error
        if read is not None:
            return explain(read)
        late = Unavailable(f"Site {self._site.name} has not answered within {PATIENCE:.0f} s.")
        return explain(self._last_known(job_id, silence or self._silence() or late))

    def forget(self) -> None:
        """Something was changed: what is kept may no longer be so."""
        self._asked.forget()

    async def _ask(self, job_id: str, *, known_silent: bool) -> Evidence | None:
        """What is read about it now; None where nobody says so in time."""
        if known_silent or self._doubtful:
            self._asked.forget()
        self._doubtful = known_silent
        if not known_silent:
            return await self._asked.within(PATIENCE, job_id, lambda: self._read(job_id))
        if not self._asked.asks(job_id):
            return None
        # It may have come back since it was last asked.
        return await self._asked.within(AT_ONCE, job_id, lambda: self._read(job_id))

    async def _read(self, job_id: str) -> Evidence:
        began = time.monotonic()
        read = await self._batch.evidence(job_id)
        took = time.monotonic() - began
        self._doubtful |= bool(read.unread) and took > SLOW
        if self._watcher.snapshot.silent:
            self._watcher.heard(took)
        self._known.pop(job_id, None)
        self._known[job_id] = read
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return read

    def _last_known(self, job_id: str, silence: Exception) -> Evidence:
        snapshot = self._watcher.snapshot
        jobs = of_id(snapshot.jobs, job_id)
        job = next((job for job in jobs if job.state.waiting), jobs[0] if jobs else None)
        seen = None
        if job is not None and snapshot.answered_at is not None:
            seen = self._batch.recollect(job, snapshot.answered_at, "the batch system does not answer")
        known = telling(self._known.get(job_id), seen)
        if known is None:
            raise Unavailable(
                str(silence), f"Of job {job_id} nothing was heard before: ask again once it answers."
            )
        return known.model_copy(update={"silence": str(silence)})


def telling(read: Evidence | None, seen: Evidence | None) -> Evidence | None:
    """Of what was *read* about a job and what was later *seen* of it: the former, where the job is still so."""
    if read is None or seen is None:
        return read or seen
    same = (read.job.state, read.job.reason, read.job.restarts) == (
        seen.job.state,
        seen.job.reason,
        seen.job.restarts,
    )
    return read if same or read.asked_at > seen.asked_at else seen
