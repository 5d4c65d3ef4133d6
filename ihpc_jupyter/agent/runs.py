"""All urgent runs of this user as this agent sees them: orders come in, keepers look after them."""

import asyncio
import os
import pwd
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

from ihpc_jupyter.agent.attempts import WORKER_WAYS
from ihpc_jupyter.agent.desk import CAPACITY_AGE, SiteDesk
from ihpc_jupyter.agent.keeper import Keeper
from ihpc_jupyter.agent.lease import Lease
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.mail import write_script
from ihpc_jupyter.agent.rehearsal import rehearse
from ihpc_jupyter.agent.runkeeper import RunKeeper
from ihpc_jupyter.agent.runrequest import new_run, resolve
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.cluster.naming import parse_run
from ihpc_jupyter.errors import NotAllowed, NotFound, Rejected, Unavailable
from ihpc_jupyter.files import private_directory
from ihpc_jupyter.model.process import Process
from ihpc_jupyter.model.protocol import Change, LogTail, Report
from ihpc_jupyter.model.run import Audit, Ledger, Plan, RunOrder, RunState, RunView, WayKind
from ihpc_jupyter.runs.account import starts
from ihpc_jupyter.runs.audit import differences, not_booked, rows
from ihpc_jupyter.runs.planner import Evidence, Wanted, make_plan
from ihpc_jupyter.runs.record import RunRecord
from ihpc_jupyter.scheduler.base import Capacity

GLANCE = 0.06
"""Seconds that an order waits for the batch system to say what is free; a plan goes on without."""

LOOK = 2.0
"""Seconds that somebody who only wants a plan waits for it."""

AMPLE = 4
"""So many times its cores free a moment ago: a plan says so, with its age, and does not ask again."""

LOOK_AGAIN = 0.3
"""Seconds after a start before anything else is asked: the start comes first."""

MAX_RUNS = 500
"""Ended runs that are remembered."""
MAIL_KEPT = 7 * 86400.0
"""Seconds for which the mailbox of an ended run stays."""


class Runs:
    """The runs, by id; *tell* hands changes to the agent's stream, *spawn* runs keepers beside it."""

    def __init__(
        self,
        desks: Mapping[str, SiteDesk],
        store: Store[RunRecord],
        me: Process,
        tell: Callable[[Change], None],
        spawn: Callable[[Coroutine[None, None, None]], None],
        clusters: Mapping[str, Keeper],
    ) -> None:
        self.keepers: dict[str, RunKeeper] = {}
        self._desks = desks
        self._store = store
        self._me = me
        self._tell = tell
        self._spawn = spawn
        self._clusters = clusters
        self._views: dict[str, RunView] = {}

    @property
    def busy(self) -> bool:
        """Whether some run is not settled yet: the agent stays."""
        return any(not keeper.record.settled and keeper.held for keeper in self.keepers.values())

    async def scan(self) -> None:
        """Find runs that this agent does not know yet, and forget the oldest."""
        for record in await asyncio.to_thread(self._store.all, set(self.keepers)):
            if record.id not in self.keepers and record.site in self._desks:
                self._keep(record, Lease(self._store.directory(record), self._me))
        await asyncio.to_thread(self._tidy)

    async def release(self) -> None:
        """Let go of all of them; they go on."""
        for keeper in self.keepers.values():
            await keeper.release()

    def _keep(self, record: RunRecord, lease: Lease) -> RunKeeper:
        def link() -> HeadLink | None:
            cluster = self._clusters.get(record.order.cluster or "")
            return cluster.link if cluster is not None else None

        keeper = RunKeeper(record, self._desks[record.site], self._store, lease, self._changed, link)
        self.keepers[record.id] = keeper
        if not record.settled:
            self._spawn(keeper.run())
        return keeper

    def _tidy(self) -> None:
        settled = sorted(
            (keeper for keeper in list(self.keepers.values()) if keeper.record.settled),
            key=lambda keeper: keeper.record.created_at,
        )
        for keeper in settled:
            if time.time() - keeper.record.created_at > MAIL_KEPT and keeper.mailbox.path.exists():
                shutil.rmtree(keeper.mailbox.path, ignore_errors=True)
        for keeper in settled[:-MAX_RUNS]:
            self._store.forget(keeper.record)
            self.keepers.pop(keeper.record.id, None)

    # -- what doors ask for ------------------------------------------------------------------------------

    def views(self) -> tuple[RunView, ...]:
        """All runs, the latest first."""
        keepers = sorted(self.keepers.values(), key=lambda keeper: -keeper.record.created_at)
        return tuple(keeper.view() for keeper in keepers)

    def ledger(self) -> Ledger:
        """All runs with what they cost."""
        return Ledger(runs=self.views())

    def resolve(self, order: RunOrder) -> Wanted:
        """What the order asks for, within its lane's limits. Raises NotFound for an unknown cluster, too."""
        if order.cluster is not None:
            if order.cluster not in self._clusters:
                known = ", ".join(self._clusters) or "none"
                raise NotFound(f"There is no cluster {order.cluster!r}.", f"Clusters: {known}.")
            # Where its workers cannot take it, the next best place is beside them: data may lie there.
            site = order.site or self._clusters[order.cluster].record.site
            order = order.model_copy(update={"site": site})
        return resolve(order, {name: desk.site for name, desk in self._desks.items()})

    async def plan(self, order: RunOrder) -> Plan:
        """What would happen; nothing does."""
        wanted = self.resolve(order)
        return make_plan(wanted, await self._evidence(wanted, LOOK), time.time())

    async def check(self, order: RunOrder) -> Report:
        """The rehearsal of a run; nothing of the user's is run."""
        wanted = self.resolve(order)
        return await rehearse(self._desks[wanted.site.name], wanted, await self.plan(order))

    async def create(self, order: RunOrder) -> RunView:
        """A new run, planned, its mailbox ready; it begins when the payload is there."""
        wanted = self.resolve(order)
        plan = make_plan(wanted, self._lately(wanted) or await self._evidence(wanted, GLANCE), time.time())
        desk = self._desks[wanted.site.name]
        if (silence := desk.silence) is not None and plan.chosen not in WORKER_WAYS:
            if not await desk.answers_again():
                hint = "Nothing was submitted. Try again in a moment, or name another site."
                raise Unavailable(silence.message, hint) from silence
            plan = make_plan(wanted, await self._evidence(wanted, GLANCE), time.time())
        if plan.chosen is None:
            said = " ".join(way.why for way in plan.ways if way.why)
            raise Rejected(f"There is no way to start. {said}", "Ask for less. Nothing was submitted.")
        record = new_run(wanted, plan)
        lease = await asyncio.to_thread(self._save_new, record)
        return self._keep(record, lease).view()

    def _save_new(self, record: RunRecord) -> Lease:
        mailbox = self._desks[record.site].mailbox(record.id)
        lease = Lease(self._store.directory(record), self._me)
        try:
            private_directory(mailbox.path)
            mailbox.gate.touch(mode=0o600)
            if (script := record.order.script) is not None:
                directory = record.environment.directory or str(Path.home())
                write_script(mailbox, script, record.order.interpreter, record.order.tasks, directory)
                record = record.model_copy(update={"order": record.order.model_copy(update={"script": None})})
            self._store.create(record, durable=False)  # nothing has been asked for
            lease.acquire()
        except OSError as error:
            self._store.forget(record)
            shutil.rmtree(mailbox.path, ignore_errors=True)
            raise Unavailable(
                f"The run cannot be written down: {error.strerror or error} ({error.filename}).",
                "Free some space in your home and in the site's spool.",
            ) from error
        return lease

    async def start(self, id_: str) -> RunView:
        """Go: the payload is in the mailbox."""
        keeper = self.own(id_)
        if keeper.record.state is not RunState.PLANNED or keeper.record.begun:
            raise Rejected(f"Run {id_} is {keeper.record.state} already.", "Order a new one.")
        if not await asyncio.to_thread(keeper.mailbox.order.exists):
            raise Rejected(f"The mailbox of run {id_} has no order yet.", "Write payload and order.json first.")
        await keeper.begin()
        self._spawn(self._look_again(keeper))
        return keeper.view()

    async def stop(self, id_: str) -> RunView | None:
        """Cancel a run everywhere; forget one that has ended (then None)."""
        keeper = self.own(id_)
        if keeper.record.settled:
            self.keepers.pop(id_, None)
            self._views.pop(id_, None)
            await asyncio.to_thread(shutil.rmtree, keeper.mailbox.path, True)
            await asyncio.to_thread(self._store.forget, keeper.record)
            self._tell(Change(revision=0, kind="run-gone", name=id_))
            return None
        if not keeper.record.state.ended:
            await keeper.cancel()
        return keeper.view()

    async def audit(self, site: str, since: float) -> Audit:
        """Everybody's urgent runs by the site's accounting, compared with this user's own ledger."""
        desk = self._desks[site]
        jobs = await desk.batch.account(since)
        found = rows(jobs, [parse_run(job.name) for job in jobs])
        mine = [view for view in self.views() if view.site == site and view.created_at >= since]
        owner = pwd.getpwuid(os.getuid()).pw_name
        told = [*differences(found, mine), *not_booked(found, owner, self.keepers)]
        return Audit(site=site, since=since, rows=tuple(found), differences=tuple(told))

    async def output(self, id_: str) -> LogTail:
        """The end of what a run has said: the first copy of its latest attempt."""
        keeper = self.find(id_)
        number = keeper.record.winner or max(len(keeper.record.attempts), 1)
        text, truncated = await asyncio.to_thread(keeper.output, number)
        path = keeper.mailbox.events(number, 0)
        return LogTail(job_id=f"{id_} attempt {number}", path=str(path), text=text, truncated=truncated)

    def find(self, id_: str) -> RunKeeper:
        """The keeper of that run; the beginning of an id will do where only one begins so. Raises NotFound."""
        found = [keeper for key, keeper in self.keepers.items() if id_ and key.startswith(id_)]
        if len(found) != 1:
            raise NotFound(f"There is no run {id_!r}.", "GET /api/runs (in a notebook: %runs) lists them.")
        return found[0]

    def own(self, id_: str) -> RunKeeper:
        """The keeper of a run that this agent may change. Raises NotFound, NotAllowed."""
        keeper = self.find(id_)
        if not keeper.held and not keeper.record.settled:
            raise NotAllowed(f"Run {id_} is looked after on {keeper.holder or 'another host'}.", "Go there.")
        return keeper

    # -- evidence ----------------------------------------------------------------------------------------

    def _lately(self, wanted: Wanted) -> Evidence | None:
        """What was known a moment ago, where it says that there is room for this run many times over: nobody
        waits for a question then. Where others may have to go, it is asked anew."""
        lately = self._desks[wanted.site.name].lately()
        if lately is None or lately[0].free.get(wanted.lane, 0) < AMPLE * wanted.all_cores:
            return None
        return self._known(wanted, *lately)

    async def _look_again(self, keeper: RunKeeper) -> None:
        """News of what is free, for the next order; and for this one's plan, where it waits all the same."""
        record = keeper.record
        order = record.order.model_copy(update={"site": record.site})
        wanted = resolve(order, {record.site: self._desks[record.site].site})
        for pause in (LOOK_AGAIN, CAPACITY_AGE):  # the second time what is told is new
            await asyncio.sleep(pause)
            evidence = await self._evidence(wanted, LOOK)
            if not keeper.waits:
                return
            await keeper.replan(make_plan(wanted, evidence, time.time()))

    async def _evidence(self, wanted: Wanted, patience: float) -> Evidence:
        desk = self._desks[wanted.site.name]
        capacity = await desk.capacity(patience)
        free = capacity.free.get(wanted.lane) if capacity else None
        # Who could give way is a second request: asked for only where there is no room.
        victims = await desk.preemptible(patience) if free is not None and free < wanted.all_cores else None
        lately = desk.lately()  # a question that nobody answered leaves the answer before it
        return self._known(wanted, capacity, lately[1] if lately else 0.0, victims)

    def _known(
        self, wanted: Wanted, capacity: Capacity | None, age: float = 0.0, victims: Mapping[str, int] | None = None
    ) -> Evidence:
        """What the batch system said, with what this agent knows itself."""
        cluster = self._clusters.get(wanted.order.cluster or "")
        records = [keeper.record for keeper in self.keepers.values() if keeper.record.site == wanted.site.name]
        workers = cluster.link.state.workers if cluster and cluster.link.up and cluster.link.state else ()
        able = [worker for worker in workers if not worker.leaving and worker.silent < 2.0]
        return Evidence(
            free=capacity.free.get(wanted.lane) if capacity else None,
            most=capacity.most.get(wanted.lane) if capacity else None,
            nodes=capacity.nodes.get(wanted.lane) if capacity else None,
            age=age,
            victims=victims,
            reservation=capacity.reservations.get(wanted.lane) if capacity else None,
            starts={way: starts(records, wanted.lane, way) for way in WayKind},
            cluster=wanted.order.cluster if cluster else None,
            idle=sum(not worker.processing for worker in able),
            workers=len(able),
        )

    def _changed(self, view: RunView) -> None:
        if view.id in self.keepers and self._views.get(view.id) != view:
            self._views[view.id] = view
            self._tell(Change(revision=0, kind="run", run=view))
