"""A site's queue for people: mine from the watcher, everybody's on demand, why, and letting go."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ihpc_jupyter.agent.asked import Asked
from ihpc_jupyter.agent.tail import tail
from ihpc_jupyter.cluster.naming import parse_job_name, parse_run
from ihpc_jupyter.errors import NotFound, Rejected
from ihpc_jupyter.explain.answer import explain
from ihpc_jupyter.explain.neighbours import shape_matters
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.protocol import LogTail
from ihpc_jupyter.model.queue import Belongs, Cancellation, Queue, QueueRow, QueueTotal
from ihpc_jupyter.model.site import Health, Site
from ihpc_jupyter.model.why import Category, Explanation
from ihpc_jupyter.scheduler.base import BatchSystem
from ihpc_jupyter.scheduler.fold import Fold, array_of, fold, shortened
from ihpc_jupyter.scheduler.reasons import category_of, explain_reason, explain_state
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Watcher

MOST_ROWS = 2000
"""Rows of one answer; what is beyond counts in its totals."""
EVERYBODY_AGE = 10.0
"""Seconds for which everybody's jobs are not asked for again."""
WHY_AGE = 5.0
"""Seconds for which an explanation holds."""
LOG_AGE = 600.0
"""Seconds for which it is not asked again where a job writes."""

Owners = Callable[[], dict[str, str]]
"""By the tag's uid: the name of each cluster, the id of each run that is known here."""


class QueueDesk:
    """What people ask about one site's queue. *owners* tells whose the jobs with our tag are."""

    def __init__(self, site: Site, batch: BatchSystem, watcher: Watcher, owners: Owners) -> None:
        self._site = site
        self._batch = batch
        self._watcher = watcher
        self._owners = owners
        self._everybody: Asked[tuple[float, list[Fold]]] = Asked(EVERYBODY_AGE)
        self._why: Asked[Explanation] = Asked(WHY_AGE)
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
        at, folds = await self._everybody.get("", self._ask_everybody)
        own = await asyncio.to_thread(_folds, self._watcher.snapshot, None)
        mine = {array_of(fold.job.id) for fold in own}
        others = [fold for fold in folds if array_of(fold.job.id) not in mine]
        return await asyncio.to_thread(
            self._queue, [*own, *others], self._owners(), at, self._watcher.snapshot, everybody=True, mine=mine
        )

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
            health=snapshot.health,
            detail=" ".join(snapshot.error.split())[:200] if snapshot.health is not Health.UP else "",
            rows=tuple(_row(one, owners, mine=mine is None or array_of(one.job.id) in mine) for one in shown),
            totals=_totals(folds),
            left_out=len(folds) - len(shown),
            command=self._batch.listing(everybody=everybody),
        )

    async def why(self, job_id: str) -> Explanation:
        """Why a job waits, or ended. Raises `NotFound`, `Unavailable`."""
        return await self._why.get(job_id, lambda: self._explain(job_id))

    async def _explain(self, job_id: str) -> Explanation:
        return explain(await self._batch.evidence(job_id))

    async def log(self, job_id: str, after: int | None = None) -> LogTail:
        """The end of the log of a job of mine, or what stands behind that byte.

        The batch system is asked once where it is. Raises `NotFound`, `Unavailable`.
        """
        job = self._watcher.snapshot.jobs.get(job_id)
        if job is None or job.state.waiting:
            job = (await self._watcher.fresh()).jobs.get(job_id)
        if job is None:
            raise NotFound(f"You have no job {job_id} on {self._site.name}.", "ihpc jobs lists yours.")
        if job.state.waiting and not job.restarts:
            raise NotFound(f"Job {job_id} waits.", "A job writes its log once it runs.")
        path = await self._logs.get(job_id, lambda: self._batch.log_path(job_id))
        if not path:
            raise NotFound(
                f"{self._site.name} does not tell where job {job_id} writes.",
                "It forgets some minutes after a job's end; the job's own script says it.",
            )
        elsewhere = self._site.transport != "direct"
        return await tail(job_id, Path(path), after, f"This host may not see {path}." if elsewhere else "")

    async def waiting(self, job_id: str) -> Job:
        """A waiting job of mine; of an array the first that waits. Raises `NotFound`, `Rejected` where it runs."""
        chosen = _chosen(self._watcher.snapshot, job_id) or _chosen(await self._watcher.fresh(), job_id)
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
        if not _chosen(snapshot, job_id):
            snapshot = await self._watcher.fresh()
        alive = [job for job in _chosen(snapshot, job_id) if not job.state.ended]
        chosen = [job for job in alive if job.state.waiting or not waiting_only]
        if not chosen:
            raise NotFound(
                f"You have no job {job_id} that waits or runs on {self._site.name}.", "ihpc jobs lists yours."
            )
        _refuse_ours(chosen[0], self._owners())
        await self._batch.cancel([job.id for job in chosen])
        self._watcher.poke()
        self._why.forget()
        self._everybody.forget()
        return Cancellation(jobs=len(chosen))


def _folds(snapshot: JobsSnapshot, array: str | None) -> list[Fold]:
    if array is not None:
        return [Fold(job) for job in snapshot.jobs.values() if array_of(job.id) == array]
    return fold(snapshot.jobs.values())


def _chosen(snapshot: JobsSnapshot, job_id: str) -> list[Job]:
    if job_id in snapshot.jobs:
        return [snapshot.jobs[job_id]]
    return [job for job in snapshot.jobs.values() if array_of(job.id) == job_id]


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
