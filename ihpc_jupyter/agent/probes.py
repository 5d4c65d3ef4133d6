"""Small measurements at a bounded, jittered pace: only while somebody looks, or something of the user's waits."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.ioprobe import IoProbe
from ihpc_jupyter.agent.keeper import Keeper
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.meter import Meter
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.identity import this_host
from ihpc_jupyter.metrics.health import (
    SILENT_FILES,
    SLOW_FILES,
    SLOW_LOOP,
    SLOW_NETWORK,
    STALE,
    Reading,
    judge,
    judge_nodes,
    judge_workers,
)
from ihpc_jupyter.metrics.series import Sample
from ihpc_jupyter.model.cluster import Load
from ihpc_jupyter.model.metrics import Status, Subsystem
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Health
from ihpc_jupyter.scheduler.base import Capacity
from ihpc_jupyter.scheduler.watcher import SLOW, Subscription

_LOG = logging.getLogger("ihpc.agent")

INTEREST = 30.0
"""Seconds for which one look counts."""
CAPACITY_PATIENCE = 10.0
"""Seconds to wait for a batch system to say what is free."""


@dataclass(frozen=True)
class Paces:
    """Seconds between two measurements of a kind, at least; *duty*: some rest so many times their own length."""

    lag: float = 1.0
    heads: float = 5.0
    cores: float = 30.0
    nodes: float = 30.0
    cycles: float = 60.0
    files: float = 30.0
    duty: float = 100.0

    def rest(self, pace: float, took: float) -> float:
        """Seconds after a measurement that *took* so long; what is told must not go stale before the next one."""
        return max(pace, min(self.duty * took, STALE / 2))


class Probes:
    """Takes what does not come by itself, and tells how each subsystem is."""

    def __init__(
        self,
        meter: Meter,
        desks: Mapping[str, SiteDesk],
        keepers: Mapping[str, Keeper],
        files: Mapping[str, IoProbe],
        paces: Paces | None = None,
    ) -> None:
        self._meter = meter
        self._desks = desks
        self._keepers = keepers
        self._files = files
        self._paces = paces or Paces()
        self._nodes_told: dict[str, Nodes] = {}
        self._looked_at = float("-inf")
        self._woken = asyncio.Event()
        self._looking: list[Subscription] = []
        meter.expects = self._woken.set
        for name, desk in desks.items():
            desk.watcher.listen(partial(meter.answered, name))

    def look(self) -> None:
        """Somebody looks, now."""
        self._looked_at = time.monotonic()
        if not self._looking:
            self._looking = [desk.watcher.subscribe() for desk in self._desks.values()]
        self._woken.set()

    @property
    def looked(self) -> bool:
        """Whether somebody has looked lately."""
        return time.monotonic() - self._looked_at < INTEREST

    async def run(self) -> None:
        """Measure for ever, at rest while nobody looks and nothing waits."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._meter.keep())
            rounds: list[Callable[[], Awaitable[None]]] = [self._lag, self._heads, self._cores]
            rounds += [self._nodes, self._cycles]
            rounds += [partial(self._io, probe) for probe in self._files.values()]
            for once in rounds:
                group.create_task(self._again(once))

    async def _again(self, once: Callable[[], Awaitable[None]]) -> None:
        """One round after the other; a mistake of ours in one must not end the measuring, nor fill the log."""
        while True:
            try:
                await once()
            except Exception:  # noqa: BLE001
                _LOG.exception("a measurement failed")
                await self._rest(INTEREST, 0.0)

    def close(self) -> None:
        """End every interest."""
        for subscription in self._looking:
            subscription.close()
        self._looking = []

    async def _wanted(self, by_eye: bool = False) -> None:
        """Until somebody looks or, unless that counts alone (*by_eye*), something waits."""
        while not (self.looked or (self._meter.expecting and not by_eye)):
            self._woken.clear()
            await self._woken.wait()

    async def _rest(self, pace: float, took: float) -> None:
        # Jitter: many users' agents must not measure in step. What is slow is measured less, not more.
        await asyncio.sleep(self._paces.rest(pace, took) * random.uniform(1.0, 1.2))  # noqa: S311

    async def _lag(self) -> None:
        if not self.looked:
            self.close()
        await self._wanted()
        began = time.monotonic()
        await asyncio.sleep(self._paces.lag)
        late = max(0.0, time.monotonic() - began - self._paces.lag)
        self._note("agent", this_host(), late)
        self._meter.add(Sample(time.time(), late), "loop_lag")

    async def _heads(self) -> None:
        await self._wanted()
        for name, keeper in list(self._keepers.items()):
            if keeper.held and keeper.link.heard_at:
                await self._head(name, keeper.link)
        await self._rest(self._paces.heads, 0.0)

    async def _head(self, name: str, link: HeadLink) -> None:
        took = await link.round_trip() if link.up else None
        if took is not None:
            self._note("network", name, took)
            self._meter.add(Sample(time.time(), took), "head_round_trip", name)
            if link.state is not None:
                self._load(name, link.state.load)
        else:
            silence = time.monotonic() - link.heard_at
            told = Reading(silence, time.time(), "the head does not answer", silent=True)
            self._meter.readings["network", name] = told

    def _load(self, name: str, load: Load) -> None:
        """What the head says of its workers anyway."""
        now = time.time()
        if load.round_trip is not None:
            self._meter.add(Sample(now, load.round_trip), "worker_round_trip", name)
        shares = (
            ("cluster_cpu_used", load.cpu, load.threads),
            ("cluster_memory_used", load.memory, load.memory_limit),
        )
        for metric, used, asked in shares:
            if asked > 0:
                self._meter.add(Sample(now, min(1.0, used / asked)), metric, name)

    async def _cycles(self) -> None:
        await self._wanted(by_eye=True)
        began = time.monotonic()
        for site, desk in self._desks.items():
            with contextlib.suppress(IhpcError):
                for kind, seconds in (await desk.batch.cycles()).items():
                    self._meter.add(Sample(time.time(), seconds), "scheduler_cycle", site, kind)
        await self._rest(self._paces.cycles, time.monotonic() - began)

    async def _cores(self) -> None:
        await self._wanted(by_eye=True)
        began = time.monotonic()
        for site, desk in self._desks.items():
            capacity = await desk.capacity(CAPACITY_PATIENCE) or Capacity()
            for lane, total in capacity.total.items():
                if total > 0:
                    used = min(1.0, max(0.0, 1 - capacity.free.get(lane, 0) / total))
                    self._meter.add(Sample(time.time(), used), "cores_used", site, lane)
        await self._rest(self._paces.cores, time.monotonic() - began)

    async def _nodes(self) -> None:
        await self._wanted(by_eye=True)
        began = time.monotonic()
        for site, desk in self._desks.items():
            if told := await desk.nodes(CAPACITY_PATIENCE):
                self._nodes_told[site] = told
                if (used := told.used) is not None:
                    self._meter.add(Sample(time.time(), used), "nodes_used", site)
        await self._rest(self._paces.nodes, time.monotonic() - began)

    async def _io(self, probe: IoProbe) -> None:
        await self._wanted()
        began = time.monotonic()
        try:
            times = await probe.take()
        except OSError as error:
            self._note("file-system", probe.name, time.monotonic() - began, error.strerror or str(error))
        else:
            operations = {"read": times.read, "write": times.write, "metadata": times.metadata}
            self._note("file-system", probe.name, max(operations.values()))
            for operation, seconds in operations.items():
                self._meter.add(Sample(time.time(), seconds), "io_latency", probe.name, operation)
        await self._rest(self._paces.files, time.monotonic() - began)

    def _note(self, kind: str, name: str, seconds: float, error: str = "") -> None:
        self._meter.readings[kind, name] = Reading(seconds, time.time(), error)

    # -- how everything is -------------------------------------------------------------------------------

    def status(self) -> Status:
        """How each subsystem is, by the last number of each."""
        now, last = time.time(), self._meter.readings
        workers = [judge_workers(keeper.view(), now) for keeper in self._keepers.values()]
        nodes = [judge_nodes(site, told, now) for site, told in self._nodes_told.items()]
        network = [name for name, keeper in self._keepers.items() if keeper.held and ("network", name) in last]
        return Status(
            at=now,
            subsystems=(
                *(self._scheduler(desk, now) for desk in self._desks.values()),
                *(one for one in nodes if one is not None),
                *(self._file_system(probe, now) for probe in self._files.values()),
                judge("agent", this_host(), last.get(("agent", this_host())), SLOW_LOOP, now),
                *(one for one in workers if one is not None),
                *(judge("network", name, last["network", name], SLOW_NETWORK, now) for name in network),
            ),
        )

    def _file_system(self, probe: IoProbe, now: float) -> Subsystem:
        last = self._meter.readings.get(("file-system", probe.name))
        if probe.began_at is not None and (silent := now - probe.began_at) > SLOW_FILES:
            error = f"no answer for {silent:.0f} s" if silent > SILENT_FILES else ""
            last = Reading(silent, now, error)
        return judge("file-system", probe.name, last, SLOW_FILES, now)

    @staticmethod
    def _scheduler(desk: SiteDesk, now: float) -> Subsystem:
        status = desk.status()
        age = max(0.0, now - status.asked_at) if status.asked_at is not None else None
        fresh = age is not None and age <= STALE
        return Subsystem(
            kind="scheduler", name=desk.site.name, health=status.health if fresh else Health.UNKNOWN,
            number=status.latency, unit="seconds", threshold=SLOW, age=age,
            detail=status.detail or ("" if fresh else "not asked lately"),
        )  # fmt: skip
