"""Urgent runs on real Slurm: they start inside the request, survive faults, and leave nothing behind."""

import getpass
import signal
import sys
import time
from typing import Any

import pytest

from ihpc_jupyter.errors import InvalidRequest, NotAllowed, NotFound, Rejected, Unavailable
from ihpc_jupyter.model.protocol import LogTail
from ihpc_jupyter.model.run import RunState, RunView, WayKind
from tests.slurmbed import FaultyCommands, SlurmBed, processes
from tests.slurmbed.fixtures import MakeSlurm
from tests.urgent.orders import (
    ENVIRONMENT,
    ended,
    look,
    order_script,
    output,
    planned,
    reached,
    run_script,
    settled,
    start,
    wait_for,
    when,
)
from tests.world import SITE, Stopwatch, World, until


def test_a_script_runs_at_once_and_its_output_comes_back(world: World) -> None:
    agent = world.agent()
    watch = Stopwatch()
    view = ended(agent, run_script(agent, "echo hello; hostname").id)
    watch.within(5, "ordered → ended")
    assert view.state is RunState.SUCCEEDED, view.problem
    assert output(view).splitlines()[0] == "hello"
    (attempt,) = view.attempts
    assert attempt.outcome == "won"
    assert attempt.nodes
    assert attempt.name.startswith(f"ihpc-{view.id}-run1-")
    assert not world.commands.calls("sbatch")
    after = settled(agent, view.id)
    assert after.attempts[0].core_seconds < 60
    until(lambda: not world.queue(view.id), "nothing is left")


def test_what_it_cost_agrees_with_the_accounting(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    view = settled(agent, ended(agent, run_script(agent, "sleep 2", shape={"cores": 2, "memory": "200MiB"}).id).id)
    fields = slurm.job(view.attempts[0].job_id or "")
    assert fields["JobName"] == view.attempts[0].name
    began, over = (
        time.mktime(time.strptime(fields[name], "%Y-%m-%dT%H:%M:%S")) for name in ("StartTime", "EndTime")
    )
    assert view.attempts[0].core_seconds == (over - began) * 2
    assert view.core_hours == pytest.approx((over - began) * 2 / 3600)


def test_an_exit_code_is_an_answer(world: World) -> None:
    agent = world.agent()
    view = ended(agent, run_script(agent, "echo no >&2; exit 3").id)
    assert view.state is RunState.FAILED
    assert view.problem is not None
    assert "3" in view.problem.message
    assert len(view.attempts) == 1


def test_cancelling_takes_it_away_everywhere_within_two_seconds(world: World) -> None:
    agent = world.agent()
    view = run_script(agent, "sleep 600")
    reached(agent, view.id, RunState.RUNNING)
    watch = Stopwatch()
    agent.request("DELETE", f"/api/runs/{view.id}")
    assert look(agent, view.id).state is RunState.CANCELLED
    until(lambda: not world.processes("ihpc_jupyter.driver", view.id), "its processes are gone")
    watch.within(2, "cancelled → gone")
    settled(agent, view.id)
    until(lambda: not world.queue(view.id), "nothing is left")


def test_a_waiting_run_says_why_and_is_cancelled_from_the_queue(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    slurm.fill("urgent")
    view = run_script(agent, "true")
    waiting = when(agent, view.id, lambda seen: seen.state is RunState.QUEUED and seen.reason, "it says why")
    assert waiting.reason.endswith(".")
    agent.request("DELETE", f"/api/runs/{view.id}")
    until(lambda: not world.queue(view.id), "it has left the queue")
    assert settled(agent, view.id).core_hours == 0


def test_a_submit_command_killed_while_its_job_waits_leaves_no_orphan(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    jobs = slurm.fill("urgent")
    view = run_script(agent, "echo done")
    reached(agent, view.id, RunState.QUEUED)
    first = look(agent, view.id).attempts[0].name
    for process in world.processes(f"--job-name={first}"):
        processes.send(process.pid, signal.SIGKILL)  # of two, the second may go with the first
    again = when(agent, view.id, lambda seen: len(seen.attempts) == 2, "it is tried again")
    assert "killed" in again.attempts[0].detail
    until(lambda: list(world.queue(view.id).values()) == ["PENDING"], "the first has left the queue")
    slurm.run("scancel", *jobs)
    assert ended(agent, view.id).state is RunState.SUCCEEDED


def test_a_node_killed_under_it_costs_seconds_not_minutes(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    trace = world.root / "trace"
    view = run_script(agent, f'echo run >> {trace}; [ "$(wc -l < {trace})" -ge 2 ] || sleep 600; echo done')
    running = reached(agent, view.id, RunState.RUNNING)
    watch = Stopwatch()
    slurm.kill_node(running.attempts[0].nodes[0])
    over = ended(agent, view.id)
    watch.within(12, "node killed → answer")
    assert over.state is RunState.SUCCEEDED
    assert [attempt.outcome for attempt in over.attempts] == ["lost", "won"]
    assert over.attempts[1].exclude == running.attempts[0].nodes
    assert trace.read_text() == "run\nrun\n"
    until(lambda: look(agent, view.id).wasted_core_hours > 0, "the lost attempt is on the bill")


def test_a_frozen_node_is_noticed_too_and_its_late_answer_changes_nothing(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    go = world.root / "go"
    view = run_script(agent, f"{wait_for(go)}; hostname")
    running = reached(agent, view.id, RunState.RUNNING)
    slurm.freeze_node(running.attempts[0].nodes[0])
    go.touch()
    over = ended(agent, view.id)
    assert over.winner == 2
    before = (world.spool_root / f"run-{view.id}" / "result").read_bytes()
    slurm.thaw_node(running.attempts[0].nodes[0])
    until(lambda: not world.processes("ihpc_jupyter.driver", view.id), "the frozen one is gone")
    assert (world.spool_root / f"run-{view.id}" / "result").read_bytes() == before


def test_copies_run_on_distinct_nodes_and_one_answer_counts(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    trace = world.root / "trace"
    both = f'until [ "$(wc -l < {trace})" -ge 2 ]; do sleep 0.1; done'
    view = run_script(agent, f"hostname >> {trace}; {both}; echo done", copies=2)
    over = ended(agent, view.id)
    assert over.state is RunState.SUCCEEDED
    hosts = trace.read_text().split()
    assert len(hosts) == len(set(hosts)) == 2
    assert over.winner == 1


def test_one_of_two_copies_may_die(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    go = world.root / "go"
    view = run_script(agent, f"{wait_for(go)}; echo done", copies=2)
    both = when(agent, view.id, lambda seen: len(seen.attempts[0].nodes) == 2, "both run")
    slurm.kill_node(both.attempts[0].nodes[0])
    go.touch()
    over = ended(agent, view.id)
    assert over.state is RunState.SUCCEEDED
    assert len(over.attempts) == 1


def test_ranks_all_run_and_end_together(world: World) -> None:
    agent = world.agent()
    trace = world.root / "trace"
    text = f"sleep $SLURM_PROCID; echo $SLURM_PROCID >> {trace}"  # the first answers before the others are done
    over = ended(agent, run_script(agent, text, tasks=3).id)
    assert over.state is RunState.SUCCEEDED, over.problem
    until(lambda: sorted(trace.read_text().split()) == ["0", "1", "2"], "all ranks have run")


def test_an_agent_killed_under_it_loses_nothing(world: World) -> None:
    agent = world.agent()
    go = world.root / "go"
    view = run_script(agent, f"{wait_for(go)}; echo done")
    reached(agent, view.id, RunState.RUNNING)
    agent.kill()
    second = world.agent()
    go.touch()
    over = ended(second, view.id)
    assert over.state is RunState.SUCCEEDED
    assert len(over.attempts) == 1


def test_a_silent_controller_hides_neither_the_cell_nor_its_answer(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    go = world.root / "go"
    view = run_script(agent, f"{wait_for(go)}; echo done")
    reached(agent, view.id, RunState.RUNNING)
    slurm.freeze_controller()
    go.touch()
    try:
        assert ended(agent, view.id).state is RunState.SUCCEEDED
    finally:
        slurm.thaw_controller()
    assert settled(agent, view.id).attempts[0].accounted


def test_a_missed_deadline_is_said_at_once_and_nothing_runs_on(world: World) -> None:
    agent = world.agent()
    view = run_script(agent, "sleep 600", deadline=3)
    watch = Stopwatch()
    over = ended(agent, view.id)
    watch.within(5, "deadline of 3 s → miss told")
    assert over.state is RunState.MISSED
    until(lambda: not world.processes("ihpc_jupyter.driver", view.id), "nothing runs on")


def test_told_to_go_on_it_answers_late(world: World) -> None:
    agent = world.agent()
    over = ended(agent, run_script(agent, "sleep 3; echo late", deadline=1, go_on=True).id)
    assert over.state is RunState.SUCCEEDED


def test_a_lane_that_slurm_refuses_is_told_in_its_words(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    slurm.run("scontrol", "update", "PartitionName=urgent", "State=DRAIN")
    try:
        over = ended(agent, run_script(agent, "true").id)
    finally:
        slurm.run("scontrol", "update", "PartitionName=urgent", "State=UP")
    assert over.state is RunState.LOST
    assert over.problem is not None
    assert "Required partition not available" in over.problem.message
    assert len(over.attempts) == 1


@pytest.mark.parametrize(
    ("order", "error", "words"),
    [
        ({"copies": 0}, InvalidRequest, "copies"),
        ({"copies": 10**6}, InvalidRequest, "copies"),
        ({"deadline": 0}, InvalidRequest, "deadline"),
        ({"deadline": -5}, InvalidRequest, "deadline"),
        ({"lane": "express"}, NotFound, "interactive"),
        ({"cluster": "nowhere"}, NotFound, "nowhere"),
        ({"site": "moon"}, NotFound, "moon"),
        ({"budget": 1e-6}, InvalidRequest, "core-hours"),
        ({"tasks": 2, "copies": 2}, InvalidRequest, "not both"),
        ({"preempt": False}, NotAllowed, "spot"),
        ({"nonsense": 1}, InvalidRequest, "nonsense"),
    ],
)
def test_a_wrong_order_is_one_clear_line_and_nothing_is_submitted(
    world: World, order: dict[str, Any], error: type[Exception], words: str
) -> None:
    agent = world.agent()
    with pytest.raises(error, match=words):
        order_script(agent, "true", **order)
    assert not agent.snapshot().runs
    assert not world.commands.calls("srun")


def test_nothing_starts_without_a_payload_and_nothing_twice(world: World) -> None:
    agent = world.agent()
    view = order_script(agent, "true")
    (world.spool_root / f"run-{view.id}" / "order.json").unlink()
    with pytest.raises(Rejected, match="no order"):
        start(agent, view)
    view = run_script(agent, "true")
    with pytest.raises(Rejected, match="already"):
        start(agent, view)
    ended(agent, view.id)


def test_an_ended_run_is_forgotten_with_its_files(world: World) -> None:
    agent = world.agent()
    view = ended(agent, run_script(agent, "true").id)
    settled(agent, view.id)
    until(lambda: agent.request("DELETE", f"/api/runs/{view.id}") == b"", "it is forgotten")
    assert not agent.snapshot().runs
    assert not (world.spool_root / f"run-{view.id}").exists()


def test_a_driver_killed_alone_is_replaced(world: World) -> None:
    agent = world.agent()
    trace = world.root / "trace"
    view = run_script(agent, f'echo run >> {trace}; [ "$(wc -l < {trace})" -ge 2 ] || sleep 600; echo done')
    reached(agent, view.id, RunState.RUNNING)
    driver = min(world.processes("ihpc_jupyter.driver", view.id), key=lambda one: one.create_time())
    for pid in [*processes.descendants(driver.pid), driver.pid]:
        processes.send(pid, signal.SIGKILL)
    over = ended(agent, view.id)
    assert (over.state, len(over.attempts)) == (RunState.SUCCEEDED, 2)


def test_where_there_is_no_other_node_the_same_is_taken_again(
    make_slurm: MakeSlurm, faulty_commands: FaultyCommands
) -> None:
    with World(make_slurm(nodes=1), faulty_commands) as world:
        agent = world.agent()
        mark = world.root / "mark"
        view = run_script(agent, f"[ -e {mark} ] && echo done && exit; touch {mark}; kill -9 $PPID; sleep 60")
        over = ended(agent, view.id)
        assert over.state is RunState.SUCCEEDED, over.problem
        assert [attempt.outcome for attempt in over.attempts] == ["lost", "refused", "won"]
        assert [attempt.exclude for attempt in over.attempts] == [(), over.attempts[0].nodes, ()]


def test_a_site_that_does_not_answer_is_said_and_nothing_is_submitted(world: World) -> None:
    for command in ("sinfo", "squeue", "srun"):
        world.commands.fail(command, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    agent = world.agent()
    with pytest.raises(Unavailable, match="controller"):
        order_script(agent, "true")
    assert not world.commands.calls("srun")


def test_a_controller_silent_at_the_start_is_asked_again_and_a_cancel_leaves_nothing(
    world: World, slurm: SlurmBed
) -> None:
    agent = world.agent()
    view = order_script(agent, "echo done")
    world.commands.fail("srun", "srun: error: Unable to contact slurm controller (connect failure)", times=2)
    over = ended(agent, start(agent, view).id)
    assert over.state is RunState.SUCCEEDED
    assert [attempt.outcome for attempt in over.attempts] == ["unanswered", "unanswered", "won"]
    silent = order_script(agent, "echo done")
    slurm.freeze_controller()
    try:
        start(agent, silent)
        agent.request("DELETE", f"/api/runs/{silent.id}")
        assert look(agent, silent.id).state is RunState.CANCELLED
        until(lambda: not world.processes(silent.id), "its command is gone", 10)
    finally:
        slurm.thaw_controller()
    settled(agent, silent.id, 60)
    assert not world.queue(silent.id)


def test_an_active_reservation_of_ones_own_is_used(world: World, slurm: SlurmBed) -> None:
    slurm.run(
        "scontrol", "create", "reservation", "ReservationName=beamtime", "StartTime=now", "Duration=10",
        f"Users={getpass.getuser()}", "Nodes=alpha4",
    )  # fmt: skip
    try:
        agent = world.agent()
        until(lambda: planned(agent).chosen is WayKind.RESERVATION, "the reservation is known")
        over = ended(agent, run_script(agent, "hostname").id)
        assert over.attempts[0].way is WayKind.RESERVATION
        assert over.attempts[0].nodes == ("alpha4",)
        settled(agent, over.id)
    finally:
        slurm.run("scancel", f"--user={getpass.getuser()}", check=False)
        until(lambda: not world.queue(), "the reservation is free")
        slurm.run("scontrol", "delete", "ReservationName=beamtime")


def test_a_lane_for_others_is_refused_before_anything_is_asked(world: World) -> None:
    site = world.root / "site.toml"
    site.write_text(
        site.read_text().replace('partition = "urgent"', 'partition = "urgent"\ngroups = ["beam-crew"]')
    )
    agent = world.agent()
    with pytest.raises(NotAllowed, match="beam-crew"):
        order_script(agent, "true")
    assert not world.commands.calls("srun")


def test_a_script_may_come_with_the_order_and_its_output_goes_by_the_api(world: World) -> None:
    agent = world.agent()
    order = {"kind": "script", "site": SITE, "script": "import sys\nprint(2 * 21, file=sys.stderr)", **PYTHON}
    view = RunView.model_validate_json(agent.request("POST", "/api/runs", order))
    over = ended(agent, start(agent, view).id)
    assert over.state is RunState.SUCCEEDED, over.problem
    told = LogTail.model_validate_json(agent.request("GET", f"/api/runs/{view.id}/output"))
    assert (told.text, told.truncated) == ("42\n", False)
    with pytest.raises(InvalidRequest, match="interpreter"):
        agent.request("POST", "/api/runs", {**order, "interpreter": "sh -c 'rm *'"})
    with pytest.raises(InvalidRequest, match="kind script"):
        agent.request("POST", "/api/runs", {**order, "kind": "cell"})


PYTHON = {"interpreter": sys.executable, "environment": ENVIRONMENT}
