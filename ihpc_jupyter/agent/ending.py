"""Stops a cluster: the intent is on disk, and retried until the batch system confirms that nothing is left."""

import asyncio
import shutil
import time

from ihpc_jupyter.agent.case import STOP, Case
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.cluster.decide import settle_submissions
from ihpc_jupyter.cluster.sight import Sight
from ihpc_jupyter.model.cluster import ClusterState


class Ending:
    """The last part of a cluster's life."""

    def __init__(self, case: Case, store: Store) -> None:
        self._case = case
        self._store = store
        self._asked_at = 0.0

    def begin(self) -> None:
        """Write down that it is to stop."""
        if self._case.record.state is not ClusterState.STOPPING:
            self._case.note("Stopping.")
            self._case.change(state=ClusterState.STOPPING)

    async def go_on(self) -> None:
        """Close the gate, cancel everything of ours, and be done when an answer shows none of it."""
        case = self._case
        if not self._asked_at:
            self._asked_at = time.time()
            case.link.spool.gate.unlink(missing_ok=True)
            case.beside("close", self._close_head())
        sight = case.sight()
        case.replace(settle_submissions(case.record, sight))
        alive = [job.id for job in sight.jobs.values() if not job.state.ended]
        if self._confirmed(sight, alive):
            await self._finish()
            return
        arrays = [submission.job_id for submission in case.record.submissions if submission.job_id]
        case.cancel([*alive, *arrays])
        case.desk.watcher.poke()

    def _confirmed(self, sight: Sight, alive: list[str]) -> bool:
        answered = sight.asked_at is not None and sight.asked_at > self._asked_at
        return answered and not alive and not self._case.record.submissions

    async def _close_head(self) -> None:
        await self._case.link.close()

    async def _finish(self) -> None:
        """Everything ended: remove keys and files. A cluster that stopped by itself stays to be read."""
        case = self._case
        case.problems.pop(STOP, None)
        if not case.record.stopped_itself:
            await self.forget()
            return
        await asyncio.to_thread(shutil.rmtree, case.link.spool.path, True)
        none = {"target": 0, "adapt": None}
        groups = {name: group.model_copy(update=none) for name, group in case.record.groups.items()}
        case.change(state=ClusterState.STOPPED, groups=groups)

    async def forget(self) -> None:
        """Remove every trace of a cluster that has ended."""
        case = self._case
        await asyncio.to_thread(shutil.rmtree, case.link.spool.path, True)
        await asyncio.to_thread(self._store.forget, case.record)
        case.gone = True
        case.wake()
