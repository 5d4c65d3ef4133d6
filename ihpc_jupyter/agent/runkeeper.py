"""Looks after one run: starts attempts, sees them live or die, ends them, and settles what they cost."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable

from ihpc_jupyter.agent.attempts import WORKER_WAYS, Attempts
from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.lease import Lease
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.mail import Mail
from ihpc_jupyter.agent.runview import run_view
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.run import Attempt, Plan, RunState, RunView, WayKind
from ihpc_jupyter.runs.account import accounted
from ihpc_jupyter.runs.decide import Again, decide, fresh_way
from ihpc_jupyter.runs.judge import STUCK_AFTER
from ihpc_jupyter.runs.record import RunRecord
from ihpc_jupyter.runs.sight import AttemptSight, RunSight

_LOG = logging.getLogger("ihpc.agent")

LOOK = 0.2
"""Seconds between two looks into the mailbox while a run goes on: files on our own disk, no batch system."""

ASK_AFTER = 0.5
"""Seconds without a driver after which the batch system is asked why."""

SAME_REQUEST = frozenset({WayKind.ALLOCATION, WayKind.PREEMPTION})
"""Ways that ask the same of the batch system."""

SETTLE = 60.0
"""Seconds after the end in which the batch system is asked what it cost; then our own clock has to do."""

LOOK_UP_AGAIN = 5.0
"""Seconds between two questions to the accounting."""


class RunKeeper:
    """One run's keeper. *publish* is called with each new view."""

    def __init__(
        self,
        record: RunRecord,
        desk: SiteDesk,
        store: Store[RunRecord],
        lease: Lease,
        publish: Callable[[RunView], None],
        link: Callable[[], HeadLink | None],
    ) -> None:
        self.record = record
        self.mailbox = desk.mailbox(record.id)
        self.held = lease.held
        self.holder: str | None = None
        self._desk = desk
        self._store = store
        self._lease = lease
        self._publish = publish
        self._mail = Mail(self.mailbox)
        self._woken = asyncio.Event()
        if record.begun:
            self._woken.set()  # else there is nothing to see yet, and the first attempt must not wait for a look
        self._turn = asyncio.Lock()
        self._attempts = Attempts(desk, self.mailbox, self._woken.set, link)
        self._saved: RunRecord | None = record
        self._looked_up_at = float("-inf")
        self._victims_asked_at = float("-inf")
        self._noted = False

    # -- what doors ask for ------------------------------------------------------------------------------

    def view(self) -> RunView:
        """The run as it is now."""
        return run_view(self.record, self.mailbox, self._jobs(), self.holder)

    def output(self, attempt: int) -> tuple[str, bool]:
        """The end of what an attempt's first copy has said, and whether its beginning is left out."""
        return self._mail.output(attempt, 0)

    async def begin(self) -> None:
        """The payload is there: the first attempt, at once."""
        async with self._turn:
            self._update(begun=True)
            await self._again(Again("The first attempt."))
        self._publish(self.view())  # the loop looks soon enough: a round now would only compete with the start

    @property
    def waits(self) -> bool:
        """Whether its first attempt has not begun yet."""
        attempts = self.record.attempts
        return not self.record.state.ended and len(attempts) == 1 and attempts[0].started_at is None

    async def replan(self, plan: Plan) -> None:
        """Take in what is known now: whoever has to go is told; the request itself stays."""
        async with self._turn:
            if not self.waits:
                return
            told, first = self.record.plan, self.record.attempts[0]
            if {told.chosen, plan.chosen} <= SAME_REQUEST:
                self.record = self.record.with_attempt(first.model_copy(update={"way": plan.chosen}))
            else:
                plan = plan.model_copy(update={"chosen": told.chosen, "why": told.why})
            self._update(plan=plan)

    async def cancel(self) -> None:
        """End it everywhere."""
        async with self._turn:
            self._update(cancelled=True)
            if not self.record.begun:
                self.record = self.record.reached(RunState.CANCELLED, time.time())
            await self._round()
        self._publish(self.view())
        self._woken.set()

    # -- the loop ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after the run until all is settled."""
        with self._desk.watcher.subscribe() as subscription:
            try:
                ended = False
                while not ended:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await self._woken.wait()
                    self._woken.clear()
                    ended = await self._done()
                    subscription.waiting = self._asks()
            finally:
                self._attempts.drop()

    async def _done(self) -> bool:
        """One round; a fault of ours in it must not leave a run without a keeper."""
        try:
            async with self._turn:
                if await self._hold():
                    await self._round()
            self._publish(self.view())
        except OSError as error:
            _LOG.warning("run %s: %s", self.record.id, error)
        except Exception:  # noqa: BLE001 (the next round may do better; the log tells)
            _LOG.exception("run %s: a round failed", self.record.id)
        return self.record.settled

    async def _hold(self) -> bool:
        """Hold the lease; while another agent does, follow its record on disk."""
        self.held = await asyncio.to_thread(self._lease.keep)
        if self.held:
            return True
        latest = await asyncio.to_thread(self._store.load, self.record)
        self.record = self._saved = latest or self.record.model_copy(update={"settled": True})
        if await asyncio.to_thread(self._lease.acquire):
            self.held, self.holder = True, None
            self._desk.watcher.poke()
            return True
        holder = await asyncio.to_thread(self._lease.holder)
        self.holder = holder.owner.host if holder else None
        return False

    async def _round(self) -> None:
        if self.record.state.ended:
            await self._settle()
        elif self.record.begun:
            await self._follow()
        elif time.time() - self.record.created_at > SETTLE:
            # Whoever ordered it never came back with the payload.
            self._update(problem="Its payload never came.")
            self.record = self.record.reached(RunState.LOST, time.time())
        await self._save()

    async def _follow(self) -> None:
        seen = await self._look()
        decision = decide(self.record, seen)
        self.record = decision.record
        gone = [attempt for attempt in self.record.attempts if attempt.number in decision.cancel]
        if self.record.state.ended:
            self.mailbox.gate.unlink(missing_ok=True)  # what starts now has nothing to do
        self._attempts.cancel(self.record, gone)
        if decision.again is not None and self.held:
            await self._again(decision.again)

    async def _again(self, again: Again) -> None:
        """One more attempt, written down before it is asked for."""
        attempt = self._attempts.prepare(self.record, again.why, again.exclude)
        self.record = self.record.with_attempt(attempt).reached(RunState.SUBMITTED, attempt.submitted_at)
        # A crash of this host would take the command with it: the disk need not have it first.
        await asyncio.gather(self._save(durable=False), self._attempts.write_script(self.record, attempt))
        process = await self._attempts.launch(self.record, attempt)
        if process is not None:
            self._update(commands={**self.record.commands, attempt.number: process})
            await self._save(durable=False)

    async def _look(self) -> RunSight:
        record, count = self.record, max(self.record.order.copies, self.record.order.tasks)
        numbers = [attempt.number for attempt in record.attempts]
        # The commands first: one that has ended has left its result before that.
        commands = {attempt.number: self._attempts.command(record, attempt) for attempt in record.attempts}
        copies = await asyncio.to_thread(lambda: {number: self._mail.copies(number, count) for number in numbers})
        result = await asyncio.to_thread(self._mail.result)
        sights = {
            attempt.number: AttemptSight(
                copies[attempt.number], commands[attempt.number], self._attempts.jobs(attempt)
            )
            for attempt in record.attempts
        }
        snapshot = self._desk.watcher.snapshot
        asked_at = snapshot.asked_at if not snapshot.failures else None
        return RunSight(time.time(), result, sights, asked_at, room=await self._room())

    async def _room(self) -> bool:
        """Whether there is room for it, asked for only while it waits longer than it should."""
        record = self.record
        waits = record.state in {RunState.SUBMITTED, RunState.QUEUED} and bool(record.attempts)
        if not waits or time.time() - record.attempts[-1].submitted_at < STUCK_AFTER:
            return False
        if record.attempts[-1].way is WayKind.RESERVATION and fresh_way(record) is WayKind.PREEMPTION:
            return True
        capacity = await self._desk.capacity(patience=1.0)
        return capacity is not None and capacity.free.get(record.lane, 0) >= self._cores

    async def _settle(self) -> None:
        """Until the batch system has confirmed that nothing of it is left, and said what it cost."""
        now = time.time()
        ended_at = self.record.stages.get(str(self.record.state), now)
        answered = (self._desk.watcher.snapshot.asked_at or 0.0) > ended_at
        await self._note_victims()
        for attempt in self.record.attempts:
            jobs = self._attempts.jobs(attempt)
            if answered and not jobs:
                jobs = await self._history(attempt)
            told = accounted(attempt, jobs, self._cores, now)
            # What ran on the own workers is in their cluster's account.
            never = attempt.way in WORKER_WAYS or (answered and not jobs and attempt.allocated_at is None)
            self.record = self.record.with_attempt(told.model_copy(update={"accounted": told.accounted or never}))
        open_ = [attempt for attempt in self.record.attempts if not attempt.accounted]
        if (self._noted and not open_) or now - ended_at > SETTLE:
            self._update(settled=True)
        else:
            self._attempts.cancel(self.record, open_)

    async def _note_victims(self) -> None:
        """Who had to go for it: asked soon after, while the queue still tells, and again where nobody answered."""
        now = time.monotonic()
        if self._noted or now - self._victims_asked_at < LOOK_UP_AGAIN:
            return
        self._victims_asked_at = now
        with contextlib.suppress(IhpcError):
            if self.record.state is not RunState.CANCELLED:
                await self._ask_victims()
            self._noted = True

    async def _ask_victims(self) -> None:
        for attempt in self.record.attempts:
            began = attempt.started_at
            if attempt.way is WayKind.PREEMPTION and began is not None:
                # Slurm cuts to whole seconds; a second earlier, and it would be blamed for what went before.
                gone = await self._desk.batch.sent_away(math.floor(attempt.submitted_at), began + 1)
                told = attempt.model_copy(update={"preempted": tuple(gone)})
                self.record = self.record.with_attempt(told)

    async def _history(self, attempt: Attempt) -> tuple[Job, ...]:
        """What the accounting tells of a job that the queue no longer knows; asked for now and then."""
        now = time.monotonic()
        if attempt.job_id is None or now - self._looked_up_at < LOOK_UP_AGAIN:
            return ()
        self._looked_up_at = now
        try:
            return tuple(await self._desk.batch.history([attempt.job_id]))
        except IhpcError:
            return ()

    @property
    def _cores(self) -> int:
        return self.record.shape.cores * max(self.record.order.copies, self.record.order.tasks)

    def _asks(self) -> bool:
        """Whether the batch system should be asked often: something waits, or is to be settled."""
        record = self.record
        if record.state.ended:
            return True
        since = record.attempts[-1].submitted_at if record.attempts else time.time()
        waits = record.state in {RunState.SUBMITTED, RunState.QUEUED, RunState.ALLOCATED}
        return waits and time.time() - since > ASK_AFTER

    def _jobs(self) -> list[Job]:
        return [job for attempt in self.record.live for job in self._attempts.jobs(attempt)]

    def _update(self, **changes: object) -> None:
        self.record = self.record.model_copy(update=changes)

    async def _save(self, *, durable: bool = True) -> None:
        """On disk what changed; a home that is full stops no run. What was not *durable* is saved again."""
        record = self.record
        if record != self._saved and self.held:
            try:
                await asyncio.to_thread(self._store.save, record, durable=durable)
                self._saved = record if durable else None
            except OSError as error:
                self._saved = None
                _LOG.warning("run %s is not saved: %s", self.record.id, error)

    async def release(self) -> None:
        """Let go of the lease, so that the next agent need not wait."""
        with contextlib.suppress(OSError):
            await self._save()
            await asyncio.to_thread(self._lease.release)
