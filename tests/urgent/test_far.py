"""Urgent runs from a host without Slurm: the command that holds the job stays at the far end of an ssh."""

import pytest

from ihpc_jupyter.model.run import RunState
from tests.far import far_from_slurm
from tests.urgent.orders import ended, look, output, reached, run_script, settled
from tests.world import Stopwatch, World, until


def test_a_run_over_ssh_starts_answers_and_is_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with far_from_slurm(world, monkeypatch):
        agent = world.agent()
        watch = Stopwatch()
        view = ended(agent, run_script(agent, "echo hello; exit 4").id)
        watch.within(8, "ordered → ended, the first connection included")
        assert view.state is RunState.FAILED
        assert view.problem is not None
        assert "4" in view.problem.message
        assert output(view) == "hello\n"
        assert settled(agent, view.id).attempts[0].outcome == "won"
        long = run_script(agent, "sleep 600")
        reached(agent, long.id, RunState.RUNNING)
        watch = Stopwatch()
        agent.request("DELETE", f"/api/runs/{long.id}")
        until(lambda: not world.processes("ihpc_jupyter.driver", long.id), "its processes are gone")
        watch.within(2, "cancelled → gone")
        assert look(agent, long.id).state is RunState.CANCELLED
        until(lambda: not world.queue(), "nothing is left")


def test_a_wait_over_ssh_survives_the_agent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    blockers = world.bed.fill("urgent")
    with far_from_slurm(world, monkeypatch):
        agent = world.agent()
        view = run_script(agent, "echo done")
        reached(agent, view.id, RunState.QUEUED)
        agent.kill()
        again = world.agent()
        world.bed.run("scancel", *blockers)
        assert ended(again, view.id).state is RunState.SUCCEEDED
