"""The centre's snapshot on a real Slurm: a job's life through it, its writer's manners, its end."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.queue import Queue
from ihpc_jupyter.model.site import Lane, Polling, Shape, Site, SiteKind, SiteStatus
from ihpc_jupyter.scheduler.slurm_room import parse_cycles
from tests import asynchronous
from tests.ports import free_ports
from tests.slurmbed import Call, FaultyCommands, SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.snapshots import SnapshotWriter
from tests.world import Agent, World, partition_down, until

ONE = ("--ntasks=1", "--mem=100M", "--output=/dev/null", "--partition=batch")
ALICE, BOB = "ihpc-alice", "ihpc-bob"
LABS = 5
QUIET = 3.0
"""Three times the pace of rest: who asks at all asks meanwhile."""


@pytest.fixture(params=["directory", "address"])
def place(request: pytest.FixtureRequest, world: World) -> str:
    """Where readers look for the snapshot: in its directory, or at an address."""
    place = str(world.root / "snapshot")
    if request.param == "address":
        place = f"http://127.0.0.1:{free_ports(1)[0]}/services/snapshot"
    world.describe_site(snapshot=place)
    return place


@pytest.fixture
def writer(world: World, place: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnapshotWriter]:
    """A writer for the world's site, which reads its snapshot; not started yet."""
    commands = FaultyCommands(Path(world.bed.directory) / "faulty" / tmp_path_factory.mktemp("writer").name)
    listen = [] if place.startswith("/") else ["--listen", urlsplit(place).netloc]
    environment = world.environment(world.runtime("writer"))
    made = SnapshotWriter(world.root / "snapshot", environment, commands, options=listen)
    yield made
    made.kill()


def status(agent: Agent) -> SiteStatus:
    return SiteStatus.model_validate_json(agent.request("GET", "/api/sites/bed"))


def state(agent: Agent, job: str) -> JobState | None:
    told = Queue.model_validate_json(agent.request("GET", "/api/sites/bed/jobs?fresh=true"))
    return next((row.state for row in told.rows if row.id == job), None)


def own_questions(world: World) -> list[Call]:
    """What the agent itself asked about its user's jobs."""
    return [call for call in world.commands.calls("squeue") if "--me" in call.args]


def test_a_jobs_whole_life_is_seen_without_a_question_of_ones_own(
    world: World, writer: SnapshotWriter, slurm: SlurmBed
) -> None:
    slurm.submit(*ONE, script="true")
    wait_until(lambda: parse_cycles(slurm.run("sdiag").stdout).get("main"), "the scheduler has passed once", 90)
    writer.start()
    agent = world.agent()
    agent.request("GET", "/api/status")  # somebody looks: what is free is told too
    go = world.root / "go"
    with partition_down(slurm, "batch"):
        job = slurm.submit(*ONE, script=f"while [ ! -e {go} ]; do sleep 0.1; done")
        until(lambda: state(agent, job) is JobState.PENDING, "it waits")
    until(lambda: state(agent, job) is JobState.RUNNING, "it runs")
    go.touch()
    until(lambda: state(agent, job) is JobState.COMPLETED, "it has ended")
    agent.create("demo", 1)
    agent.working("demo", 1)
    agent.stop("demo")
    until(lambda: not world.queue(agent.view("demo").uid), "its jobs are gone")
    assert not own_questions(world)
    assert writer.questions
    told = status(agent)
    assert (told.health, told.detail) == ("up", "")
    assert told.latency is not None
    room = until(lambda: json.loads(writer.paths.site.read_text())["room"], "what is free is told")
    assert sum(group["count"] for group in room["nodes"]["groups"]) == len(slurm.nodes)

    def passes() -> bool:
        agent.request("GET", "/api/status")  # somebody looks on
        return bool(json.loads(writer.paths.site.read_text())["room"]["cycles"].get("main"))

    until(passes, "how long the scheduler's last pass took is told", 90)
    assert writer.stop() == 0
    assert not writer.paths.alive.exists()


def test_nobody_is_asked_unless_somebody_wants_it_and_never_more_often_than_allowed(
    world: World, writer: SnapshotWriter
) -> None:
    writer.start()
    writer.beats(2)
    assert not writer.commands.calls(), "nobody wants anything"
    writer.pause()  # all wishes are there when it looks
    for number in range(300):
        (writer.paths.wanted / f"{number:016x}.waits").touch()
    ahead = writer.paths.wanted / ("f" * 16 + ".waits")
    ahead.touch()
    os.utime(ahead, (2**33, 2**33))
    writer.go_on()
    wait_until(lambda: writer.questions == 1, "the wish is seen", 10)
    writer.beats(2)
    assert writer.questions == 1, "one question answers all wishes, and one of the year 2242 is none"
    began = len(writer.commands.calls())
    mark = writer.paths.wanted / ("a" * 16 + ".waits")

    def insist() -> bool:
        mark.touch()
        return len(writer.commands.calls()) >= began + 6

    wait_until(insist, "six more requests", 20)
    times = [call.time for call in writer.commands.calls()]
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.29


def test_a_writer_that_is_killed_is_missed_and_done_without(
    world: World, place: str, writer: SnapshotWriter
) -> None:
    writer.start()
    agent = world.agent()
    until(lambda: status(agent).health == "up", "the site is up")
    assert not own_questions(world)
    writer.kill()
    job = world.bed.submit(*ONE)
    until(lambda: state(agent, job) is JobState.RUNNING, "the batch system is asked instead", 40)
    told = status(agent)
    assert told.health == "up"
    missed = "its writer is silent" if place.startswith("/") else f"{place} does not answer"
    assert f"snapshot is not used ({missed}" in told.detail
    until(lambda: state(agent, job) and len(own_questions(world)) >= 3, "it is asked again", 20)
    times = [call.time for call in own_questions(world)]
    assert min(later - earlier for earlier, later in pairwise(times)) >= 1.9
    writer.start()
    until(lambda: state(agent, job) and status(agent).detail == "", "the snapshot is used again", 20)
    asked = len(own_questions(world))
    world.bed.run("scancel", job)
    until(lambda: state(agent, job) is JobState.CANCELLED, "it has ended")
    assert len(own_questions(world)) == asked


def test_a_scheduler_that_is_silent_for_the_writer_is_silent_for_all(world: World, writer: SnapshotWriter) -> None:
    writer.start()
    agent = world.agent()
    job = world.bed.submit(*ONE)
    until(lambda: state(agent, job) is JobState.RUNNING, "it runs")
    writer.commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller")

    def silent() -> bool:
        with suppress(IhpcError):
            state(agent, job)
        return status(agent).health == "unknown"

    until(silent, "the site is silent", 20)
    assert "Unable to contact" in status(agent).detail
    writer.commands.clear()
    until(lambda: state(agent, job) is JobState.RUNNING, "it answers again", 30)
    assert not own_questions(world)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives each user a file of their own")
def test_each_user_sees_their_own_jobs_only_whatever_they_are_called(
    world: World, writer: SnapshotWriter, slurm: SlurmBed
) -> None:
    world.root.chmod(0o755)
    hidden = slurm.submit(*ONE, "--job-name=secret", user=BOB)
    fields = "\x1f".join(["666000666", "RUNNING", *["0"] * 17, "forged"])
    hostile = slurm.submit(*ONE, f"--job-name=x\x1e0\x1f{fields}\x1e", user=ALICE)
    writer.start()
    for user in (ALICE, BOB):
        name = f"{'a' if user == ALICE else 'b'}" * 16 + ".waits"
        slurm.run("touch", str(writer.paths.wanted / name), user=user)
    files = {user: writer.paths.jobs(int(slurm.run("id", "-u", user=user).stdout)) for user in (ALICE, BOB)} | {
        "root": writer.paths.jobs(0)
    }
    wait_until(lambda: files[ALICE].exists() and files[BOB].exists(), "both are told", 20)
    assert hidden in slurm.run("cat", str(files[BOB]), user=BOB).stdout
    mine = slurm.run("cat", str(files[ALICE]), user=ALICE).stdout
    assert hostile in mine
    assert "secret" not in mine
    assert slurm.run("cat", str(files[BOB]), user=ALICE, check=False).returncode != 0
    assert slurm.run("ls", str(writer.paths.users), user=ALICE, check=False).returncode != 0
    assert not files["root"].exists() or "666000666" not in files["root"].read_text()


def test_a_writer_that_may_not_see_others_jobs_says_so_and_goes(
    make_slurm: MakeSlurm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user than Slurm's own is needed")
    bed = make_slurm(extra=("PrivateData=jobs",), nodes=1)
    with World(bed, FaultyCommands(Path(bed.directory) / "faulty" / "reader")) as world:
        world.root.chmod(0o777)
        commands = FaultyCommands(Path(bed.directory) / "faulty" / "writer")
        environment = {**world.environment(world.runtime()), **bed.environment(ALICE)}
        environment["IHPC_SITE_FILE"] = str(world.root / "site.toml")
        blind = SnapshotWriter(world.root / "snapshot", environment, commands, user=ALICE)
        with blind:
            (blind.paths.wanted / ("a" * 16 + ".waits")).touch()
            assert blind.ended() == 1
        assert f"hides other users' jobs from {ALICE}" in blind.log.read_text()
        assert not commands.calls("squeue")


@asynccontextmanager
async def labs(site: Site, root: Path) -> AsyncIterator[list[SiteDesk]]:
    """As many agents' desks, each with an open Lab that shows nothing of ours."""
    desks = [SiteDesk(site, root, lambda: None) for _ in range(LABS)]
    for desk in desks:
        desk.watcher.subscribe(hears=True)
    try:
        yield desks
    finally:
        for desk in desks:
            await desk.close()


def seen(desk: SiteDesk, job: str) -> bool:
    """Whether who looks, and goes on looking, sees that job."""
    desk.look()
    return job in desk.watcher.snapshot.jobs


def test_open_labs_cost_nothing_while_nobody_looks_and_nothing_is_pending(
    world: World, place: str, writer: SnapshotWriter, slurm: SlurmBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ihpc_jupyter.scheduler.watcher.BUSY_FOR", 0.0)
    monkeypatch.setattr("ihpc_jupyter.agent.desk.LOOKED", 0.5)
    for name, value in world.environment(world.runtime()).items():
        monkeypatch.setenv(name, value)
    lanes, shapes = {"batch": Lane(partition="batch")}, {"small": Shape()}
    site = Site(
        name="bed", kind=SiteKind.SLURM, spool=str(world.spool_root), lanes=lanes, shapes=shapes,
        polling=Polling(busy=0.3, rest=1, timeout=5), snapshot=place,
    )  # fmt: skip

    def asked() -> int:
        return len(writer.commands.calls()) + len(world.commands.calls())

    async def quiet() -> bool:
        """Whether nobody asks for a while that is long enough."""
        before = asked()
        await asyncio.sleep(QUIET)
        return asked() == before

    async def becomes_quiet() -> None:
        end = time.monotonic() + 20
        while not await quiet():
            assert time.monotonic() < end, "somebody asks and asks"

    async def story() -> None:
        async with labs(site, world.root) as desks:
            first = desks[0]
            await asynchronous.until(
                lambda: all(desk.watcher.snapshot.answered_at for desk in desks), "all know", 20
            )
            await becomes_quiet()
            job = slurm.submit(*ONE, "--hold")
            await asynchronous.until(lambda: seen(first, job), "it is seen by who looks", 30)
            await asyncio.sleep(3 * site.polling.rest)  # the look has counted as long as it does
            asks = asked()
            await asynchronous.until(lambda: asked() > asks, "it may start", 20)
            slurm.run("scancel", job)
            await asynchronous.until(lambda: first.watcher.snapshot.jobs[job].state.ended, "it has gone", 30)
            await becomes_quiet()
            with partition_down(slurm, "batch"):
                job = slurm.submit(*ONE)
                await asynchronous.until(lambda: seen(first, job), "the next is seen", 30)
            await asynchronous.until(
                lambda: first.watcher.snapshot.jobs[job].state is JobState.RUNNING, "its start is waited for", 30
            )
            await becomes_quiet()
            slurm.run("scancel", job)
            told = first.watcher.snapshot.answered_at
            assert told is not None
            assert time.time() - told >= QUIET, "and the age of what is known says so"
            await first.watcher.fresh()

    writer.start()
    asynchronous.run(story())
