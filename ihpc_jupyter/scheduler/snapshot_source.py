"""A watcher's answers from the centre's snapshot; from the batch system itself while that cannot be used."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.site import Polling
from ihpc_jupyter.scheduler.slurm_shared import SharedSlurm
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot
from ihpc_jupyter.scheduler.snapshot_reader import SnapshotReader, Unusable
from ihpc_jupyter.scheduler.source import Rest, Told, Wish

LOOK = 0.1
"""Seconds between two looks at the files while somebody waits."""
GLANCE = 1.0
"""The same while somebody merely looks."""
FILES_PATIENCE = 5.0
"""Seconds that a look may take: a file system that is away can hold it for ever."""
REST_BETWEEN = 5.0
"""A direct question is followed by a pause of at least so many times its length."""

T = TypeVar("T")


@dataclass
class _Asking:
    """One question of the watcher's: the mark whose answer it waits for, and since when (monotonic)."""

    after: float | None = None
    since: float = 0.0


class SnapshotSource:
    """Reads what the centre's writer publishes; touches a mark where something newer is wanted."""

    paced = True

    def __init__(self, batch: SharedSlurm, snapshot: SnapshotReader, polling: Polling) -> None:
        self._batch = batch
        self._snapshot = snapshot
        self._polling = polling
        self._last = 0.0
        self._mark = 0.0
        self._marked_at: float | None = None
        self._unseen = False
        self._used = False
        self._direct_at: float | None = None
        self._direct_end = float("-inf")
        self._looking: asyncio.Task[Any] | None = None

    async def ask(self, wish: Callable[[], Wish], rest: Rest) -> Told | None:
        """The next answer that somebody got; for who waits, to a question that began after this call."""
        asking = _Asking()
        while (wanted := wish()) is not Wish.NOTHING:
            try:
                told = await self._read(wanted, asking)
            except Unusable as error:
                told = await self._directly(str(error))
            if told is not None:
                return told
            if self._direct_at is not None:
                await asyncio.sleep(GLANCE)
            elif wanted is Wish.WAITS:
                await asyncio.sleep(LOOK)
            else:
                await rest(GLANCE)
        return None

    async def _read(self, wanted: Wish, asking: _Asking) -> Told | None:
        look = self._look_for_news if wanted is Wish.WAITS or asking.after else self._look
        site = await self._in_thread(lambda: look(asking))
        self._used, self._direct_at = True, None
        if site is None:
            return None
        if site.failures:
            self._last, self._marked_at = site.asked_at, None
            raise Unavailable(site.error)
        mine = await self._in_thread(self._snapshot.jobs)
        if mine is None:  # the writer has not seen a mark of ours yet
            asking.after = self._marked_at = None
            self._unseen = True
            return None
        self._last, self._marked_at = site.asked_at, None
        asked_at = self._snapshot.here(site.asked_at)
        return Told(await self._batch.understand(mine, asked_at), asked_at, site.latency)

    def _look_for_news(self, asking: _Asking) -> SiteSnapshot | None:
        """The answer to a question that began after our mark, where it is there."""
        if asking.after is None:
            asking.after = self._snapshot.mark(Wish.WAITS)
            asking.since = asking.since or time.monotonic()
        site = self._snapshot.site(GLANCE)
        if site.asked_at > asking.after:
            return site
        _not_overdue(asking.since, site.within)
        return None

    def _look(self, _: _Asking) -> SiteSnapshot | None:
        """What was published since the last look, whoever wanted it; a mark where that is long ago."""
        site = self._snapshot.site(GLANCE)
        old = self._snapshot.now - site.asked_at >= self._polling.rest
        if self._marked_at is not None and site.asked_at > self._mark:
            self._marked_at = None  # answered, be it news or not
        if self._marked_at is None and (old or not self._last or self._unseen):
            self._unseen = False
            self._mark, self._marked_at = self._snapshot.mark(Wish.LOOKS), time.monotonic()
            self._last = max(self._last, site.asked_at if old else 0.0)
        if site.asked_at > self._last:
            return site
        if self._marked_at is not None:
            _not_overdue(self._marked_at, site.at_rest)
        return None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._looking is None or self._looking.done():
            self._looking = task = asyncio.create_task(asyncio.to_thread(work))
            if (await asyncio.wait({task}, timeout=FILES_PATIENCE))[0]:
                return task.result()
        raise Unusable("it does not answer in time")

    async def _directly(self, why: str) -> Told | None:
        """Ask the batch system, at the rate of rest whatever is wished; None until it is time.

        A writer that dies must not make all users ask in the same second: the first time is chosen by lot.
        """
        now, rest = time.monotonic(), self._polling.rest
        if self._direct_at is None:
            lot = random.uniform(0.0, rest) if self._used else 0.0  # noqa: S311
            self._direct_at = max(now + lot, self._direct_end + rest)
        if now < self._direct_at:
            return None
        began = time.time()
        try:
            jobs = await self._batch.query()
        finally:
            self._direct_end = time.monotonic()
            pause = max(rest, REST_BETWEEN * (self._direct_end - now)) * random.uniform(1.0, 1.1)  # noqa: S311
            self._direct_at = self._direct_end + pause
        self._last = max(self._last, self._snapshot.there(began))  # nothing older is news
        note = f"The centre's snapshot is not used ({why}); the batch system is asked directly, now and then."
        return Told(jobs, began, self._direct_end - now, note)


def _not_overdue(since: float, patience: float) -> None:
    if (waited := time.monotonic() - since) > patience:
        raise Unusable(f"it has told nothing new for {waited:.0f} s")
