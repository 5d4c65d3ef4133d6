"""Looks after one cluster: holds its lease, keeps its head running, brings actual towards desired.

One task, one round after the other; a round never waits for the batch system: what takes long (submitting,
cancelling, starting a head) runs beside it, at most one of a kind, and wakes the next round.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from ihpc_jupyter.agent import headstart
from ihpc_jupyter.agent.case import Case
from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.ending import Ending
from ihpc_jupyter.agent.heads import Heads
from ihpc_jupyter.agent.lease import Lease
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.agent.tunnel import Tunnel
from ihpc_jupyter.agent.view import cluster_view, group_view, head_view
from ihpc_jupyter.agent.workers import Workers
from ihpc_jupyter.cluster.record import ClusterRecord, GroupRecord
from ihpc_jupyter.model.cluster import ClusterState, ClusterView, Load

_LOG = logging.getLogger("ihpc.agent")

ROUND = 1.0
"""Seconds between two rounds when nothing wakes the keeper."""


class Keeper:
    """One cluster's keeper. *publish* is called with each new view, with None when the cluster is gone.

    *held*: whether this agent looks after the cluster; *holder*: else, the host whose agent does. Both as of
    the last round, so that no answer waits for the home; *settled* once the first has told.
    """

    def __init__(
        self,
        record: ClusterRecord,
        desk: SiteDesk,
        store: Store[ClusterRecord],
        lease: Lease,
        publish: Callable[[ClusterView | None], None],
    ) -> None:
        self.desk = desk
        self._case = Case(record, desk, store, lambda: lease.held)
        self.tunnel = Tunnel(self._case.link, desk.runtime / f"head-{record.uid}.sock")
        self._store = store
        self._lease = lease
        self._publish = publish
        self._heads = Heads(self._case)
        self._workers = Workers(self._case)
        self._ending = Ending(self._case, store, self._heads)
        self.held = lease.held
        self.holder: str | None = None
        self.settled = asyncio.Event()
        if self.held:
            self.settled.set()

    # -- what doors ask for ------------------------------------------------------------------------------

    @property
    def record(self) -> ClusterRecord:
        """The cluster's record as it is now."""
        return self._case.record

    @property
    def link(self) -> HeadLink:
        """The line to the head."""
        return self._case.link

    async def regroup(self, groups: dict[str, GroupRecord]) -> None:
        """Set new targets, on disk too; workers follow."""
        self._case.change(groups=groups)
        await self._case.save()

    def retry(self) -> None:
        """Ask the batch system again now, whatever went wrong before."""
        for backoff in self._case.backoffs.values():
            backoff.reset()
        self._heads.retry()
        if self.record.state is ClusterState.FAILED:
            self._case.change(state=ClusterState.STARTING)
        self.desk.watcher.poke()
        self._case.wake()

    async def stop(self) -> None:
        """Stop the cluster; the intent is kept on disk and retried until it is confirmed."""
        self._ending.begin()
        await self._case.save()

    async def forget(self) -> None:
        """Remove every trace of a cluster that has ended."""
        await self._ending.forget()

    def view(self) -> ClusterView:
        """The cluster as it is now."""
        case, link = self._case, self._case.link
        sights = self._workers.sights(case.sight())
        told = self.desk.watcher.snapshot
        if told.silent:
            sights = {name: seen.unanswered() for name, seen in sights.items()}
        return cluster_view(
            case.record,
            {
                name: group_view(case.record, name, self.desk.site, seen, case.problems.get(name))
                for name, seen in sights.items()
            },
            head_view(case.record, link, self._heads.job_id()),
            link.state.load if link.state and link.up else Load(),
            case.problem(),
            self.holder,
            told,
            next((job.account for job in case.sight().jobs.values() if job.account), None),
        )

    # -- the loop ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after the cluster until it is gone."""
        await self._case.link.find()
        subscription = self.desk.watcher.subscribe(lambda _: self._case.wake())
        following = asyncio.create_task(self._case.link.follow())
        await self.tunnel.open()
        try:
            while not self._case.gone:
                subscription.waiting = await self._safe_round()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ROUND):
                        await self._case.woken.wait()
                self._case.woken.clear()
            self._publish(None)
        finally:
            subscription.close()
            following.cancel()
            self._case.drop_work()
            await self.tunnel.close()
            await self._case.link.hang_up()

    async def _safe_round(self) -> bool:
        """One round; True while something is expected to change soon. A fault must not end the loop."""
        try:
            return await self._round()
        except OSError as error:
            self._case.not_saved(error)
        except Exception:  # noqa: BLE001 - a mistake of ours in one round must not leave a cluster without a keeper
            _LOG.exception("cluster %s: a round failed", self.record.name)
        finally:
            self.settled.set()
        return True

    async def _round(self) -> bool:
        waiting = False
        if await self._hold():
            headstart.collect_ended()
            waiting = await self._look_after()
            await self._case.save()
        if not self._case.gone:
            self._publish(self.view())
        return waiting

    async def _look_after(self) -> bool:
        state = self.record.state
        if state is ClusterState.STOPPING:
            await self._ending.go_on()
            return True
        if state in (ClusterState.STARTING, ClusterState.RUNNING):
            self._heads.keep()
            return self._workers.reconcile()
        return False

    async def _hold(self) -> bool:
        """Hold the lease; while another agent does, follow its record on disk."""
        self.held = await asyncio.to_thread(self._lease.keep)
        if self.held:
            return True
        latest = await asyncio.to_thread(self._store.load, self.record)
        if latest is None:
            self._case.gone = True
            return False
        self._case.record = latest
        if not await asyncio.to_thread(self._lease.acquire):
            await asyncio.to_thread(self._look_at_lease)
            return False
        self._adopt()
        return True

    def _look_at_lease(self) -> None:
        holder = self._lease.holder()
        self.holder = holder.owner.host if holder else None

    def _adopt(self) -> None:
        """Newly responsible: what another agent was sending when it went may have been accepted."""
        self.held, self.holder = True, None
        for submission in self.record.submissions:
            if submission.state == "sending":
                self._case.replace(self.record.with_submission(submission.doubted(time.time())))
        self.desk.watcher.poke()

    async def release(self) -> None:
        """Save and let go of the lease, so that the next agent need not wait."""
        with contextlib.suppress(OSError):
            if self.held:
                await self._case.save()
            await asyncio.to_thread(self._lease.release)
