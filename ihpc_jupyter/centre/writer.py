"""Asks the batch system once for everybody, as often as somebody wants it and never more often than allowed."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.visitors import Visitors
from ihpc_jupyter.centre.wishes import Wishes, read_wishes
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.slurm_for_all import SlurmForAll
from ihpc_jupyter.scheduler.slurm_room import Reservation
from ihpc_jupyter.scheduler.slurm_shares import running_by_lane
from ihpc_jupyter.scheduler.snapshot import HEARTBEAT, SharedRoom, SiteSnapshot
from ihpc_jupyter.scheduler.watcher import BUSY_FOR, REST_BETWEEN

LOOK = 0.1
"""Seconds between two looks for marks, at least."""
DUTY = 20.0
"""Looking for marks is followed by a rest of so many times its own length: many readers cost a bounded share."""
RESERVATIONS_AGE = 60.0
"""Seconds for which reservations are not asked for again."""
NODES_AGE = 60.0
"""The same for which nodes are in order."""
CYCLES_AGE = 60.0
"""The same for which the scheduler's last passes are."""
MARGIN = 5.0
"""Seconds beyond the batch system's own time in which a waiting reader hears."""

_LOG = logging.getLogger("ihpc.snapshot")


class Writer:
    """Keeps one site's snapshot, for who reads its files and for *visitors* over HTTP.

    One request at a time; between two of them at least the busy pace.
    """

    def __init__(self, site: Site, batch: SlurmForAll, publisher: Publisher, visitors: Visitors) -> None:
        self._polling = site.polling
        self._batch = batch
        self._publisher = publisher
        self._visitors = visitors
        self._told = SiteSnapshot(site=site.name)
        self._jobs: dict[int, str] = {}
        self._reservations: list[Reservation] = []
        self._reserved_at = float("-inf")
        self._nodes: Nodes | None = None
        self._nodes_at = float("-inf")
        self._cycles: dict[str, float] = {}
        self._cycles_at = float("-inf")
        self._room_at = float("-inf")
        self._room_stamp = 0.0
        self._asked_end = float("-inf")
        self._request_end = float("-inf")
        self._sees_all = False
        self._well = True

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """For ever; *ready* is called once the files are ours to write.

        Raises `NotAllowed` where Slurm hides others' jobs from us, and what opening raises.
        """
        await asyncio.to_thread(self._publisher.open, self._told)
        ready()
        self._visitors.tell(self._told)
        heart = asyncio.create_task(self._beat())
        try:
            while True:
                await self._round()
        finally:
            heart.cancel()
            await asyncio.to_thread(self._publisher.close)
            await self._batch.close()

    async def _beat(self) -> None:
        """Signs of life, while what we write arrives."""
        while True:
            if self._well:
                try:
                    self._visitors.beat(await asyncio.to_thread(self._publisher.beat))
                except OSError as error:
                    self._not_written(error)
            await asyncio.sleep(HEARTBEAT)

    async def _round(self) -> None:
        began = time.monotonic()
        try:
            wishes = await self._wishes()
            if self._room_is_due(wishes):
                await self._ask_room()
            elif self._jobs_are_due(wishes):
                await (self._ask_jobs() if self._sees_all else self._ask_whether_all_is_shown())
            else:
                await asyncio.sleep(max(LOOK, DUTY * (time.monotonic() - began)))
        except OSError as error:
            self._not_written(error)
            await asyncio.sleep(self._polling.rest)
        else:
            self._well = True

    async def _wishes(self) -> Wishes:
        now = await self._now()
        try:
            wishes = await asyncio.to_thread(read_wishes, self._publisher.paths.wanted, now)
        except FileNotFoundError:  # somebody tidied an empty directory up
            await asyncio.to_thread(self._publisher.make_room_for_wishes)
            wishes = Wishes()
        wishes |= self._visitors.wishes(now)
        news = any(self._publisher.told(uid) is None for uid in wishes.readers)
        if news and self._told.asked_at and not self._told.failures:
            await asyncio.to_thread(self._publisher.jobs, self._jobs, wishes.readers)
            self._visitors.wake()
        return wishes

    async def _now(self) -> float:
        return await asyncio.to_thread(self._publisher.moment)

    # -- when -------------------------------------------------------------------------------------------

    def _may_ask(self) -> bool:
        return time.monotonic() - self._request_end >= self._polling.busy

    def _jobs_are_due(self, wishes: Wishes) -> bool:
        if not wishes.latest:
            return False
        waited = time.monotonic() - self._asked_end
        # A mark of the same tick may have been made just after the question: it is not answered yet.
        waits = wishes.waits >= self._told.asked_at and waited >= self._pause(self._polling.busy)
        looks = wishes.looks >= self._told.asked_at and waited >= self._pause(self._polling.rest)
        return (waits or looks) and self._may_ask()

    def _room_is_due(self, wishes: Wishes) -> bool:
        """Whenever somebody wants anything, at the pace of rest: then before the jobs, which are always wanted."""
        due = time.monotonic() - self._room_at >= self._pause(self._polling.rest)
        answers = self._told.asked_at > 0 and not self._told.failures
        return answers and wishes.latest > self._room_stamp and due and self._may_ask()

    def _pause(self, pace: float) -> float:
        """Seconds after an answer's end: more where the batch system is slow, and more where it is silent."""
        if failures := self._told.failures:
            return float(min(max(self._polling.rest, BUSY_FOR), self._polling.busy * 2 ** min(failures, 20)))
        return max(pace, REST_BETWEEN * self._told.latency)

    # -- asking -----------------------------------------------------------------------------------------

    async def _ask_whether_all_is_shown(self) -> None:
        """Once, before the first question: who is shown a part only would tell others that they have no jobs."""
        stamp = await self._now()
        try:
            await self._batch.refuse_the_blind()
            self._sees_all = True
        except Unavailable as error:
            self._asked_end = time.monotonic()
            await self._silent(stamp, str(error))
        finally:
            self._request_end = time.monotonic()

    async def _ask_jobs(self) -> None:
        stamp, clock = await self._now(), time.monotonic()
        try:
            jobs = await self._batch.jobs_by_user()
        except IhpcError as error:
            await self._silent(stamp, str(error))
            return
        finally:
            self._asked_end = self._request_end = time.monotonic()
        latency = self._asked_end - clock
        self._jobs = jobs
        wishes = await self._wishes()
        await asyncio.to_thread(self._publisher.jobs, jobs, wishes.readers)
        await self._tell(asked_at=stamp, latency=latency, failures=0, error="")

    async def _silent(self, stamp: float, error: str) -> None:
        _LOG.warning("no answer: %s", error)
        line = " ".join(error.split())[:200]
        await self._tell(asked_at=stamp, failures=self._told.failures + 1, error=line)

    async def _ask_room(self) -> None:
        """Free cores, or first the reservations, nodes or passes where those are old: one request."""
        stamp = await self._now()
        try:
            if time.monotonic() - self._reserved_at >= RESERVATIONS_AGE:
                self._reservations = await self._batch.reservations()
                self._reserved_at = time.monotonic()
                return
            if time.monotonic() - self._nodes_at >= NODES_AGE:
                self._nodes = (await self._batch.nodes()).model_copy(update={"at": stamp})
                self._nodes_at = time.monotonic()
                return
            if time.monotonic() - self._cycles_at >= CYCLES_AGE:
                self._cycles_at = time.monotonic()  # a Slurm without sdiag is not asked again at once
                self._cycles = await self._batch.cycles()
                return
            cores = await self._batch.cores()
        except IhpcError as error:
            _LOG.warning("no answer about what is free: %s", error)
            self._room_at, self._room_stamp = time.monotonic(), stamp
            return
        finally:
            self._request_end = time.monotonic()
        self._room_at, self._room_stamp = self._request_end, stamp
        running = await asyncio.to_thread(self._running)
        room = SharedRoom(
            asked_at=stamp, cores=cores, running=running, reservations=tuple(self._reservations),
            nodes=self._nodes, cycles=self._cycles,
        )  # fmt: skip
        await self._tell(room=room)

    def _running(self) -> dict[str, int]:
        return dict(sum((running_by_lane(text) for text in self._jobs.values()), Counter()))

    async def _tell(self, **news: object) -> None:
        self._told = self._told.model_copy(update=news)
        longest = self._polling.timeout + MARGIN
        within, at_rest = (longest + self._pause(pace) for pace in (self._polling.busy, self._polling.rest))
        self._told = self._told.model_copy(update={"within": within, "at_rest": at_rest})
        await asyncio.to_thread(self._publisher.site, self._told)
        self._visitors.tell(self._told)

    def _not_written(self, error: OSError) -> None:
        if self._well:
            _LOG.warning("the snapshot cannot be written, its readers ask for themselves: %s", error)
        self._well = False
        self._visitors.beat(None)
        with contextlib.suppress(OSError):
            self._publisher.paths.alive.unlink(missing_ok=True)
