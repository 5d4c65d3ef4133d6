"""Stopping: at once, everything, and where the batch system is silent, as soon as it speaks again."""

import pytest

from ihpc_jupyter.errors import NotFound
from ihpc_jupyter.model.cluster import ClusterState
from tests.slurmbed import SlurmBed
from tests.world import Stopwatch, World, partition_down, until


def test_stop_cancels_all_and_leaves_nothing(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    uid = agent.create("demo", 2).uid
    agent.working("demo", 2)
    head, spool = world.head(uid), world.spool(uid)
    with partition_down(slurm, "interactive"):
        agent.scale("demo", 4)
        until(lambda: agent.group("demo").counts.pending == 2, "two wait")
        watch = Stopwatch()
        agent.stop("demo")
        until(lambda: set(world.queue(uid).values()) <= {"COMPLETING"}, "all are being cancelled")
        watch.within(2, "stop → all cancelled")
        until(lambda: not world.queue(uid), "nothing is left in the queue")
    until(lambda: agent.names() == [], "the cluster is gone")
    watch.within(15, "stop → nothing left")
    assert not spool.path.exists()
    assert not list((world.state / "clusters").iterdir())
    until(lambda: not world.processes(uid), "head and workers have ended")
    assert head.process.pid
    with pytest.raises(NotFound):
        agent.view("demo")


def test_stop_right_after_create_leaves_nothing(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo", 2).uid
    until(lambda: world.processes("ihpc_jupyter.head.main", uid), "its head is being started")
    agent.stop("demo")
    until(lambda: agent.names() == [], "the cluster is gone")
    until(lambda: not world.processes(uid), "no process is left")
    until(lambda: not world.queue(uid), "no job is left")
    assert not world.spool(uid).path.exists()


def test_stop_ends_a_frozen_head(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo", 1).uid
    agent.working("demo", 1)
    for process in world.processes("ihpc_jupyter.head.main", uid):
        process.suspend()
    agent.stop("demo")
    until(lambda: agent.names() == [], "the cluster is gone")
    until(lambda: not world.processes(uid), "no process is left")
    assert not world.spool(uid).path.exists()


def test_stop_while_the_controller_is_silent_is_kept_and_retried(world: World, slurm: SlurmBed) -> None:
    world.describe_site(timeout=1)
    agent = world.agent()
    uid = agent.create("demo", 1).uid
    agent.working("demo", 1)
    with partition_down(slurm, "interactive"):
        agent.scale("demo", 2)
        until(lambda: agent.group("demo").counts.pending == 1, "one waits")
        slurm.wait_until_saved()
        slurm.freeze_controller()
        watch = Stopwatch()
        agent.stop("demo")
        assert agent.view("demo").state is ClusterState.STOPPING
        watch.within(0.2, "stop answered")
        problem = until(lambda: agent.view("demo").problem, "it is said")
        assert "unconfirmed" in problem.message
        agent.kill()
        second = world.agent()
        assert second.view("demo").state is ClusterState.STOPPING, "the intent outlived the agent"
        slurm.thaw_controller()
        watch = Stopwatch()
        until(lambda: not world.queue(uid), "nothing is left")
        watch.within(40, "controller back → nothing left")
    until(lambda: second.names() == [], "the cluster is gone")
    assert not world.spool(uid).path.exists()


def test_stop_of_a_failed_cluster_cancels_its_jobs_too(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo", 1).uid
    agent.working("demo", 1)
    order = world.spool(uid).order
    order.write_text("not an order")
    order.chmod(0o600)
    agent.kill()
    world.kill_head(uid)
    record = next((world.state / "clusters").iterdir()) / "cluster.json"
    record.write_text(record.read_text().replace('"state": "running"', '"state": "failed"'))
    second = world.agent()
    assert second.view("demo").state is ClusterState.FAILED
    second.stop("demo")
    until(lambda: second.names() == [], "the cluster is gone")
    until(lambda: not world.queue(uid), "its job too")
    assert not world.spool(uid).path.exists()
