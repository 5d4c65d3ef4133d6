"""Which nodes are out of order and why: on a real Slurm, in the status, and when they are back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.history import History
from ihpc_jupyter.agent.meter import Meter
from ihpc_jupyter.agent.probes import Paces, Probes
from ihpc_jupyter.metrics.health import MOST_NODE_LINES, judge_nodes
from ihpc_jupyter.model.metrics import Status, Subsystem
from ihpc_jupyter.model.nodes import NodeGroup, Nodes
from ihpc_jupyter.model.site import Health, Lane, Shape, Site, SiteKind
from tests.asynchronous import eventually, run
from tests.slurmbed import SlurmBed


@asynccontextmanager
async def looked_at(site: Site, directory: Path) -> AsyncIterator[Probes]:
    """The probes of an agent that somebody looks at, at a quick pace."""
    desk = SiteDesk(site, directory, lambda: None)
    meter = Meter(History(directory), [site.name])
    probes = Probes(meter, {site.name: desk}, {}, {}, Paces(nodes=0.2, duty=1.0))
    probes.look()
    running = asyncio.create_task(probes.run())
    try:
        yield probes
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        probes.close()
        meter.close()
        await desk.close()


def nodes_of(status: Status) -> Subsystem | None:
    return next((one for one in status.subsystems if one.kind == "nodes"), None)


def test_a_node_that_is_drained_or_down_is_told_with_its_reason_until_it_is_back(
    slurm: SlurmBed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in slurm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ihpc_jupyter.agent.desk.NODES_AGE", 0.1)
    lanes, shapes = {"batch": Lane(partition="batch")}, {"small": Shape(cores=1, memory=1 << 30)}
    site = Site(name="bed", kind=SiteKind.SLURM, spool=str(tmp_path), lanes=lanes, shapes=shapes)
    first, second, *others = slurm.nodes

    def update(node: str, *words: str) -> None:
        slurm.run("scontrol", "update", f"NodeName={node}", *words)

    def take_down(node: str) -> None:
        slurm.kill_node(node)  # a node that lives says so within seconds, and is back in use
        update(node, "State=DOWN", "Reason=no power")

    async def story() -> None:
        async with looked_at(site, tmp_path) as probes:

            async def told(health: Health, out: int) -> Subsystem:
                async def now() -> Subsystem | None:
                    probes.look()  # as somebody does for as long as he looks
                    one = nodes_of(probes.status())
                    return one if one and (one.health, one.number) == (health, out) else None

                return await eventually(now, f"{out} out of order", 60)

            well = await told(Health.UP, 0)
            assert well.detail == "0 of 4 nodes out of order"
            assert [(one.state, one.count, one.out, one.reason) for one in well.nodes] == [("idle", 4, False, "")]
            update(first, "State=DRAIN", "Reason=bad disk | to be replaced")
            take_down(second)
            ill = await told(Health.DEGRADED, 2)
            assert {(one.names, one.state, one.reason) for one in ill.nodes if one.out} == {
                (first, "drained", "bad disk | to be replaced"),
                (second, "down", "no power"),
            }
            assert sum(one.count for one in ill.nodes) == 4, "each node counts once, whatever its partitions"
            for node in others:
                take_down(node)
            await told(Health.DOWN, 4)
            update(first, "State=RESUME")
            await asyncio.to_thread(slurm.heal)
            await told(Health.UP, 0)

    try:
        run(story())
    finally:
        slurm.heal()


def test_the_share_of_nodes_that_run_something_is_measured(
    slurm: SlurmBed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in slurm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ihpc_jupyter.agent.desk.NODES_AGE", 0.1)
    lanes, shapes = {"batch": Lane(partition="batch")}, {"small": Shape(cores=1, memory=1 << 30)}
    site = Site(name="bed", kind=SiteKind.SLURM, spool=str(tmp_path), lanes=lanes, shapes=shapes)

    async def story() -> None:
        async with looked_at(site, tmp_path) as probes:

            async def measured(share: float) -> bool:
                probes.look()
                told = probes._meter.responsiveness(900).series
                values = [one.points[-1].value for one in told if one.metric == "nodes_used" and one.points]
                return values == [share]

            await eventually(lambda: measured(0.0), "no node is in use", 60)
            job = slurm.submit("--ntasks=1", "--mem=100M")
            await eventually(lambda: measured(1 / len(slurm.nodes)), "one node is in use", 60)
            slurm.run("scancel", job)
            await eventually(lambda: measured(0.0), "none is again", 60)

    run(story())


def test_nodes_out_of_order_count_neither_as_used_nor_as_unused() -> None:
    def group(state: str, count: int, free: int, *, out: bool = False) -> NodeGroup:
        return NodeGroup(state=state, count=count, names="n", out=out, free_cores=free, cores=8)

    groups = (group("idle", 1, 8), group("mixed", 2, 3), group("allocated", 1, 0), group("down", 9, 8, out=True))
    assert Nodes(at=1.0, groups=groups).used == 0.75
    assert Nodes(at=1.0, groups=groups[3:]).used is None


def test_however_many_nodes_are_ill_the_answer_is_bounded_and_an_old_one_proves_nothing() -> None:
    ill = [
        NodeGroup(
            state="down", count=1, names=f"n[{','.join(map(str, range(200)))}]", out=True, reason=f"\x1b{key}"
        )
        for key in range(100)
    ]
    many = Nodes(at=1000.0, groups=(NodeGroup(state="idle", count=1900, names="n[1-1900]"), *ill))
    told = judge_nodes("hpc", many, 1001.0)
    assert told is not None
    assert (told.health, told.number, told.threshold, told.age) == (Health.UP, 100, 100, 1.0)
    assert len(told.nodes) == MOST_NODE_LINES
    assert all(one.out and len(one.names) == 200 and one.reason.startswith(" ") for one in told.nodes)
    old = judge_nodes("hpc", many, 5000.0)
    assert old is not None
    assert old.health is Health.UNKNOWN
    assert judge_nodes("local", Nodes(at=1000.0), 1001.0) is None
