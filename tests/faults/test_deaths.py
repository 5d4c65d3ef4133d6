"""Agent, head and kernel killed: the next agent finds everything, and nothing outlives its purpose."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from dask.distributed import Future

from ihpc_jupyter.cluster.naming import JobTag, new_uid
from ihpc_jupyter.model.cluster import ClusterState
from tests.faults import tasks
from tests.slurmbed import SlurmBed
from tests.world import REPOSITORY, Stopwatch, World, partition_down, until


def test_the_next_agent_goes_on_with_the_cluster(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo", 2).uid
    agent.working("demo", 2)
    jobs, head = set(agent.jobs("demo")), world.head(uid)
    agent.kill()
    watch = Stopwatch()
    second = world.agent()
    until(lambda: second.group("demo").counts.working == 2, "the workers are seen")
    watch.within(10, "agent killed → all seen by the next")
    assert set(second.jobs("demo")) == jobs
    assert world.head(uid).process == head.process, "the head went on"
    second.scale("demo", 3)
    second.kill()
    third = world.agent()
    assert third.group("demo").target == 3, "what was answered was on disk"
    third.working("demo", 3)
    assert not world.commands.calls("scancel")


def test_an_agent_killed_while_it_submits_neither_forgets_nor_repeats(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo").uid
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    world.commands.slow("sbatch", 1.5, times=1)
    agent.scale("demo", 2)
    until(lambda: world.commands.calls("sbatch"), "it is being submitted")
    agent.kill()
    second = world.agent()
    second.working("demo", 2)
    # Killed before it had handed the script over, it has submitted nothing, and the next one does. Whichever it
    # was: once nobody submits any more there are two jobs, and there never were others.
    until(lambda: not world.processes("sbatch", uid), "no submission is under way")
    assert len(world.queue(uid)) == 2
    assert not world.commands.calls("scancel")


def test_jobs_that_nobody_lists_are_shown_and_left_alone(world: World, slurm: SlurmBed) -> None:
    stray = slurm.submit(f"--job-name={JobTag(new_uid(), 'main', 'abc123').job_name}", "--output=/dev/null")
    slurm.submit("--job-name=mine", "--output=/dev/null")
    watch = Stopwatch()
    agent = world.agent()
    foreign = until(lambda: agent.snapshot().foreign, "the stray job is shown")
    watch.within(10, "agent started → foreign job shown")
    assert [job.id for job in foreign] == [stray]
    assert not world.commands.calls("scancel")


def test_without_any_agent_all_jobs_end(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    uid = agent.create("demo", 1, idle_timeout=10).uid
    agent.working("demo", 1)
    key = world.spool(uid).key
    assert key.stat().st_mode & 0o777 == 0o600
    with partition_down(slurm, "interactive"):
        agent.scale("demo", 2)
        until(lambda: "PENDING" in world.queue().values(), "one job waits")
        waiting = next(id_ for id_, state in world.queue().items() if state == "PENDING")
        agent.kill()
        watch = Stopwatch()
        until(lambda: "RUNNING" not in world.queue().values(), "running jobs have ended")
        watch.within(25, "agent killed, nothing to do → running jobs ended (idle timeout 10 s)")
    until(lambda: not world.queue(), "the waiting job ended too")
    log = world.spool(uid).log(waiting).read_text()
    assert "nothing to do" in log
    assert "distributed" not in log, "Python never started"
    assert not world.commands.calls("scancel")
    # The next agent shows the cluster as stopped, and can forget it.
    second = world.agent()
    until(lambda: second.view("demo").state is ClusterState.STOPPED, "it is shown as stopped")
    assert not key.exists()
    second.stop("demo")
    until(lambda: second.names() == [], "it is forgotten")


def test_without_head_and_agent_all_jobs_end(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo", 1, idle_timeout=10).uid
    agent.working("demo", 1)
    agent.kill()
    world.kill_head(uid)
    watch = Stopwatch()
    until(lambda: not world.queue(), "its job has ended", 100)
    watch.within(45, "agent and head killed → jobs ended (idle timeout 10 s)")


def test_a_killed_head_is_replaced_at_the_same_address(world: World, slurm: SlurmBed, tmp_path: Path) -> None:
    agent = world.agent()
    uid = agent.create("demo", 2).uid
    agent.working("demo", 2)
    old, key = world.head(uid), world.spool(uid).key.read_bytes()
    client = agent.client("demo")
    done = client.submit(tasks.traced, str(tmp_path / "trace"), 1, pure=False)
    done.result(timeout=20)
    endless = client.submit(time.sleep, 300, pure=False)
    until(lambda: client.processing() and any(client.processing().values()), "it runs")
    running = set(agent.jobs("demo"))
    with partition_down(slurm, "interactive"):
        agent.scale("demo", 3)
        until(lambda: agent.group("demo").counts.pending == 1, "a third waits")
        waiting = set(agent.jobs("demo")) - running
        world.kill_head(uid)
        watch = Stopwatch()
        _fails_cleanly(endless)
        watch.within(30, "head killed → futures fail")
        until(lambda: "head was lost" in agent.notes("demo"), "the loss is told")
        until(lambda: agent.group("demo").counts.working == 2, "the workers are back")
        watch.within(30, "head killed → workers back")
        assert waiting <= set(agent.jobs("demo")), "the waiting job kept its place"
    agent.working("demo", 3)
    new = world.head(uid)
    assert (new.address, new.api) == (old.address, old.api)
    assert new.process != old.process
    assert world.spool(uid).key.read_bytes() == key
    assert set(agent.jobs("demo")) == running | waiting
    assert client.submit(sum, [1, 2]).result(timeout=20) == 3, "the same client goes on"
    assert not world.commands.calls("scancel")
    client.close()


def _fails_cleanly(future: Future) -> None:
    with pytest.raises(Exception) as failure:  # noqa: PT011 - Dask's kinds of cancellation differ by version
        future.result(timeout=60)
    assert not isinstance(failure.value, TimeoutError), "it failed by itself, not by our patience"


KERNEL = """
import sys
from ihpc_jupyter import Cluster
cluster = Cluster("demo", site="bed", workers=1, shape="small", idle_timeout=600)
cluster.wait_for_workers(1, 60)
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_kernel_changes_nothing(world: World) -> None:
    agent = world.agent()
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL],
        env=world.environment(world.runtime()), cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == b"ready\n"
    finally:
        kernel.kill()
        kernel.wait()
    jobs = set(agent.jobs("demo"))
    agent.scale("demo", 2)
    agent.working("demo", 2)
    assert jobs < set(agent.jobs("demo"))
    assert not world.commands.calls("scancel")
