"""The only one that polls: one watcher per site asks in bulk; everybody else subscribes.

The rate is bounded whatever the number of subscribers and pokes, follows interest, and gives way when the
batch system is slow or silent.
"""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Self

from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Health, Polling
from ihpc_jupyter.scheduler.base import BatchSystem
from ihpc_jupyter.scheduler.source import Direct, Source, Told, Wish

BUSY_FOR = 30.0
"""Seconds of quicker questions after a change or a poke."""

SLOW = 2.5
"""Seconds of latency from which a site counts as degraded."""

REST_BETWEEN = 5.0
"""The pause between two questions is at least so many times the last answer's latency."""

FAILURES_UNTIL_UNKNOWN = 2

_REMEMBERED = 300.0
"""Seconds for which a job is told that the batch system no longer tells of."""


@dataclass(frozen=True)
class JobsSnapshot:
    """All jobs of this user at a site, as last answered; kept when nobody answers. Times are UTC seconds.

    *jobs* is the same object as before while nothing in it has changed: what was worked out of it still holds.
    *failures* counts the questions since the last answer that nobody answered, *error* says why. A job that
    the batch system told as alive and then dropped stays for 300 s, in the state its accounting tells, else
    UNKNOWN. *note*: what people should know of where the answer comes from.
    """

    jobs: Mapping[str, Job] = field(default_factory=lambda: MappingProxyType({}))
    asked_at: float | None = None
    answered_at: float | None = None
    failures: int = 0
    error: str = ""
    latency: float | None = None
    health: Health = Health.UNKNOWN
    note: str = ""

    @property
    def silent(self) -> bool:
        """Whether the last question was not answered: what was told before may no longer be so."""
        return self.failures > 0


class Subscription:
    """Interest in a site's jobs, from `Watcher.subscribe` until `close` (or the end of a ``with`` block).

    Iterate over it (``async for snapshot in subscription``) for each answer and each change of health; a
    slow reader sees the latest only. While *waiting* is True the watcher asks at its busy rate. One that only
    *hears* is told what others ask for: on its own account it is asked only while a job of the user's may change.
    """

    def __init__(
        self, watcher: "Watcher", callback: Callable[[JobsSnapshot], None] | None, *, hears: bool = False
    ) -> None:
        self._watcher = watcher
        self._callback = callback
        self.hears = hears
        self._waiting = False
        self._news = asyncio.Event()
        self.closed = False

    @property
    def waiting(self) -> bool:
        """Whether this subscriber waits for something to happen soon."""
        return self._waiting

    @waiting.setter
    def waiting(self, value: bool) -> None:
        began = value and not self._waiting
        self._waiting = value
        if began:
            self._watcher.reconsider()

    def tell(self, snapshot: JobsSnapshot) -> None:
        """Called by the watcher with what is new."""
        self._news.set()
        if self._callback is not None:
            self._callback(snapshot)

    def close(self) -> None:
        """End the interest; calling it again does nothing."""
        if not self.closed:
            self.closed = True
            self._news.set()
            self._watcher.unsubscribe(self)

    async def __aiter__(self) -> AsyncIterator[JobsSnapshot]:
        while not self.closed:
            await self._news.wait()
            self._news.clear()
            if not self.closed:
                yield self._watcher.snapshot

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Watcher:
    """Asks one batch system, and remembers. Use it inside a running event loop; end it with `close`.

    *source*: who is asked instead of the batch system itself, where somebody asks it for everybody.
    """

    def __init__(self, batch: BatchSystem, polling: Polling, source: Source | None = None) -> None:
        self.snapshot = JobsSnapshot()
        self.queries = 0
        self._batch = batch
        self._source = source or Direct(batch)
        self._polling = polling
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Callable[[JobsSnapshot], None]] = []
        self._wake = asyncio.Event()
        self._busy_until = 0.0
        self._pending = False
        self._last_end = float("-inf")
        self._heard = float("-inf"), 0.0
        self._told: dict[str, Job] = {}
        self._left: dict[str, tuple[float, Job]] = {}
        self._waiters: list[tuple[float, int, asyncio.Future[JobsSnapshot]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def interest(self) -> int:
        """How many subscribers there are; with none nobody is asked."""
        return len(self._subscriptions)

    def subscribe(
        self, callback: Callable[[JobsSnapshot], None] | None = None, *, hears: bool = False
    ) -> Subscription:
        """Begin an interest, or with *hears* half of one; *callback* is called in the loop on each answer and
        change of health.
        """
        subscription = Subscription(self, callback, hears=hears)
        self._subscriptions.append(subscription)
        self.reconsider()
        return subscription

    def listen(self, callback: Callable[[JobsSnapshot], None]) -> None:
        """Hand each answer and each failure to *callback*, too; that is no interest: nothing is asked for it."""
        self._listeners.append(callback)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Called by a subscription that closes."""
        self._subscriptions.remove(subscription)

    def poke(self) -> None:
        """Something was done or seen: ask soon, and more often for a while. Any number of pokes is one."""
        self._busy_until = time.monotonic() + BUSY_FOR
        self.reconsider()

    def heard(self, seconds: float) -> None:
        """The batch system has just answered another question in so many seconds: it may be well again."""
        self._heard = time.monotonic(), seconds
        if self.snapshot.failures or seconds < (self.snapshot.latency or 0.0):
            self.reconsider()

    def reconsider(self) -> None:
        """Look again at when to ask next."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._wake.set()

    async def fresh(self, after: float | None = None) -> JobsSnapshot:
        """The answer to a question that began after *after* (UTC seconds; now when left out).

        Raises `Unavailable` when that question is not answered. Bounded by the polling's pause and timeout.
        """
        asked_at = self.snapshot.asked_at
        if after is not None and asked_at is not None and asked_at > after and self.snapshot.failures == 0:
            return self.snapshot
        future: asyncio.Future[JobsSnapshot] = asyncio.get_running_loop().create_future()
        # A source may tell that a question under way was asked after this; else the next one counts.
        began, number = (time.time(), self.queries) if after is None else (after, sys.maxsize)
        self._waiters.append((began, number, future))
        self.poke()
        return await future

    async def close(self) -> None:
        """Stop asking. Subscriptions end; the batch system stays open."""
        for subscription in list(self._subscriptions):
            subscription.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for _, _, future in self._waiters:
            if not future.done():
                future.set_exception(Unavailable("The watcher of this site was stopped."))
        self._waiters = []

    def _pause(self) -> float:
        """Seconds between the end of the last question and the next one."""
        polling, snapshot = self._polling, self.snapshot
        if self._source.paced:
            return polling.busy if snapshot.failures else 0.0
        heard_at, latency = self._heard
        since = heard_at >= self._last_end
        if snapshot.failures and not since:
            return float(min(max(polling.rest, BUSY_FOR), polling.busy * 2 ** min(snapshot.failures, 20)))
        pace = polling.busy if self._wish() is Wish.WAITS else polling.rest
        last = snapshot.latency or 0.0
        return max(pace, REST_BETWEEN * (min(last, latency) if since else last))

    def _wish(self) -> Wish:
        """What is wanted at the moment."""
        waiters = any(not future.done() for _, _, future in self._waiters)
        if not self._subscriptions and not waiters:
            return Wish.NOTHING
        wanted = waiters or any(subscription.waiting for subscription in self._subscriptions)
        if wanted or time.monotonic() < self._busy_until:
            return Wish.WAITS
        unclear = self.snapshot.answered_at is None or self.snapshot.failures
        seen = any(not subscription.hears for subscription in self._subscriptions)
        return Wish.LOOKS if seen or unclear or self._pending else Wish.NOTHING

    async def _rest(self, seconds: float) -> None:
        """Wait, but not beyond the next `reconsider`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._waiters = [waiter for waiter in self._waiters if not waiter[2].done()]
            if self._wish() is Wish.NOTHING:
                await self._wake.wait()
                continue
            # Jitter keeps many users' watchers from asking in step.
            left = self._last_end + self._pause() * random.uniform(1.0, 1.1) - time.monotonic()  # noqa: S311
            if left > 0:
                await self._rest(left)
                continue
            await self._ask()

    async def _ask(self) -> None:
        began, number = time.time(), self.queries
        self.queries += 1
        try:
            told = await self._source.ask(self._wish, self._rest)
            if told is None:
                return
            jobs = {job.id: job for job in told.jobs}
            await self._note_left(jobs, told.asked_at)
        except IhpcError as error:
            self._not_answered(error, began, number)
        except Exception as error:  # noqa: BLE001 (whatever goes wrong in an answer must not end the watching)
            why = f"The answer could not be understood: {type(error).__name__}: {error}"
            self._not_answered(Unavailable(why), began, number)
        else:
            self._answered(jobs, told, number)

    async def _note_left(self, jobs: dict[str, Job], now: float) -> None:
        """Look up, once, jobs that were told as alive and are told no more."""
        gone = [job for key, job in self._told.items() if key not in jobs and not job.state.ended]
        if gone:
            known: dict[str, Job] = {}
            with contextlib.suppress(IhpcError):
                known = {job.id: job for job in await self._batch.history([job.id for job in gone])}
            for job in gone:
                unknown = job.model_copy(update={"state": JobState.UNKNOWN, "reason": ""})
                self._left[job.id] = now, known.get(job.id, unknown)
        for key, (since, _) in list(self._left.items()):
            if key in jobs or abs(now - since) > _REMEMBERED:
                del self._left[key]
        self._told = dict(jobs)
        jobs |= {key: job for key, (_, job) in self._left.items()}

    def _answered(self, jobs: dict[str, Job], told: Told, number: int) -> None:
        self._last_end = time.monotonic()
        shown = self.snapshot.jobs
        if jobs != shown:
            self._busy_until = max(self._busy_until, time.monotonic() + BUSY_FOR)
            shown = MappingProxyType(jobs)
            self._pending = any(job.state.waiting for job in jobs.values())
        health = Health.DEGRADED if told.latency > SLOW else Health.UP
        answered_at = min(time.time(), told.asked_at + told.latency)
        self._tell(
            JobsSnapshot(shown, told.asked_at, answered_at, latency=told.latency, health=health, note=told.note)
        )
        self._release(told.asked_at, number, None)

    def _not_answered(self, error: IhpcError, began: float, number: int) -> None:
        self._last_end = time.monotonic()
        last = self.snapshot
        failures = last.failures + 1
        once = last.answered_at is not None and failures < FAILURES_UNTIL_UNKNOWN
        health = Health.DEGRADED if once else Health.UNKNOWN
        self._tell(
            JobsSnapshot(last.jobs, last.asked_at, last.answered_at, failures, str(error), last.latency, health)
        )
        self._release(began, number, error)

    def _tell(self, snapshot: JobsSnapshot) -> None:
        answered = snapshot.failures == 0
        news = answered or (snapshot.health, snapshot.error) != (self.snapshot.health, self.snapshot.error)
        self.snapshot = snapshot
        subscribers = [subscription.tell for subscription in self._subscriptions] if news else []
        for tell in [*self._listeners, *subscribers]:
            try:
                tell(snapshot)
            except Exception as error:  # noqa: BLE001 (one subscriber's mistake is not the others')
                context = {"message": "A subscriber of a watcher failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    def _release(self, began: float, number: int, error: IhpcError | None) -> None:
        """Answer those who waited for this question; *number* counts the questions before it."""
        waiters, self._waiters = self._waiters, []
        for after, before, future in waiters:
            if future.done():
                continue
            if began <= after and number < before:
                self._waiters.append((after, before, future))
            elif error is not None:
                future.set_exception(error)
            else:
                future.set_result(self.snapshot)
