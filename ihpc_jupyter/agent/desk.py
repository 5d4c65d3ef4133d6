"""One site, from the agent's side: its batch system, its watcher, how it is."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from ihpc_jupyter.agent.asked import AT_ONCE
from ihpc_jupyter.agent.glance import Glance
from ihpc_jupyter.agent.offers import OfferDesk
from ihpc_jupyter.agent.queue import Owners, QueueDesk
from ihpc_jupyter.agent.tally import Tally
from ihpc_jupyter.agent.waits import Waits
from ihpc_jupyter.cluster.sight import Sight
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Health, Site, SiteStatus
from ihpc_jupyter.model.spool import Spool
from ihpc_jupyter.scheduler.base import Capacity
from ihpc_jupyter.scheduler.open import open_watched
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Subscription

LOOKED = 30.0
"""Seconds for which one look at the jobs counts; three times the pace of rest where that is more."""
NODES_AGE = 15.0
"""Seconds for which it is not asked again which nodes are in order."""
ONCE_MORE = 1.0
"""Seconds that a silent batch system has for one more question."""
CAPACITY_AGE = 5.0
"""Seconds for which what is free, and what could give way, is not asked for again."""
LATELY = 20.0
"""Seconds for which a plan may rest on an answer, whose age it tells."""


class SiteDesk:
    """Holds one site's batch system and watcher; *changed* is called when its status may have changed.

    *owners* tells the names of clusters and runs by their jobs' tags.
    """

    def __init__(self, site: Site, runtime: Path, changed: Callable[[], None], owners: Owners = dict) -> None:
        self.site = site
        self.runtime = runtime
        self.batch, self.watcher = open_watched(site, runtime)
        self.offers = OfferDesk(site, self.batch, lambda: self.silence)
        self.queue = QueueDesk(site, self.batch, self.watcher, owners, lambda: self.silence)
        self.accounts: tuple[str, ...] = ()
        self._changed = changed
        self._looking: Subscription | None = None
        self._look_ends: asyncio.TimerHandle | None = None
        self._waits = Waits()
        self._tally = Tally({})
        self._capacity = Glance(self._ask_capacity, CAPACITY_AGE)
        self._nodes = Glance(self.batch.nodes, NODES_AGE)
        self._preemptible = Glance(self.batch.preemptible, CAPACITY_AGE)

    def spool(self, uid: str) -> Spool:
        """The spool directory of one cluster."""
        return Spool(Path(self.site.spool).expanduser() / uid)

    def mailbox(self, run: str) -> Mailbox:
        """The mailbox of one run."""
        return Mailbox(Path(self.site.spool).expanduser() / f"run-{run}")

    async def _ask_capacity(self) -> Capacity:
        began = time.monotonic()
        told = await self.batch.capacity()
        self.watcher.heard(time.monotonic() - began)
        return told

    async def capacity(self, patience: float) -> Capacity | None:
        """What is free, lately; None where nobody says so within *patience* seconds."""
        return await self._capacity.look(patience)

    async def nodes(self, patience: float) -> Nodes | None:
        """The nodes, lately; None where nobody says so within *patience* seconds."""
        return await self._nodes.look(patience)

    def lately(self) -> tuple[Capacity, float] | None:
        """What was free lately and how many seconds ago, not more than `LATELY`; nobody is asked."""
        capacity = self._capacity.last(LATELY)
        return (capacity, self._capacity.age) if capacity is not None else None

    async def preemptible(self, patience: float) -> dict[str, int] | None:
        """How many jobs run in preemptible lanes, lately; None where nobody says so within *patience* seconds."""
        return await self._preemptible.look(patience)

    def look(self) -> None:
        """Somebody sees this site's jobs, now: for a while the batch system is asked at the pace of rest."""
        if self._looking is None:
            self._looking = self.watcher.subscribe()
        if self._look_ends is not None:
            self._look_ends.cancel()
        seconds = max(LOOKED, 3 * self.site.polling.rest)
        self._look_ends = asyncio.get_running_loop().call_later(seconds, self._look_away)

    def _look_away(self) -> None:
        if self._looking is not None and self._look_ends is not None:
            self._look_ends.cancel()
            self._looking.close()
            self._looking = None

    @property
    def silence(self) -> IhpcError | None:
        """Why the batch system does not answer; None while it does, or nobody has asked."""
        snapshot = self.watcher.snapshot
        if snapshot.failures and snapshot.health is Health.UNKNOWN:
            return Unavailable(f"Site {self.site.name} does not answer: {_detail(snapshot)}")
        later = self._capacity.silent_at > (snapshot.answered_at or 0.0)
        return self._capacity.silence if later else None

    async def answers_again(self, patience: float = ONCE_MORE) -> bool:
        """Whether it answers now, where it was silent: somebody in a hurry cannot wait for the next question."""
        answer = await self._capacity.look(patience)
        return answer is not None and self._capacity.silence is None

    async def heed(self) -> None:
        """Return where it is worth waiting for an answer. Raises the known silence at once where it goes on."""
        if (silence := self.silence) is not None and not await self.answers_again(AT_ONCE):
            raise silence

    async def learn_accounts(self) -> None:
        """Ask once which accounts this user may charge; a site that does not tell has none."""
        with contextlib.suppress(IhpcError):
            self.accounts = (await self.batch.offers()).accounts
            self._changed()

    @property
    def tally(self) -> Tally:
        """The last answer, sorted; once for each that differs from the one before."""
        jobs = self.watcher.snapshot.jobs
        if self._tally.jobs is not jobs:
            self._tally = Tally(jobs)
            self._waits.observe(jobs.values())
        return self._tally

    def sight(self, uid: str) -> Sight:
        """The last answer about one cluster's jobs."""
        snapshot = self.watcher.snapshot
        return Sight(self.tally.tagged.get(uid, {}), snapshot.asked_at if snapshot.answered_at else None)

    def tagged(self) -> list[Job]:
        """All jobs with our tag that have not ended."""
        return [job for jobs in self.tally.tagged.values() for job in jobs.values() if not job.state.ended]

    def status(self) -> SiteStatus:
        """How the site is."""
        snapshot = self.watcher.snapshot
        waiting = self.tally.waiting.total()
        return SiteStatus(
            site=self.site,
            health=snapshot.health,
            detail=_detail(snapshot),
            asked_at=snapshot.answered_at,
            silent=snapshot.silent,
            latency=snapshot.latency,
            requests=self.batch.requests,
            waiting=waiting,
            accounts=self.accounts,
            waits=self._waits.by_lane(),
        )

    async def close(self) -> None:
        """Stop watching; jobs go on."""
        self._look_away()
        await self.watcher.close()
        await self.batch.close()


def _detail(snapshot: JobsSnapshot) -> str:
    if snapshot.error:
        return " ".join(snapshot.error.split())[:200]
    if snapshot.health is Health.DEGRADED and snapshot.latency:
        return f"The batch system answers slowly ({snapshot.latency:.1f} s)."
    return snapshot.note[:200]


async def first_answer(desk: SiteDesk, seconds: float) -> None:
    """Wait until the site has answered once, at most *seconds*."""
    with contextlib.suppress(TimeoutError, IhpcError):
        async with asyncio.timeout(seconds):
            await desk.watcher.fresh(0.0)
