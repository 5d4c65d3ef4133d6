"""The agent itself: sites, keepers, and the one revision that everybody follows."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Coroutine, Mapping
from functools import partial
from pathlib import Path

import psutil

from ihpc_jupyter.agent.desk import SiteDesk, first_answer
from ihpc_jupyter.agent.doorbell import Doorbell
from ihpc_jupyter.agent.elsewhere import Elsewhere
from ihpc_jupyter.agent.here import ends_soon, find_here
from ihpc_jupyter.agent.history import History
from ihpc_jupyter.agent.ioprobe import probes_of
from ihpc_jupyter.agent.keeper import Keeper
from ihpc_jupyter.agent.lease import Lease
from ihpc_jupyter.agent.meter import Meter
from ihpc_jupyter.agent.probes import Probes
from ihpc_jupyter.agent.requests import find_site, new_record, patched
from ihpc_jupyter.agent.runs import Runs
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.cluster.naming import parse_job_name
from ihpc_jupyter.cluster.record import ClusterRecord
from ihpc_jupyter.errors import NotAllowed, NotFound, Rejected, Unavailable
from ihpc_jupyter.identity import this_process
from ihpc_jupyter.metrics.timeline import Timelines
from ihpc_jupyter.model.cluster import ClusterState, ClusterView, CreateCluster, PatchCluster
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.protocol import API_VERSION, About, Change, Snapshot
from ihpc_jupyter.model.site import Site, SiteKind, SiteStatus
from ihpc_jupyter.paths import DOORBELL
from ihpc_jupyter.runs.record import RunRecord
from ihpc_jupyter.scheduler.watcher import JobsSnapshot
from ihpc_jupyter.version import __version__

SCAN = 3.0
"""Seconds between two looks at the home for clusters that other hosts' agents made."""
FIRST_ANSWER = 60.0
"""Seconds to wait for a site's first answer."""
FAR_BEHIND = 200
"""Changes that may wait for a slow reader."""
PING = 10.0
"""Seconds after which a silent stream says that it is alive."""


class Agent:
    """Everything that must outlive a kernel and a server, for one user on one host."""

    def __init__(self, sites: Mapping[str, Site], state: Path, runtime: Path, idle: float) -> None:
        self.desks = {
            name: SiteDesk(site, runtime, partial(self._site_changed, name), self._owners)
            for name, site in sites.items()
        }
        self.elsewhere = Elsewhere(self.desks)
        self.keepers: dict[str, Keeper] = {}
        self._store = Store(state / "clusters", "cluster.json", ClusterRecord)
        self._me = this_process()
        records = Store(state / "runs", "run.json", RunRecord)
        self.runs = Runs(self.desks, records, self._me, self._tell, self._spawn, self.keepers)
        self._idle = idle
        self._revision = 0
        self._views: dict[str, ClusterView] = {}
        self._statuses: dict[str, SiteStatus] = {}
        self._streams: set[asyncio.Queue[Change]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._used_at = time.monotonic()
        self._foreign: tuple[Job, ...] = ()
        self._creating: set[str] = set()
        self.meter = Meter(History(runtime), sites)
        self.timelines = Timelines()
        self.probes = Probes(self.meter, self.desks, self.keepers, probes_of(sites.values()))
        self._doorbell = Doorbell(state / DOORBELL, self._rung)

    async def run(self) -> None:
        """Look after everything until there is nothing to look after."""
        self._spawn(self.probes.run())
        self._spawn(self._doorbell.listen())
        for desk in self.desks.values():
            self._spawn(first_answer(desk, FIRST_ANSWER))  # jobs of ours that no cluster lists are to be shown
            self._spawn(desk.learn_accounts())
        while not self._may_leave():
            await self.find()
            await asyncio.sleep(SCAN)

    def _may_leave(self) -> bool:
        busy = bool(self._streams) or self.runs.busy or any(keeper.held for keeper in self.keepers.values())
        if busy:
            self.used()
        return time.monotonic() - self._used_at > self._idle

    def used(self) -> None:
        """Somebody asked for something: stay."""
        self._used_at = time.monotonic()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _rung(self) -> None:
        """A job of this user's has started or ended somewhere: who is interested in jobs is told soon."""
        for desk in self.desks.values():
            if desk.site.kind is SiteKind.SLURM:
                desk.watcher.poke()

    async def find(self) -> None:
        """Find clusters that this agent does not know yet, and jobs of ours that belong to none."""
        for record in await asyncio.to_thread(self._store.all):
            # Two hosts may have made namesakes before they saw each other: one is listed, the other's jobs
            # are shown as foreign until its turn comes.
            new = record.name not in self.keepers and record.uid not in self._creating
            if new and record.site in self.desks:
                self._keep(record, Lease(self._store.directory(record), self._me))
        await self.runs.scan()
        foreign = self._find_foreign()
        if foreign != self._foreign:
            self._foreign = foreign
            self._tell(Change(revision=0, kind="foreign", foreign=foreign))

    def _find_foreign(self) -> tuple[Job, ...]:
        ours = {keeper.record.uid for keeper in self.keepers.values()} | set(self.runs.keepers)
        jobs = [job for desk in self.desks.values() for job in desk.tagged()]
        return tuple(job for job in jobs if (tag := parse_job_name(job.name)) and tag.uid not in ours)

    def _owners(self) -> dict[str, str]:
        """By their jobs' tag: clusters by name, runs by id."""
        clusters = {keeper.record.uid: keeper.record.name for keeper in self.keepers.values()}
        return clusters | {id_: id_ for id_ in self.runs.keepers}

    def _keep(self, record: ClusterRecord, lease: Lease) -> Keeper:
        desk = self.desks[record.site]
        keeper = Keeper(record, desk, self._store, lease, lambda view: self._cluster_changed(record, view))
        self.keepers[record.name] = keeper
        self._spawn(keeper.run())
        return keeper

    async def close(self) -> None:
        """Let go of everything; clusters, jobs and heads go on."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for keeper in self.keepers.values():
            await keeper.release()
        await self.runs.release()
        self.probes.close()
        self.meter.close()
        for desk in self.desks.values():
            await desk.close()

    # -- what doors ask for ------------------------------------------------------------------------------

    def about(self) -> About:
        """About this process."""
        process = psutil.Process()
        times = process.cpu_times()
        left = max(0.0, self._idle - (time.monotonic() - self._used_at))
        leaves = (
            "when its last cluster or run has ended"
            if self.keepers or self.runs.busy
            else f"in {left:.0f} s, if nobody asks for anything"
        )
        return About(
            version=__version__, api=API_VERSION, pid=os.getpid(), host=self._me.host,
            started_at=self._me.started_at, memory=process.memory_info().rss,
            cpu_seconds=times.user + times.system, leaves=leaves,
        )  # fmt: skip

    def snapshot(self) -> Snapshot:
        """Everything, now."""
        return Snapshot(
            revision=self._revision, at=time.time(),
            sites=tuple(desk.status() for desk in self.desks.values()),
            clusters=tuple(keeper.view() for keeper in self.keepers.values()), runs=self.runs.views(),
            foreign=self._foreign,
        )  # fmt: skip

    async def create(self, request: CreateCluster) -> ClusterView:
        """Begin a new cluster; its head and workers follow."""
        if request.name in self.keepers:
            raise Rejected(
                f"There is a cluster {request.name!r} already.",
                "Choose another name, or stop that one first.",
            )
        sites = {name: desk.site for name, desk in self.desks.items()}
        record = new_record(request, sites)
        self._creating.add(record.uid)
        try:
            lease = await asyncio.to_thread(self._save_new, record)
            if request.name in self.keepers:
                await asyncio.to_thread(self._store.forget, record)
                raise Rejected(f"There is a cluster {request.name!r} already.", "Choose another name.")
            return self._keep(record, lease).view()
        finally:
            self._creating.discard(record.uid)

    def _save_new(self, record: ClusterRecord) -> Lease:
        """The new cluster on disk, looked after by us from the start; nothing of it where that fails."""
        lease = Lease(self._store.directory(record), self._me)
        try:
            self._store.create(record)
            lease.acquire()
        except OSError as error:
            self._store.forget(record)
            raise Unavailable(
                f"The cluster's record cannot be saved: {error}.", "Free some space in your home."
            ) from error
        return lease

    def cluster(self, name: str) -> Keeper:
        """The keeper of that cluster. Raises NotFound."""
        if name not in self.keepers:
            known = ", ".join(self.keepers) or "none yet"
            raise NotFound(f"There is no cluster {name!r}.", f"Clusters: {known}.")
        return self.keepers[name]

    async def own(self, name: str) -> Keeper:
        """The keeper of a cluster that this agent may change. Raises NotFound, NotAllowed, Unavailable."""
        keeper = self.cluster(name)
        await keeper.settled.wait()
        if keeper.held:
            return keeper
        if (holder := keeper.holder) is not None:
            raise NotAllowed(
                f"Cluster {name!r} is looked after on {holder}.", f"Change it from there: ssh {holder}."
            )
        raise Unavailable(
            f"Cluster {name!r} cannot be taken care of: your home takes no files, or another agent has just gone.",
            "What runs goes on. Free some space in your home, or ask again in a moment.",
        )

    async def patch(self, name: str, patch: PatchCluster) -> ClusterView:
        """Set targets; workers follow."""
        keeper = await self.own(name)
        if keeper.record.state not in (ClusterState.STARTING, ClusterState.RUNNING):
            raise Rejected(f"Cluster {name!r} is {keeper.record.state}.", "Make a new one.")
        await keeper.regroup(patched(keeper.record, patch, keeper.desk.site))
        return keeper.view()

    async def stop(self, name: str) -> ClusterView | None:
        """Stop a cluster; forget one that has ended (then None)."""
        keeper = await self.own(name)
        if keeper.record.state is ClusterState.STOPPED:
            await keeper.forget()
            return None
        await keeper.stop()
        return keeper.view()

    def site(self, name: str) -> SiteDesk:
        """A site's desk. Raises NotFound."""
        find_site(name, {key: desk.site for key, desk in self.desks.items()})
        return self.desks[name]

    # -- changes -----------------------------------------------------------------------------------------

    def _cluster_changed(self, record: ClusterRecord, view: ClusterView | None) -> None:
        if view is None:
            if self.keepers.get(record.name) and self.keepers[record.name].record.uid == record.uid:
                del self.keepers[record.name]
            self._views.pop(record.name, None)
            self.timelines.forget(record.name)
            self._tell(Change(revision=0, kind="cluster-gone", name=record.name))
            return
        self.timelines.note(view, time.time())
        if self._views.get(view.name) != view:
            self._views[view.name] = view
            self._tell(Change(revision=0, kind="cluster", cluster=view))

    def _site_changed(self, name: str) -> None:
        status = self.desks[name].status()
        if self._statuses.get(name) != status:
            self._statuses[name] = status
            self._tell(Change(revision=0, kind="site", site=status))

    def _site_answered(self, name: str, _: JobsSnapshot) -> None:
        self._site_changed(name)

    def _tell(self, change: Change) -> None:
        self._revision += 1
        self.meter.observe(change)
        numbered = change.model_copy(update={"revision": self._revision})
        for queue in self._streams:
            if queue.full():
                self._catch_up(queue)
            else:
                queue.put_nowait(numbered)

    def _catch_up(self, queue: asyncio.Queue[Change]) -> None:
        """A reader that has fallen far behind (a sleeping laptop) is told everything once, not each step."""
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(Change(revision=self._revision, kind="snapshot", snapshot=self.snapshot()))

    async def _next(self, queue: asyncio.Queue[Change]) -> Change:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PING):
                return await queue.get()
        return Change(revision=self._revision, kind="ping")

    async def changes(self, own: tuple[SiteKind, str] | None = None) -> AsyncGenerator[Change]:
        """The snapshot, then every change; a ping when nothing happens. *own*: the job that the reader runs in."""
        queue: asyncio.Queue[Change] = asyncio.Queue(FAR_BEHIND)
        self._streams.add(queue)
        # A Lab that is merely open does not look: who sees jobs in it says so with each reading of them.
        looking = [
            desk.watcher.subscribe(partial(self._site_answered, name), hears=True)
            for name, desk in self.desks.items()
        ]
        try:
            here, last = None, Change(revision=self._revision, kind="snapshot", snapshot=self.snapshot())
            yield last
            while True:
                if (now := find_here(own, self.desks.values())) != here:
                    here = now
                    yield Change(revision=last.revision, kind="here", here=here)
                if here is not None and ends_soon(here, time.time()):
                    self.desks[here.site].look()
                last = await self._next(queue)
                yield last
        finally:
            self._streams.discard(queue)
            for subscription in looking:
                subscription.close()
