"""The batch system is silent or dead: we answer, we say what we do not know, we give nothing up."""

import time

import pytest

from ihpc_jupyter.model.site import Health
from tests.slurmbed import SlurmBed
from tests.world import SITE, Agent, Stopwatch, World, partition_down, until


def answers(agent: Agent, seconds: float) -> list[float]:
    """How long the API took, asked for so many seconds; the quickest first."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        agent.snapshot()
        took.append(time.monotonic() - began)
        time.sleep(0.05)  # the pace of a person's clicks, not to wait for something
    return sorted(took)


@pytest.mark.parametrize(("how", "seconds"), [("silent", 20.0), ("dead", 8.0)])
def test_a_controller_that_is_away_changes_nothing(
    world: World, slurm: SlurmBed, how: str, seconds: float
) -> None:
    world.describe_site(timeout=2)
    agent = world.agent()
    uid = agent.create("demo", 2).uid
    agent.working("demo", 2)
    with partition_down(slurm, "interactive"):
        agent.scale("demo", 3)
        until(lambda: agent.group("demo").counts.pending == 1, "a third waits")
        jobs = {id_: job.state for id_, job in agent.jobs("demo").items()}
        if how == "silent":
            slurm.freeze_controller()
        else:
            slurm.wait_until_saved()
            slurm.kill_controller()
        watch = Stopwatch()
        until(lambda: agent.view("demo").silent, "it is told that nobody answers")
        watch.within(30, f"controller {how} → its silence told")
        took = answers(agent, max(2.0, seconds - watch.seconds))
        # The machine that tests run on may itself be busy for a moment: one answer in twenty is forgiven.
        assert took[len(took) * 19 // 20] < 0.1, took
        assert took[len(took) // 2] < 0.02, took
        view = agent.view("demo")
        assert view.asked_at is not None
        assert time.time() - view.asked_at > 5, "the age of what was said"
        assert (view.groups["main"].counts.working, view.groups["main"].counts.pending) == (2, 1)
        assert next(site for site in agent.snapshot().sites if site.site.name == SITE).health is Health.UNKNOWN
        now = {id_: job.state for id_, job in agent.jobs("demo").items()}
        assert now == jobs, "as they were when last heard"
        slurm.heal()
        back = Stopwatch()
        until(lambda: not agent.view("demo").silent, "it answers again")
        back.within(40, "controller back → told")
    agent.working("demo", 3)
    assert set(world.queue(uid)) == set(jobs)
    assert not world.commands.calls("scancel")
    assert len(world.commands.calls("sbatch")) == 2


def test_what_was_asked_for_in_the_silence_is_done_afterwards(world: World, slurm: SlurmBed) -> None:
    world.describe_site(timeout=1)
    agent = world.agent()
    uid = agent.create("demo", 1).uid
    agent.working("demo", 1)
    slurm.freeze_controller()
    watch = Stopwatch()
    agent.scale("demo", 2)
    watch.within(0.1, "scale while the controller is silent")
    assert agent.group("demo").target == 2
    until(lambda: agent.group("demo").problem, "the silence is told")
    slurm.thaw_controller()
    agent.working("demo", 2, 60)
    until(lambda: len(world.queue(uid)) == 2, "two in all")
