"""The way to a head and back: an injected delay shows by its amount, silence is not taken for an answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from ihpc_jupyter.agent.history import History
from ihpc_jupyter.agent.keeper import Keeper
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.meter import Meter
from ihpc_jupyter.agent.probes import Paces, Probes
from ihpc_jupyter.contexts import server_context
from ihpc_jupyter.head.tls import make_credentials
from ihpc_jupyter.identity import this_process
from ihpc_jupyter.metrics.health import SLOW_NETWORK
from ihpc_jupyter.model.cluster import ClusterView
from ihpc_jupyter.model.head import HeadFile
from ihpc_jupyter.model.metrics import Subsystem
from ihpc_jupyter.model.site import Health
from ihpc_jupyter.model.spool import Spool
from tests.asynchronous import run, until
from tests.metrics.test_starts import view

DELAY = 0.4


class Pulse(RequestHandler):
    """As a head answers."""

    def post(self) -> None:
        self.set_status(204)


class SlowWay:
    """A connection between two ports of this host that holds back each thing on its way there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.delay = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        for source, target, slow in ((reader, back, True), (there, writer, False)):
            task = asyncio.create_task(self._pass_on(source, target, slow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, slow: bool) -> None:
        while data := await source.read(1 << 16):
            await asyncio.sleep(self.delay if slow else 0.0)
            target.write(data)
        target.close()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def linked(spool: Spool) -> AsyncIterator[tuple[HeadLink, SlowWay]]:
    """A line to something that answers as a head, over a way that can be slowed down."""
    head = HTTPServer(Application([(r"/ihpc/pulse", Pulse)]), ssl_options=server_context(spool))
    sockets = bind_sockets(0, "127.0.0.1")
    head.add_sockets(sockets)
    way = SlowWay(sockets[0].getsockname()[1])
    between = await asyncio.start_server(way.join, "127.0.0.1", 0)
    link = HeadLink(spool, lambda: None)
    link.file = HeadFile(
        address="tls://127.0.0.1:1", api=f"https://127.0.0.1:{between.sockets[0].getsockname()[1]}",
        process=this_process(), started_at=time.time(), distributed="1", python="3",
    )  # fmt: skip
    try:
        yield link, way
    finally:
        await link.hang_up()
        between.close()
        way.close()
        head.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path)
    make_credentials(made)
    return made


async def best(link: HeadLink) -> float:
    """The quickest of some round trips: what the machine does beside them is not the way's."""
    times = [await link.round_trip() for _ in range(5)]
    assert None not in times
    return min(took for took in times if took is not None)


def test_a_delay_on_the_way_shows_within_five_percent_opening_the_line_not_counted(spool: Spool) -> None:
    async def story() -> None:
        async with linked(spool) as (link, way):
            way.delay = DELAY
            took = await best(link)
            way.delay = 0.0
            undelayed = await best(link)
            assert DELAY <= took <= DELAY * 1.05 + undelayed

    run(story())


class Kept:
    """As much of a cluster's keeper as probes look at: its line, whose head has always just been heard."""

    held = True

    def __init__(self, link: HeadLink) -> None:
        self.link = link
        link.heard_at = time.monotonic() + 3600

    def view(self) -> ClusterView:
        return view("up")


def test_a_slow_way_is_degraded_by_its_number_and_comes_back(spool: Spool, tmp_path: Path) -> None:
    slow = SLOW_NETWORK + 0.2

    async def story() -> None:
        async with linked(spool) as (link, way):
            meter = Meter(History(tmp_path), [])
            keepers = cast("dict[str, Keeper]", {"demo": Kept(link)})
            probes = Probes(meter, {}, keepers, {}, Paces(lag=0.05, heads=0.05))

            def network() -> Subsystem | None:
                return next((one for one in probes.status().subsystems if one.kind == "network"), None)

            def told(health: Health) -> bool:
                probes.look()
                one = network()
                return one is not None and one.name == "demo" and one.health is health

            running = asyncio.create_task(probes.run())
            try:
                await until(lambda: told(Health.UP), "up")
                undelayed = min(sample.value for sample in meter.board.find("head_round_trip", "demo").samples)
                way.delay = slow
                await until(lambda: told(Health.DEGRADED), "degraded")
                # One that the machine itself has held up is not the way's; another one comes.
                most = slow * 1.05 + undelayed
                samples = meter.board.find("head_round_trip", "demo").samples
                await until(lambda: slow <= samples[-1].value <= most, "the delay shows, and no more")
                way.delay = 0.0
                await until(lambda: told(Health.UP), "up again")
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                meter.close()

    run(story())


def test_nobody_answers_nothing_is_measured(spool: Spool) -> None:
    async def story() -> None:
        async with linked(spool) as (link, way):
            assert await link.round_trip() is not None
            way.delay = 60.0
            assert await link.round_trip() is None

    run(story())
