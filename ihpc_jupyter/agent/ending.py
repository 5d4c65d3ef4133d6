"""Stops a cluster: the intent is on disk, and retried until the batch system confirms that nothing is left."""

import asyncio
import contextlib
import shutil
import time

from ihpc_jupyter.agent.case import STOP, Case
from ihpc_jupyter.agent.heads import Heads
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.cluster.decide import ABSENT_TWICE, settle_submissions
from ihpc_jupyter.cluster.naming import HEAD_GROUP
from ihpc_jupyter.cluster.record import ClusterRecord
from ihpc_jupyter.cluster.sight import Sight
from ihpc_jupyter.model.cluster import ClusterState
from ihpc_jupyter.model.job import Job, JobState

CLOSE_PATIENCE = 3.0
"""Seconds that a head may take to close before it is ended."""


class Ending:
    """The last part of a cluster's life."""

    def __init__(self, case: Case, store: Store[ClusterRecord], heads: Heads) -> None:
        self._case = case
        self._store = store
        self._heads = heads
        self._asked_at = 0.0

    def begin(self) -> None:
        """Write down that it is to stop."""
        case = self._case
        if case.record.state is not ClusterState.STOPPING:
            case.note("Stopping.")
            case.problems.pop(HEAD_GROUP, None)
            case.backoffs[STOP].reset()
            case.change(state=ClusterState.STOPPING)

    async def go_on(self) -> None:
        """Close the gate, cancel everything of ours, and be done when an answer shows none of it."""
        case = self._case
        if case.busy("head"):
            return  # a head that is being started would open the gate again
        with contextlib.suppress(OSError):
            case.link.spool.gate.unlink(missing_ok=True)
        if not self._asked_at:
            self._asked_at = time.time()
            case.beside("close", self._close_head())
        sight = case.sight()
        case.replace(settle_submissions(case.record, sight))
        alive = [job.id for job in sight.jobs.values() if self._may_live(job)]
        if self._confirmed(sight, alive) and self._head_has_gone():
            await self._finish()
            return
        arrays = [submission.job_id for submission in case.record.submissions if submission.job_id]
        case.cancel([*alive, *arrays])
        case.desk.watcher.poke()

    def _may_live(self, job: Job) -> bool:
        """Not ended; of one that the batch system no longer tells of, nothing more will ever be told."""
        waited = time.time() - self._asked_at > ABSENT_TWICE
        return not job.state.ended and not (job.state is JobState.UNKNOWN and waited)

    def _confirmed(self, sight: Sight, alive: list[str]) -> bool:
        answered = sight.asked_at is not None and sight.asked_at > self._asked_at
        return answered and not alive and not self._case.record.submissions

    def _head_has_gone(self) -> bool:
        """Whether no head is left on this host; one that does not close in time is ended."""
        if self._heads.runs_here() and time.time() - self._asked_at > CLOSE_PATIENCE:
            self._heads.end()
        return not self._heads.runs_here()

    async def _close_head(self) -> None:
        await self._case.link.close()

    async def _finish(self) -> None:
        """Everything ended: remove keys and files. A cluster that stopped by itself stays to be read."""
        case = self._case
        case.problems.pop(STOP, None)
        if not case.record.stopped_itself:
            await self.forget()
            return
        await self._remove_spool()
        none = {"target": 0, "adapt": None}
        groups = {name: group.model_copy(update=none) for name, group in case.record.groups.items()}
        case.change(state=ClusterState.STOPPED, groups=groups)

    async def forget(self) -> None:
        """Remove every trace of a cluster that has ended."""
        case = self._case
        await self._remove_spool()
        await asyncio.to_thread(self._store.forget, case.record)
        case.gone = True
        case.wake()

    async def _remove_spool(self) -> None:
        """Twice at most: a job's last words may come into a directory that is being emptied."""
        path = self._case.link.spool.path
        for _ in range(2):
            if path.exists():
                await asyncio.to_thread(shutil.rmtree, path, True)
