"""One watcher for the hub: all users' servers are asked for in one request; everybody else looks up.

Unknown is not gone: a job counts as gone after two answers without it, and then by the accounting's word.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.hub.waits import LaneWaits
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Polling
from ihpc_jupyter.scheduler.slurm_for_many import SlurmForMany
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Subscription, Watcher

SIGHTINGS = 2
"""Answers without a job before the accounting is asked."""

REST = 5.0
"""Seconds between two questions, at most, while servers run: their end is to be noticed soon."""


PLACES_AFTER = 3.0
"""Seconds in the queue before a job's place there is worth a question."""

PLACES_EVERY = 30.0
"""Seconds between two questions for the places of all jobs that somebody waits for."""


class _Followed:
    """One job: what was last told of it, and how often it was missing since."""

    def __init__(self, name: str, told: Callable[[], None]) -> None:
        self.name = name
        self.told = told
        self.job: Job | None = None
        self.missing = 0
        self.since = time.time()
        self.place: int | None = None


class JobWatch:
    """Follows jobs of many users at one site. Use it inside a running event loop."""

    def __init__(self, batch: SlurmForMany, polling: Polling) -> None:
        self.waits = LaneWaits()
        self._batch = batch
        rest = min(polling.rest, REST)
        self._watcher = Watcher(batch, polling.model_copy(update={"rest": rest}))
        self._followed: dict[str, _Followed] = {}
        self._waiting: set[str] = set()
        self._subscription: Subscription | None = None
        self._looking: asyncio.Task[None] | None = None
        self._placing: asyncio.Task[None] | None = None
        self._placed_at = float("-inf")

    def follow(self, job_id: str, name: str, told: Callable[[], None]) -> None:
        """Look after a job of that name from now on; *told* is called when something is to be seen."""
        if job_id not in self._followed:
            self._followed[job_id] = _Followed(name, told)
            self._interest()
            self._watcher.poke()

    def forget(self, job_id: str) -> None:
        """Look after it no more."""
        self._followed.pop(job_id, None)
        self._waiting.discard(job_id)
        self._interest()

    def hurry(self, job_id: str, wanted: bool) -> None:
        """Whether somebody waits for news of this job: then the questions come at the busy rate."""
        (self._waiting.add if wanted else self._waiting.discard)(job_id)
        self._interest()

    def poke(self) -> None:
        """Ask soon."""
        self._watcher.poke()

    def look(self, job_id: str) -> Job | None:
        """What is known of a followed job; None: nothing yet. Its state is never UNKNOWN unless it is gone."""
        followed = self._followed.get(job_id)
        return followed.job if followed else None

    def place(self, job_id: str) -> int | None:
        """The place of a waiting job in its partition's queue, from 1; None where that is not known (yet)."""
        followed = self._followed.get(job_id)
        return followed.place if followed else None

    @property
    def silent(self) -> str:
        """Why nobody answers at the moment; empty while somebody does."""
        snapshot = self._watcher.snapshot
        return snapshot.error if snapshot.failures else ""

    async def named(self, name: str) -> list[Job]:
        """Jobs of that name, asked for now. Raises `Unavailable`."""
        return await self._batch.named(name)

    def _interest(self) -> None:
        self._batch.wanted = set(self._followed)
        if self._followed and self._subscription is None:
            self._subscription = self._watcher.subscribe(self._answered)
        if self._subscription is not None:
            self._subscription.waiting = bool(self._waiting)
            if not self._followed:
                self._subscription.close()
                self._subscription = None

    def _answered(self, snapshot: JobsSnapshot) -> None:
        if not snapshot.failures:
            for job_id, followed in self._followed.items():
                if (snapshot.asked_at or 0.0) <= followed.since:
                    continue  # asked before there was a job
                job = snapshot.jobs.get(job_id)
                # Numbers are used again some day: a job by another name is somebody else's.
                if job is None or job.state is JobState.UNKNOWN or job.name != followed.name:
                    followed.missing += 1
                else:
                    followed.job, followed.missing = job, 0
            self.waits.observe([one.job for one in self._followed.values() if one.job is not None])
            self._look_up()
            self._ask_places_sometimes()
        for followed in list(self._followed.values()):
            followed.told()

    def _look_up(self) -> None:
        missing = [key for key, one in self._followed.items() if one.missing >= SIGHTINGS]
        if missing and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._ask_accounting(missing))

    def _ask_places_sometimes(self) -> None:
        """One question for all, where somebody waits for a job that has been in the queue for a moment."""
        before, now = time.time() - PLACES_AFTER, time.monotonic()
        patient = {
            key
            for key in self._waiting & set(self._followed)
            if (one := self._followed[key]).since < before and one.job is not None and one.job.state.waiting
        }
        if patient and now - self._placed_at > PLACES_EVERY:
            self._placed_at = now
            self._placing = asyncio.get_running_loop().create_task(self._ask_places(patient))

    async def _ask_places(self, ids: set[str]) -> None:
        with contextlib.suppress(IhpcError):
            places = await self._batch.places(ids)
            for job_id in ids & set(self._followed):
                followed = self._followed[job_id]
                followed.place = places.get(job_id)
                followed.told()

    async def _ask_accounting(self, missing: list[str]) -> None:
        with contextlib.suppress(IhpcError):
            known = {job.id: job for job in await self._batch.history(missing)}
            for job_id in missing:
                followed = self._followed.get(job_id)
                if followed is None or followed.missing < SIGHTINGS:
                    continue
                told = known.get(job_id)
                ours = told if told is not None and told.name == followed.name else None
                gone = Job(id=job_id, name=followed.name, state=JobState.UNKNOWN)
                followed.job, followed.missing = ours or gone, 0
                followed.told()


def is_over(job: Job | None) -> bool:
    """Whether a job that `JobWatch.look` told of holds nothing any more, and will not again."""
    return job is not None and (job.state.ended or job.state is JobState.UNKNOWN)
