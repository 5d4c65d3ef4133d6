"""Submissions whose answer is lost: found by their tag, never repeated, and no orphans."""

import signal

from tests.slurmbed import processes
from tests.world import Agent, World, partition_down, until


def with_head(world: World) -> tuple[Agent, str]:
    agent = world.agent()
    uid = agent.create("demo").uid
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    return agent, uid


def test_accepted_without_an_answer_is_found_by_its_tag(world: World) -> None:
    world.describe_site(timeout=2)
    agent, uid = with_head(world)
    world.commands.hang_after("sbatch", times=1)
    agent.scale("demo", 2)
    agent.working("demo", 2)
    assert agent.group("demo").problem is None
    assert len(world.commands.calls("sbatch")) == 1
    assert len(world.queue(uid)) == 2


def test_a_lost_reply_is_no_refusal(world: World) -> None:
    agent, uid = with_head(world)
    lost = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    world.commands.fail_after("sbatch", lost, times=1)
    agent.scale("demo", 2)
    agent.working("demo", 2)
    assert len(world.commands.calls("sbatch")) == 1
    assert len(world.queue(uid)) == 2


def test_never_accepted_is_repeated_after_two_answers_ten_seconds_apart(world: World) -> None:
    world.describe_site(timeout=2)
    agent, uid = with_head(world)
    world.commands.hang("sbatch", times=1)
    agent.scale("demo", 1)
    problem = until(lambda: agent.group("demo").problem, "the silence is told")
    assert "did not answer" in problem.message
    agent.working("demo", 1, 60)
    calls = world.commands.calls("sbatch")
    assert len(calls) == 2
    assert calls[1].time - calls[0].time >= 10
    assert len(world.queue(uid)) == 1


def test_a_worker_that_comes_before_its_job_is_seen_is_adopted(world: World) -> None:
    world.describe_site(timeout=2)
    agent, uid = with_head(world)
    world.commands.hang("squeue")
    world.commands.hang_after("sbatch", times=1)
    agent.scale("demo", 1)
    agent.working("demo", 1)
    assert agent.view("demo").asked_at is not None
    world.commands.clear()
    until(lambda: not agent.jobs("demo").keys() ^ world.queue(uid).keys(), "both sides agree")
    agent.working("demo", 1)
    assert len(world.commands.calls("sbatch")) == 1
    assert not world.commands.calls("scancel")


def test_a_submit_command_killed_while_its_job_waits_leaves_no_orphan(world: World) -> None:
    agent, uid = with_head(world)
    with partition_down(world.bed, "interactive"):
        world.commands.hang_after("sbatch", times=1)
        agent.scale("demo", 2)
        until(lambda: len(world.queue(uid)) == 2, "Slurm has the jobs")
        _kill_hanging_submit(agent)
        until(lambda: agent.group("demo").counts.pending == 2, "they are found")
        assert len(world.commands.calls("sbatch")) == 1
        agent.stop("demo")
        until(lambda: not world.queue(uid), "nothing is left")


def _kill_hanging_submit(agent: Agent) -> None:
    """Kill the wrapper that stands for an `sbatch` which has handed over its job."""

    def hanging() -> list[int]:
        below = processes.descendants(agent.process.pid)
        return [pid for pid in below if processes.command_name(pid) == "sbatch"]

    for pid in until(hanging, "the submit command hangs"):
        processes.send(pid, signal.SIGKILL)
    until(lambda: not hanging(), "it is gone")
