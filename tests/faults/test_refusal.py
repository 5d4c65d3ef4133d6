"""The batch system refuses: its own words are shown, nothing is poisoned, trying again goes by itself."""

import operator
from itertools import pairwise

import pytest

from ihpc_jupyter import Cluster
from ihpc_jupyter.errors import InvalidRequest, Unavailable
from ihpc_jupyter.model.cluster import Problem
from tests.slurmbed import SlurmBed
from tests.world import Stopwatch, World, until

REFUSED = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"


def test_a_refusal_carries_slurms_words_and_retry_fills_the_cluster(world: World) -> None:
    agent = world.agent()
    agent.create("demo")
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    world.commands.fail("sbatch", REFUSED)
    watch = Stopwatch()
    agent.scale("demo", 2)
    problem = until(lambda: agent.group("demo").problem, "the card shows the problem")
    watch.within(2, "refusal → card")
    assert "Invalid account or account/partition combination specified" in problem.message
    assert problem.hint
    assert agent.group("demo").counts.requested == 2

    until(lambda: len(world.commands.calls("sbatch")) >= 3, "it is tried again")
    times = [call.time for call in world.commands.calls("sbatch")]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    least = [0.9 * 2**number for number in range(len(pauses))]
    assert all(map(operator.ge, pauses, least)), f"each pause is twice the one before: {pauses}"

    def told_when() -> Problem | None:
        shown = agent.group("demo").problem
        return shown if shown and shown.retry_at else None

    assert until(told_when, "the next try is announced").retry_at
    world.commands.clear()
    watch = Stopwatch()
    agent.retry("demo")
    until(lambda: len(world.queue()) == 2, "both jobs are in the queue")
    watch.within(2, "retry → jobs in the queue")
    agent.working("demo", 2)
    assert agent.group("demo").problem is None


def test_whoever_waits_is_told_in_slurms_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = world.agent()
    agent.create("demo")
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    monkeypatch.setenv("IHPC_AGENT", str(agent.socket))
    world.commands.fail("sbatch", REFUSED)
    cluster = Cluster.find("demo")
    cluster.scale(1)
    until(lambda: agent.group("demo").problem, "it is refused")
    watch = Stopwatch()
    with pytest.raises(Unavailable, match="Invalid account or account/partition combination specified"):
        cluster.wait_for_workers(1, timeout=1.5)
    watch.within(2, "refusal → exception")


def test_a_real_partition_limit_is_told_and_repaired_without_a_click(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    agent.create("demo", lane="urgent")
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    slurm.run("scontrol", "update", "PartitionName=urgent", "State=DRAIN")
    try:
        agent.scale("demo", 1)
        problem = until(lambda: agent.group("demo").problem, "the card shows the problem")
        assert "Slurm refused" in problem.message
        assert "partition not available" in problem.message
    finally:
        slurm.run("scontrol", "update", "PartitionName=urgent", "State=UP")
    agent.working("demo", 1)
    assert agent.group("demo").problem is None


def test_a_script_that_cannot_be_read_is_told_and_forgiven(world: World) -> None:
    agent = world.agent()
    uid = agent.create("demo").uid
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    script = world.spool(uid).script("main")
    away = script.rename(script.with_suffix(".away"))
    agent.scale("demo", 1)
    problem = until(lambda: agent.group("demo").problem, "the card shows the problem")
    assert "cannot be read" in problem.message
    away.rename(script)
    agent.working("demo", 1)


def test_scaling_from_none_to_eight_is_one_request(world: World) -> None:
    agent = world.agent()
    agent.create("demo")
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    agent.scale("demo", 8)
    until(lambda: len(world.queue()) == 8, "eight jobs are in the queue")
    agent.working("demo", 8, 60)
    assert len(world.commands.calls("sbatch")) == 1
    assert not world.commands.calls("scancel")


def test_what_no_lane_allows_is_never_asked_of_slurm(world: World) -> None:
    agent = world.agent()
    agent.create("demo")
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    for workers in (65, 100_000, -1, 2.5, "8"):
        with pytest.raises(InvalidRequest):
            agent.request("PATCH", "/api/clusters/demo", {"groups": {"main": {"target": workers}}})
    assert agent.group("demo").target == 0
    assert not world.commands.calls("sbatch")
