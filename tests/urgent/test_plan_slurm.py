"""What a plan rests on, says of others, and becomes while its run waits: on real Slurm."""

import math
import re
import time

import pytest

from ihpc_jupyter.errors import InvalidRequest, Rejected, Unavailable
from ihpc_jupyter.model.run import Plan, RunState, WayKind
from tests.slurmbed import SlurmBed
from tests.urgent.orders import ended, order_script, planned, reached, run_script, settled, wait_for, when
from tests.world import Agent, Stopwatch, World, until


def test_a_full_machine_makes_room_and_the_plan_said_so(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    victims = slurm.fill("spot")

    def full() -> Plan | None:
        plan = planned(agent)
        return plan if plan.chosen is WayKind.PREEMPTION else None

    plan = until(full, "that it is full is known")
    way = next(way for way in plan.ways if way.kind is WayKind.PREEMPTION)
    assert "4 in spot" in way.disturbs
    watch = Stopwatch()
    over = ended(agent, run_script(agent, "echo done").id)
    watch.within(20, "ordered on a full machine → ended")
    assert over.state is RunState.SUCCEEDED
    assert over.attempts[0].way is WayKind.PREEMPTION
    told = when(agent, over.id, lambda seen: seen.attempts[0].preempted, "who had to go is in the ledger")
    assert set(told.attempts[0].preempted) < set(victims)


def test_who_had_to_go_is_told_though_the_question_failed_at_first(world: World, slurm: SlurmBed) -> None:
    before = time.time()
    agent = world.agent()
    victims = slurm.fill("spot")
    until(lambda: planned(agent).chosen is WayKind.PREEMPTION, "that it is full is known")
    # Slurm tells whole seconds: who had to go for an earlier test did so in an earlier one.
    until(lambda: time.time() >= math.floor(before) + 1, "the second that this test began in is over")
    go = world.root / "go"
    view = run_script(agent, f"{wait_for(go)}; echo done")
    reached(agent, view.id, RunState.RUNNING)
    world.commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller")
    go.touch()
    ended(agent, view.id)
    asked = "--partition=spot"
    until(lambda: any(asked in call.args for call in world.commands.calls("squeue")), "it was asked in vain")
    world.commands.clear("squeue")
    told = when(agent, view.id, lambda seen: seen.attempts[0].preempted, "who had to go is in the ledger", 40)
    assert set(told.attempts[0].preempted) < set(victims)
    settled(agent, view.id)


def test_a_silent_batch_system_is_told_and_asked_at_once_when_it_is_back(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    silence = "slurm_load_partitions error: Unable to contact slurm controller (connect failure)"
    for command in ("sinfo", "squeue", "scontrol"):
        world.commands.fail(command, silence)
    view = until(lambda: planned(agent), "a plan")
    assert "Nobody has said yet whether there is room" in view.why
    assert [way.start for way in view.ways] == [None]
    told = until(lambda: refusal(agent), "the silence is seen")
    assert "(connect failure)." in told
    world.commands.clear()
    assert ended(agent, run_script(agent, "echo back").id).state is RunState.SUCCEEDED


def test_the_workers_of_a_run_count_in_price_budget_and_who_is_disturbed(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    alone, beside = planned(agent), planned(agent, workers=4)
    assert beside.ways[0].price == pytest.approx(5 * alone.ways[0].price)
    assert not beside.ways[0].disturbs
    with pytest.raises(InvalidRequest, match="its budget"):
        order_script(agent, "true", workers=4, budget=1.5 * alone.ways[0].price)
    (job,) = slurm.fill("spot")[:1]
    slurm.run("scancel", job)
    until(lambda: planned(agent, workers=4).ways[0].disturbs, "that its workers find no room is known")
    plan = planned(agent, workers=4)
    assert plan.chosen is WayKind.ALLOCATION, "the run itself finds some"
    assert "its workers may send some away" in plan.ways[0].disturbs


def refusal(agent: Agent) -> str:
    """Why an order is refused as nobody answers; empty where it is taken."""
    try:
        order_script(agent, "true")
    except Unavailable as error:
        return error.message
    return ""


def test_a_plan_rests_on_ample_room_a_moment_ago_and_says_so(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    watch = Stopwatch()
    until(lambda: "16 cores are free" in planned(agent).ways[0].why, "what is free is known")
    asked = looks_at_cores(world)

    def age() -> int:
        told = re.search(r"16 cores were free (\d+) s ago", order_script(agent, "true").plan.ways[0].why)
        return int(told[1]) if told else 0

    assert until(lambda: max(0, age() - 1), "its age is told") <= watch.seconds
    assert looks_at_cores(world) == asked, "and nobody was asked for it"
    two_nodes = {"shape": {"cores": 4}, "copies": 2}
    until(lambda: "16 cores are free" in order_script(agent, "true", **two_nodes).plan.ways[0].why, "asked anew")


def test_more_than_a_lane_has_in_all_is_refused_and_not_submitted(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    until(lambda: "16 cores are free" in planned(agent).ways[0].why, "what there is is known")
    with pytest.raises(Rejected, match="Lane urgent has 16 cores in all, 17 are asked for"):
        run_script(agent, "true", tasks=17)
    with pytest.raises(Rejected, match="Lane urgent has 4 nodes in all; 5 copies need one each"):
        run_script(agent, "true", copies=5)
    assert not world.commands.calls("srun")


def looks_at_cores(world: World) -> int:
    """How often the batch system was asked which cores are free."""
    return sum("--format=%R|%C|%D" in call.args for call in world.commands.calls("sinfo"))


def test_a_plan_that_was_too_hopeful_is_put_right_while_the_run_waits(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    until(lambda: "16 cores" in planned(agent).ways[0].why, "that it is empty is known")
    stay = slurm.submit("--partition=urgent", "--nodes=4", "--exclusive", "--output=/dev/null")
    slurm.wait_for_job(stay, "RUNNING")
    view = run_script(agent, "echo done")
    assert "There is room" in view.plan.why
    allocation = next(way for way in planned(agent).ways if way.kind is WayKind.ALLOCATION)
    assert allocation.start is None, "earlier starts, with room, tell nothing of a wait"
    when(agent, view.id, lambda seen: "There is no room" in seen.plan.why, "the plan says how it is")
    slurm.run("scancel", stay)
    assert ended(agent, view.id).state is RunState.SUCCEEDED
