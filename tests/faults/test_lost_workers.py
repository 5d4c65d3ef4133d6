"""Workers and nodes that die or fall silent: seen soon, replaced without a click, nothing cancelled blindly."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ihpc_jupyter.model.cluster import WorkerState
from tests.faults import tasks
from tests.slurmbed import FaultyCommands, SlurmBed
from tests.slurmbed.fixtures import MakeSlurm
from tests.world import Agent, Stopwatch, World, until


def started(agent: Agent, workers: int, **settings: Any) -> str:
    """A cluster `demo` that works; its uid."""
    uid = agent.create("demo", workers, **settings).uid
    agent.working("demo", workers)
    return uid


def test_a_killed_worker_process_comes_back_in_its_job(world: World) -> None:
    agent = world.agent()
    uid = started(agent, 2, shape="pair")
    job = next(iter(agent.jobs("demo")))
    victim = world.workers(uid)[0]
    watch = Stopwatch()
    victim.kill()
    until(lambda: "lost 1 of its workers" in agent.notes("demo"), "the loss is told")
    watch.within(5, "worker killed → told")
    agent.working("demo", 2)
    watch.within(15, "worker killed → replaced")
    assert list(agent.jobs("demo")) == [job], "its job stayed"
    assert not world.commands.calls("scancel")


def test_a_frozen_process_among_several_is_replaced_in_its_job(world: World) -> None:
    agent = world.agent()
    uid = started(agent, 2, shape="pair")
    job = next(iter(agent.jobs("demo")))
    victim = world.workers(uid)[0]
    watch = Stopwatch()
    victim.suspend()
    until(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, "it is ended")
    until(lambda: agent.group("demo").counts.working == 2 and len(world.workers(uid)) == 2, "replaced")
    watch.within(30, "worker frozen → replaced in its job")
    assert list(agent.jobs("demo")) == [job]
    assert not world.commands.calls("scancel")


def test_a_job_killed_whole_is_replaced(world: World, tmp_path: Path) -> None:
    agent = world.agent()
    uid = started(agent, 2)
    client = agent.client("demo")
    before = set(agent.jobs("demo"))
    trace = str(tmp_path / "trace")
    futures = client.map(tasks.traced, [trace] * 6, range(6), [1.0] * 6, pure=False)
    launcher = world.launchers(uid)[0]
    watch = Stopwatch()
    for process in (launcher, *launcher.children()):
        with suppress(psutil.NoSuchProcess):  # some go with their parent
            process.kill()
    until(lambda: agent.group("demo").counts.working < 2, "the loss is seen")
    watch.within(5, "job killed → seen")
    until(lambda: len(set(agent.jobs("demo")) - before) == 1, "another was asked for")
    agent.working("demo", 2)
    watch.within(30, "job killed → replaced")
    assert [bytes(result) for result in client.gather(futures)] == [bytes([number]) for number in range(6)]
    client.close()


def test_a_frozen_job_is_replaced_and_cancelled_once_slurm_says_that_it_runs(world: World, tmp_path: Path) -> None:
    agent = world.agent()
    uid = started(agent, 2)
    client = agent.client("demo")
    trace, release = tmp_path / "trace", tmp_path / "release"
    futures = client.map(tasks.held, [str(trace)] * 2, range(2), [str(release)] * 2, pure=False)
    until(lambda: len(tasks.traces(trace)) == 2, "each runs a task")
    launcher = world.launchers(uid)[0]
    watch = Stopwatch()
    family = [launcher, *launcher.children()]
    before = set(agent.jobs("demo"))
    for process in family:
        process.suspend()
    until(lambda: agent.group("demo").counts.lost == 1, "lost")
    watch.within(15, "job frozen → lost")
    until(lambda: set(agent.jobs("demo")) - before, "another was asked for")
    agent.working("demo", 2)
    watch.within(30, "job frozen → replaced")
    release.touch()
    assert client.gather(futures) == [bytes([0]), bytes([1])]
    watch.within(30, "job frozen → its task has been run elsewhere")
    assert sorted(tasks.traces(trace).values()) == [1, 2], "only the task that froze was run again"
    client.close()
    until(lambda: len(world.queue(uid)) == 2, "the frozen one is cancelled")
    assert set(world.cancelled()) <= before


def test_a_task_that_holds_the_interpreter_is_not_taken_for_dead(world: World, tmp_path: Path) -> None:
    agent = world.agent()
    uid = started(agent, 1)
    client = agent.client("demo")
    before, trace = list(agent.jobs("demo")), tmp_path / "trace"
    future = client.submit(tasks.holding_the_interpreter, str(trace), 7, 22)
    least = 1
    while not future.done():
        least = min(least, agent.group("demo").counts.working)
    assert least == 1, "its worker was never told as lost"
    assert future.result(10) == bytes([7])
    assert tasks.traces(trace) == {7: 1}
    assert list(agent.jobs("demo")) == before
    assert not world.cancelled()
    assert len(world.workers(uid)) == 1
    client.close()


@pytest.fixture
def patient(make_slurm: MakeSlurm, faulty_commands: FaultyCommands) -> Iterator[World]:
    """A world on a bed that gives no node up by itself within a test."""
    with World(make_slurm(slurmd_timeout=120), faulty_commands) as world:
        yield world


def test_lost_nodes_are_replaced_long_before_slurm_gives_them_up(patient: World) -> None:
    world, slurm = patient, patient.bed
    agent = world.agent()
    uid = started(agent, 2, shape="node")
    frozen, killed = agent.group("demo").jobs
    world.commands.fail("scancel", "scancel: error: Unable to contact slurm controller (connect failure)")
    watch = Stopwatch()
    slurm.freeze_node(frozen.node)
    slurm.kill_node(killed.node)
    until(lambda: agent.group("demo").counts.lost == 1, "the killed node's workers are lost")
    watch.within(5, "node killed → lost")
    until(lambda: agent.group("demo").counts.working == 0, "the silent node's too")
    watch.within(15, "node frozen → lost")
    until(lambda: agent.group("demo").counts.working == 2, "two others work")
    watch.within(30, "nodes lost → replaced")
    assert not any("down" in state for state in slurm.node_states().values()), "Slurm has not given them up yet"
    # As nobody could cancel them, Slurm sends both jobs back to the queue: two too many, and they wait.
    stayed = set(world.queue(uid)) - {frozen.id, killed.id}
    for job in (frozen, killed):
        slurm.run("scontrol", "update", f"NodeName={job.node}", "State=DOWN", "Reason=not responding")
        until(lambda id_=job.id: slurm.job(id_).get("Restarts") == "1", "Slurm has given the node up")  # type: ignore[misc]
    world.commands.clear("scancel")
    agent.retry("demo")
    slurm.heal()
    until(lambda: set(world.queue(uid)) == stayed, "the surplus is gone")
    assert set(world.cancelled()) == {frozen.id, killed.id}
    assert agent.group("demo").counts.working == 2, "those that work were left alone"


def test_a_job_that_the_batch_system_suspends_keeps_its_place(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    uid = started(agent, 1)
    job = next(iter(agent.jobs("demo")))
    slurm.run("scontrol", "suspend", job)
    until(lambda: agent.group("demo").counts.lost == 1, "its worker is silent")
    pids = {process.pid for process in world.workers(uid)}
    slurm.run("scontrol", "resume", job)
    agent.working("demo", 1)
    assert list(agent.jobs("demo")) == [job]
    assert {process.pid for process in world.workers(uid)} == pids, "being suspended is no fault of the process"
    assert not world.commands.calls("scancel")


def test_scaled_to_none_the_workers_go_by_themselves(world: World) -> None:
    agent = world.agent()
    uid = started(agent, 2, shape="pair")
    workers = world.workers(uid)
    agent.scale("demo", 0)
    until(lambda: not agent.jobs("demo"), "the job has gone")
    until(lambda: not any(process.is_running() for process in workers), "its processes too")
    assert not world.commands.calls("scancel"), "they went in order, nobody had to cancel them"


def test_a_worker_that_comes_back_after_it_was_told_to_go_is_told_again(world: World) -> None:
    agent = world.agent()
    uid = started(agent, 2)
    workers = world.workers(uid)
    for worker in workers:
        worker.suspend()  # it hears nothing
    agent.scale("demo", 1)
    leaving = until(
        lambda: [id_ for id_, job in agent.jobs("demo").items() if job.worker_state is WorkerState.LEAVING],
        "one is told to go",
        10,
    )
    watch = Stopwatch()
    for worker in workers:
        worker.kill()  # its launcher starts another
    until(lambda: set(world.queue(uid)).isdisjoint(leaving), "it has gone", 50)
    watch.within(30, "told to go, started again → gone")
    agent.working("demo", 1)
    assert not world.commands.calls("scancel"), "it went in order, nobody had to cancel it"
