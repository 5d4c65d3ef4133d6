"""Plain jobs of a user's tell their own start and end, wherever Slurm runs the doorbell around them."""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from ihpc_jupyter.agent.doorbell import LOOK, Doorbell
from ihpc_jupyter.cli import main
from ihpc_jupyter.model.queue import Queue
from tests.asynchronous import run, until
from tests.slurmbed import FaultyCommands, SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.world import SITE, Agent, World

NEVER = 600.0
"""Seconds between two questions at rest: what is heard of meanwhile came from the job."""


@pytest.fixture
def ring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The program, as staff leave it."""
    assert main(["site", "doorbell"]) == 0
    program = tmp_path / "ring"
    program.write_text(capsys.readouterr().out)
    program.chmod(0o755)
    return program


def call(program: Path, **variables: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([program], env=variables, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("variables", "rings"),
    [
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "0", "SLURM_STEP_ID": "4294967291"}, True),
        ({"SLURM_PROCID": "0", "SLURM_STEP_ID": "0"}, True),
        ({"SLURM_PROCID": "3", "SLURM_STEP_ID": "0"}, False),
        ({"SLURM_PROCID": "0", "SLURM_STEP_ID": "7"}, False),
        ({}, True),  # a user's own script runs it
    ],
)
@pytest.mark.parametrize("where", ["IHPC_STATE", "XDG_STATE_HOME", "HOME"])
def test_one_task_of_a_job_rings_where_the_agent_listens(
    ring: Path, tmp_path: Path, variables: dict[str, str], rings: bool, where: str
) -> None:
    below = {"IHPC_STATE": "", "XDG_STATE_HOME": "ihpc", "HOME": ".local/state/ihpc"}
    bell = tmp_path / "state" / below[where] / "doorbell"
    bell.parent.mkdir(parents=True)
    bell.touch()
    os.utime(bell, (1, 1))
    done = call(ring, **{where: str(tmp_path / "state"), **variables})
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (bell.stat().st_mtime > 1) is rings


def test_who_has_no_agent_is_left_alone(ring: Path, tmp_path: Path) -> None:
    done = call(ring, HOME=str(tmp_path), SLURM_PROCID="0")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == [ring]
    assert call(ring).returncode == 0  # not even a home


def test_each_ring_is_heard_once_and_a_bell_that_was_taken_away_is_hung_up_again(tmp_path: Path) -> None:
    bell = tmp_path / "doorbell"
    heard = []

    async def scenario() -> None:
        listening = asyncio.create_task(Doorbell(bell, lambda: heard.append("rung")).listen())
        try:
            await until(bell.exists, "the doorbell hangs")
            assert bell.stat().st_mode & 0o777 == 0o600
            await asyncio.sleep(3 * LOOK)  # nobody rings: a span in which nothing may be heard
            assert heard == []
            for count in (1, 2):
                os.utime(bell)
                await until(lambda count=count: len(heard) == count, "it was heard")  # type: ignore[misc]
            bell.unlink()
            await until(bell.exists, "it hangs again")
            await asyncio.sleep(3 * LOOK)  # a new bell is no ring
            assert len(heard) == 2
            os.utime(bell)
            await until(lambda: len(heard) == 3, "it was heard")
        finally:
            listening.cancel()

    run(scenario())


def test_a_home_that_takes_no_files_has_no_doorbell_and_stops_nothing(tmp_path: Path) -> None:
    heard = []

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4 * LOOK):
                await Doorbell(tmp_path / "absent" / "doorbell", lambda: heard.append("rung")).listen()

    run(scenario())
    assert heard == []


@contextmanager
def open_lab(agent: Agent) -> Iterator[None]:
    """Somebody follows the changes, as an open Lab does: it hears what others ask for, and asks for nothing."""
    connected = threading.Event()
    http = httpx.Client(transport=httpx.HTTPTransport(uds=str(agent.socket)), base_url="http://agent", timeout=60)

    def follow() -> None:
        with suppress(httpx.HTTPError), http.stream("GET", "/api/stream") as answer:
            for _ in answer.iter_lines():
                connected.set()

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    assert connected.wait(20)
    try:
        yield
    finally:
        http.close()


class Observer:
    """What an agent tells of a job, and how often Slurm was asked."""

    def __init__(self, agent: Agent, commands: FaultyCommands) -> None:
        self._agent = agent
        self._commands = commands

    def state(self, job: str) -> str:
        told = Queue.model_validate_json(self._agent.request("GET", f"/api/sites/{SITE}/jobs"))
        return next((row.state.value for row in told.rows if row.id == job), "")

    def asked(self) -> int:
        return len(self._commands.calls("squeue"))

    def calm(self) -> None:
        """Wait until nobody has asked for a while: the busy time after a change is over."""
        since: list[int] = []

        def still() -> bool:
            since.append(self.asked())
            return since[-50:].count(since[-1]) == 50

        wait_until(still, "nobody asks any more", 60)


@pytest.fixture
def world(make_slurm: MakeSlurm, ring: Path, faulty_commands: FaultyCommands) -> Iterator[World]:
    """A centre whose Slurm rings, and an agent that at rest hardly ever asks."""
    bed = make_slurm(extra=(f"TaskProlog={ring}", f"TaskEpilog={ring}"), nodes=1)
    with World(bed, faulty_commands) as world:
        world.describe_site(rest=NEVER)
        yield world


def submit(bed: SlurmBed, world: World, script: str) -> str:
    """A plain job of the user's own."""
    done = bed.run(
        "sbatch", "--parsable", *bed.lane_options("batch"), "--output=/dev/null", f"--wrap={script}",
        env={"IHPC_STATE": str(world.state)},
    )  # fmt: skip
    return done.stdout.strip()


def test_a_plain_jobs_start_and_end_are_learnt_from_the_job(
    world: World, faulty_commands: FaultyCommands, tmp_path: Path
) -> None:
    agent = world.agent()
    observer = Observer(agent, faulty_commands)
    with open_lab(agent):
        observer.calm()
        job = submit(world.bed, world, f"while [ ! -e {tmp_path}/over ]; do sleep 0.1; done")
        wait_until(lambda: observer.state(job) == "RUNNING", "its start is known", 15)
        observer.calm()
        before = observer.asked()
        (tmp_path / "over").touch()
        wait_until(lambda: observer.state(job) == "COMPLETED", "its end is known", 15)
        assert observer.asked() > before
        assert json.loads(agent.request("GET", "/api/snapshot"))["sites"][1]["health"] == "up"
