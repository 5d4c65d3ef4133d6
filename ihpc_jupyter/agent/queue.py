"""A site's queue for people: mine from the watcher, everybody's on demand, why, and letting go."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ihpc_jupyter.agent.asked import AT_ONCE, PATIENCE, Asked, Silence
from ihpc_jupyter.agent.explainer import Explainer
from ihpc_jupyter.agent.tail import tail
from ihpc_jupyter.cluster.naming import parse_job_name, parse_run
from ihpc_jupyter.errors import NotFound, Rejected, Unavailable
from ihpc_jupyter.explain.neighbours import shape_matters
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.protocol import LogTail
from ihpc_jupyter.model.queue import Belongs, Cancellation, Queue, QueueRow, QueueTotal
from ihpc_jupyter.model.site import Health, Site
from ihpc_jupyter.model.why import Category
from ihpc_jupyter.scheduler.base import BatchSystem
from ihpc_jupyter.scheduler.fold import Fold, array_of, fold, of_id, shortened
from ihpc_jupyter.scheduler.reasons import category_of, explain_reason, explain_state
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Watcher

MOST_ROWS = 2000
"""Rows of one answer; what is beyond counts in its totals."""
EVERYBODY_AGE = 10.0
"""Seconds for which everybody's jobs are not asked for again."""
LOG_AGE = 600.0
"""Seconds for which it is not asked again where a job writes."""

Owners = Callable[[], dict[str, str]]
"""By the tag's uid: the name of each cluster, the id of each run that is known here."""


class QueueDesk:
    """What people ask about one site's queue. *owners* tells whose the jobs with our tag are."""

    def __init__(self, site: Site, batch: BatchSystem, watcher: Watcher, owners: Owners, silence: Silence) -> None:
        self._site = site
        self._batch = batch
        self._watcher = watcher
        self._owners = owners
        self._everybody: Asked[tuple[float, list[Fold]]] = Asked(EVERYBODY_AGE)
        self._last: tuple[float, list[Fold]] | None = None
        self._silence = silence
        self.reasons = Explainer(site, batch, watcher, silence)
        self._logs: Asked[str] = Asked(LOG_AGE)
        self._told: tuple[JobsSnapshot, dict[str, str], asyncio.Task[Queue]] | None = None

    async def mine(self, array: str | None = None, *, fresh: bool = False) -> Queue:
        """My jobs as last told, without any request; *fresh*: as told from now on, at the watcher's pace.

        An answer is worked out once for all who ask for it.
        *array*: the jobs of that array one by one, instead of all jobs with arrays folded.
        """
        snapshot, owners = await self._watcher.fresh() if fresh else self._watcher.snapshot, self._owners()
        if array is not None:
            return await self._read(snapshot, owners, array)
        if self._told is None or self._told[0] is not snapshot or self._told[1] != owners:
            self._told = snapshot, owners, asyncio.create_task(self._read(snapshot, owners))
        return await asyncio.shield(self._told[2])  # whoever leaves meanwhile, others wait for it, too

    async def _read(self, snapshot: JobsSnapshot, owners: dict[str, str], array: str | None = None) -> Queue:
        folds = await asyncio.to_thread(_folds, snapshot, array)
        return await asyncio.to_thread(self._queue, folds, owners, snapshot.answered_at, snapshot, everybody=False)

    async def everybody(self) -> Queue:
        """Everybody's jobs, at most `EVERYBODY_AGE` seconds old; my own with their lately ended ones."""
        at, folds = await self._all_folds()
        own = await asyncio.to_thread(_folds, self._watcher.snapshot, None)
        mine = {array_of(fold.job.id) for fold in own}
        others = [fold for fold in folds if array_of(fold.job.id) not in mine]
        return await asyncio.to_thread(
            self._queue, [*own, *others], self._owners(), at, self._watcher.snapshot, everybody=True, mine=mine
        )

    async def _all_folds(self) -> tuple[float, list[Fold]]:
        """As told lately; while the batch system is silent as last told. Raises `Unavailable` where never."""
        silence = self._silence()
        try:
            told = await self._everybody.within(AT_ONCE if silence else PATIENCE, "", self._ask_everybody)
        except Unavailable as error:
            told, silence = None, error
        if told is not None:
            self._last = told
        elif self._last is None:
            late = f"{self._site.name} has not told everybody's jobs within {PATIENCE:.0f} s."
            raise silence or Unavailable(late, "It is still being asked: ask again in a moment.")
        return told or self._last

    async def _ask_everybody(self) -> tuple[float, list[Fold]]:
        began = time.time()
        folds = await self._batch.everybody()
        return began, folds

    def _queue(
        self,
        folds: Sequence[Fold],
        owners: dict[str, str],
        at: float | None,
        snapshot: JobsSnapshot,
        *,
        everybody: bool,
        mine: set[str] | None = None,
    ) -> Queue:
        shown = sorted(folds, key=lambda one: _order(one, mine))[:MOST_ROWS]
        return Queue(
            site=self._site.name,
            everybody=everybody,
            at=at,
            silent=snapshot.silent,
            health=snapshot.health,
            detail=" ".join(snapshot.error.split())[:200] if snapshot.health is not Health.UP else "",
            rows=tuple(_row(one, owners, mine=mine is None or array_of(one.job.id) in mine) for one in shown),
            totals=_totals(folds),
            left_out=len(folds) - len(shown),
            command=self._batch.listing(everybody=everybody),
        )

    async def log(self, job_id: str, after: int | None = None) -> LogTail:
        """The end of the log of a job of mine, or what stands behind that byte.

        The batch system is asked once where it is. Raises `NotFound`, `Unavailable`.
        """
        job = self._watcher.snapshot.jobs.get(job_id)
        if job is None or job.state.waiting:
            job = await self._anew(job_id, job)
        if job is None:
            raise NotFound(f"You have no job {job_id} on {self._site.name}.", "ihpc jobs lists yours.")
        if job.state.waiting and not job.restarts:
            raise NotFound(f"Job {job_id} waits.", "A job writes its log once it runs.")
        silence = self._silence()
        patience = AT_ONCE if silence else PATIENCE
        path = await self._logs.within(patience, job_id, lambda: self._batch.log_path(job_id))
        if path is None:
            late = Unavailable(
                f"{self._site.name} has not told where job {job_id} writes.", "Ask again in a moment."
            )
            raise silence or late
        if not path:
            raise NotFound(
                f"{self._site.name} does not tell where job {job_id} writes.",
                "It forgets some minutes after a job's end; the job's own script says it.",
            )
        elsewhere = self._site.transport != "direct"
        return await tail(job_id, Path(path), after, f"This host may not see {path}." if elsewhere else "")

    async def _fresh(self) -> JobsSnapshot:
        """My jobs as told from now on. Raises `Unavailable`, at once where the silence is known."""
        if (silence := self._silence()) is not None:
            raise silence
        return await self._watcher.fresh()

    async def _anew(self, job_id: str, job: Job | None) -> Job | None:
        """The job as it is now, or as last told where nobody answers."""
        try:
            return (await self._fresh()).jobs.get(job_id)
        except Unavailable:
            if job is None:
                raise
            return job

    async def waiting(self, job_id: str) -> Job:
        """A waiting job of mine; of an array the first that waits. Raises `NotFound`, `Rejected` where it runs."""
        chosen = of_id(self._watcher.snapshot.jobs, job_id) or of_id((await self._fresh()).jobs, job_id)
        if not chosen:
            raise NotFound(f"You have no job {job_id} on {self._site.name}.", "ihpc jobs lists yours.")
        waiting = next((job for job in chosen if job.state.waiting), None)
        if waiting is None:
            raise Rejected(f"Job {job_id} does not wait.", "Only what waits could start sooner.")
        if not waiting.lane:
            raise Rejected(
                f"No lane of {self._site.name} is that of job {job_id} (partition {waiting.partition or '?'}).",
                "Offers are made in the site's lanes; the site file describes them.",
            )
        if not shape_matters(waiting, category_of(waiting)):
            why = explain_reason(waiting.reason).rstrip(".")
            raise Rejected(
                f"No other shape or lane would start job {waiting.id} sooner: {why[:1].lower()}{why[1:]}.",
                f"What to do about that says: ihpc why {waiting.id}",
            )
        return waiting

    async def cancel(self, job_id: str, *, waiting_only: bool = False) -> Cancellation:
        """Cancel one job of mine, or all of an array by its own id (*waiting_only*: those that wait).

        Raises `NotFound` for what is no waiting or running job of mine, `Rejected` for one of a cluster or run.
        """
        snapshot = self._watcher.snapshot
        if not of_id(snapshot.jobs, job_id):
            snapshot = await self._fresh()
        alive = [job for job in of_id(snapshot.jobs, job_id) if not job.state.ended]
        chosen = [job for job in alive if job.state.waiting or not waiting_only]
        if not chosen:
            raise NotFound(
                f"You have no job {job_id} that waits or runs on {self._site.name}.", "ihpc jobs lists yours."
            )
        _refuse_ours(chosen[0], self._owners())
        await self._batch.cancel([job.id for job in chosen])
        self._watcher.poke()
        self.reasons.forget()
        self._everybody.forget()
        return Cancellation(jobs=len(chosen))


def _folds(snapshot: JobsSnapshot, array: str | None) -> list[Fold]:
    if array is not None:
        return [Fold(job) for job in snapshot.jobs.values() if array_of(job.id) == array]
    return fold(snapshot.jobs.values())


def _order(one: Fold, mine: set[str] | None) -> tuple[bool, int, float]:
    """Mine first; what runs before what waits before what has ended; within, as they were asked for."""
    state = one.job.state
    foreign = mine is not None and array_of(one.job.id) not in mine
    return foreign, 0 if state.active else 1 if state.waiting else 2, one.job.submitted_at or 0.0


def _row(one: Fold, owners: dict[str, str], *, mine: bool) -> QueueRow:
    job, tag = one.job, parse_job_name(one.job.name)
    belongs = Belongs.NONE if tag is None else Belongs.RUN if parse_run(job.name) else Belongs.CLUSTER
    # A job cancelled while it waited keeps the code for which it had waited.
    told = "" if job.state.ended and category_of(job) in {Category.CANCELLED, Category.COMPLETED} else job.reason
    # Whatever code comes with it (a signal, a launch that failed): this state says why.
    why = explain_state(job.state) if job.state is JobState.OUT_OF_MEMORY else explain_reason(told, job.exit_code)
    return QueueRow.model_validate({
        **job.__dict__, "reason": told, "count": one.count, "elements": shortened(one.elements), "mine": mine,
        "belongs": belongs, "owner": owners.get(tag.uid, "") if tag else "",
        "state_text": explain_state(job.state), "reason_text": why,
    })  # fmt: skip


def _totals(folds: Sequence[Fold]) -> tuple[QueueTotal, ...]:
    jobs: Counter[str] = Counter()
    cores: Counter[str] = Counter()
    for one in folds:
        jobs[one.job.state.value] += one.count
        cores[one.job.state.value] += one.count * one.job.cores
    return tuple(QueueTotal(state=state, jobs=count, cores=cores[state]) for state, count in jobs.most_common())


def _refuse_ours(job: Job, owners: dict[str, str]) -> None:
    tag = parse_job_name(job.name)
    owner = owners.get(tag.uid) if tag else None
    if owner is None:  # nobody here would ask for it again
        return
    if parse_run(job.name):
        raise Rejected(f"Job {job.id} belongs to urgent run {owner}.", f"Cancel the run: ihpc run cancel {owner}.")
    raise Rejected(
        f"Job {job.id} belongs to cluster {owner!r}, which would ask for another.",
        f"Scale the cluster down: ihpc scale {owner} N, or stop it.",
    )
