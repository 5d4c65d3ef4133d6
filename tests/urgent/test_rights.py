"""Who may: the batch system is the gate, whatever program asks; lanes and gate can be made to agree."""

import shlex

import pytest

from ihpc_jupyter.model.protocol import Report
from ihpc_jupyter.model.run import Audit, Policy, RunState, RunView
from tests.slurmbed import BedError, FaultyCommands, SlurmBed
from tests.slurmbed.fixtures import MakeSlurm
from tests.urgent.orders import ended, run_script, settled
from tests.world import SITE, Agent, World, until


def with_qos(world: World) -> None:
    """Lanes that name their QoS, the urgent one with limits."""
    site = world.root / "site.toml"
    text = site.read_text()
    for lane, qos in (("interactive", "interactive"), ("urgent", "urgent"), ("batch", "normal"), ("spot", "spot")):
        more = '\nmax_time = "10m"\nmax_cores = 4' if lane == "urgent" else ""
        text = text.replace(f'partition = "{lane}"', f'partition = "{lane}"\nqos = "{qos}"{more}')
    site.write_text(text.replace('time_limit = "1h"', 'time_limit = "10m"'))


def test_a_user_without_the_right_is_refused_by_slurm_with_and_without_us(
    slurm_accounting: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    bed = slurm_accounting
    plain = ["--partition=urgent", "--qos=urgent", "--account=teaching", "--output=/dev/null"]
    with pytest.raises(BedError, match="Invalid"):
        bed.submit(*plain)
    with World(bed, faulty_commands) as world:
        with_qos(world)
        agent = world.agent()
        over = ended(agent, run_script(agent, "true", account="nobodys").id)
        assert over.state is RunState.LOST
        assert over.problem is not None
        assert "Invalid account" in over.problem.message
        report = Report.model_validate_json(agent.request("POST", "/api/runs/check", {"account": "nobodys"}))
        assert "Invalid account" in next(c.text for c in report.checks if c.name == "lane urgent takes it")
        assert not world.queue(over.id)


def test_the_printed_commands_make_gate_and_lane_agree(
    make_slurm: MakeSlurm, faulty_commands: FaultyCommands
) -> None:
    bed = make_slurm(nodes=1, accounting=True)
    beyond = ["--partition=urgent", "--qos=urgent", "--time=60", "--output=/dev/null"]
    with World(bed, faulty_commands) as world:
        with_qos(world)
        agent = world.agent()
        bed.run("scancel", bed.submit(*beyond))
        printed = Policy.model_validate_json(agent.request("GET", f"/api/sites/{SITE}/policy")).text
        commands = [
            shlex.split(line) for line in printed.splitlines() if line.startswith(("sacctmgr", "scontrol"))
        ]
        assert len(commands) >= 8
        for command in commands:
            bed.run(*command, check=command[2] != "add")
        # With everything of ours left out, the lane's limit holds.
        until(lambda: refused(bed, beyond), "Slurm has learnt the limits")
        assert ended(agent, run_script(agent, "true").id).state is RunState.SUCCEEDED


def refused(bed: SlurmBed, options: list[str]) -> bool:
    """Whether a plain submission is refused."""
    try:
        bed.run("scancel", bed.submit(*options))
    except BedError as error:
        return "limit" in str(error).lower()
    return False


def test_the_staffs_ledger_is_rebuilt_from_the_accounting_and_agrees(
    slurm_accounting: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    with World(slurm_accounting, faulty_commands) as world:
        agent = world.agent()
        view = settled(agent, ended(agent, run_script(agent, "sleep 1").id).id)
        audit = until(lambda: booked(agent, view), "the accounting has it")
        assert not any(view.id in told for told in audit.differences)
        (mine,) = [row for row in audit.rows if row.run == view.id]
        assert (mine.attempt, mine.lane, str(mine.state)) == (1, "urgent", "COMPLETED")
        assert mine.core_seconds == view.attempts[0].core_seconds
        agent.request("DELETE", f"/api/runs/{view.id}")
        forgotten = booked(agent, view)
        assert forgotten is not None
        assert any(f"Run {view.id}, attempt 1" in told and "forgotten" in told for told in forgotten.differences)


def booked(agent: Agent, view: RunView) -> Audit | None:
    """The audit, once it tells of the run's end."""
    path = f"/api/sites/{SITE}/audit?since={view.created_at - 60:.0f}"
    audit = Audit.model_validate_json(agent.request("GET", path))
    return audit if any(row.run == view.id and row.state.ended for row in audit.rows) else None
