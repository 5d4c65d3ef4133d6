"""Words that nobody heard: a submission's answer, the accounting's; no job is doubled, lost or dropped by that."""

from collections.abc import Iterator

import pytest

from tests.hub.conftest import TINY
from tests.hub.hub import Hub, progress, running_hub, site_of
from tests.slurmbed import FaultyCommands, SlurmBed, wait_until

ALICE, BOB = "ihpc-alice", "ihpc-bob"

pytestmark = pytest.mark.usefixtures("possible")

SILENT = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
FORGOTTEN = "slurm_load_jobs error: Invalid job id specified"
NO_DATABASE = "sacct: error: Problem talking to the database: Connection refused"

PATIENCE = 90
"""Seconds: the longest pause between two tries to cancel, and the try."""


@pytest.fixture
def hub(slurm: SlurmBed, faulty_commands: FaultyCommands) -> Iterator[Hub]:
    """A hub whose commands of Slurm fail as told."""
    settings = f"c.Spawner.cmd = {TINY!r}\n"
    for setting, name in (("submit", "sbatch"), ("query", "squeue"), ("cancel", "scancel")):
        settings += f"c.IhpcSpawner.batch_{setting}_cmd = '{faulty_commands.directory}/{name}'\n"
    site = site_of(slurm).replace("[sites.bed.polling]", "[sites.bed.polling]\nrest = 1")
    with running_hub(slurm, settings, site) as made:
        yield made
        faulty_commands.clear()
        made.stop_servers()


def job_of(hub: Hub, user: str) -> str:
    return str(hub.wait_for_server(user, 60)["state"]["job_id"])


def queued(slurm: SlurmBed, user: str) -> list[str]:
    """The jobs of a user that have not ended."""
    return slurm.run("squeue", "--noheader", "--format=%i", f"--user={user}").stdout.split()


def submitted(faulty: FaultyCommands) -> str:
    """The job of a submission that was accepted, and whose answer was swallowed."""
    return str(wait_until(lambda: faulty.swallowed().strip(), "it is accepted", 20))


def test_a_submission_whose_answer_is_lost_is_found_and_not_repeated(
    hub: Hub, slurm: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    faulty_commands.hang_after("sbatch")
    hub.order(ALICE, lane="batch")
    assert job_of(hub, ALICE) == submitted(faulty_commands)
    assert len(faulty_commands.calls("sbatch")) == 1
    assert len(queued(slurm, ALICE)) == 1


def test_a_hub_that_is_killed_before_the_answer_finds_the_job_when_slurm_answers_again(
    hub: Hub, slurm: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    hub.order(BOB, lane="batch")
    others = job_of(hub, BOB)
    faulty_commands.hang_after("sbatch")
    hub.order(ALICE, lane="batch")
    job_id = submitted(faulty_commands)
    faulty_commands.fail("squeue", SILENT)
    hub.kill()
    hub.start()
    lines = (str(event["message"]) for event in progress(hub, ALICE))
    assert any("it is looked for" in line for line in lines), "what happens is told"
    assert hub.server(ALICE)["pending"] == "spawn"
    assert job_of(hub, BOB) == others, "who has a server is not concerned"
    faulty_commands.clear("squeue")
    assert job_of(hub, ALICE) == job_id
    assert queued(slurm, ALICE) == [job_id]


def test_a_start_that_is_given_up_while_slurm_is_silent_leaves_no_job(
    hub: Hub, slurm: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    faulty_commands.hang_after("sbatch")
    faulty_commands.fail("squeue", SILENT)
    hub.order(ALICE, lane="batch")
    job_id = submitted(faulty_commands)
    with hub.api as api:
        assert api.delete(f"/users/{ALICE}/server").is_success
    hub.wait_for_none(ALICE)
    hub.order(BOB, lane="batch")
    last = list(progress(hub, BOB))[-1]
    assert last["failed"]
    assert "sbatch did not answer" in last["message"]
    hub.wait_for_none(BOB)
    other = faulty_commands.swallowed().split()[-1]
    faulty_commands.clear("squeue")
    for left in (job_id, other):
        slurm.wait_for_job(left, "CANCELLED", timeout=PATIENCE)


def test_a_cancellation_that_slurm_has_not_taken_is_repeated_by_the_hub_that_comes_after(
    hub: Hub, slurm: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    hub.order(ALICE, lane="batch")
    hub.order(BOB, "second", lane="batch")
    first = job_of(hub, ALICE)
    wait_until(lambda: hub.servers(BOB)["second"]["ready"], "a named one runs", 60)
    second = str(hub.servers(BOB)["second"]["state"]["job_id"])
    faulty_commands.fail("scancel", SILENT)
    with hub.api as api:
        assert api.delete(f"/users/{ALICE}/server").is_success
        assert api.request("DELETE", f"/users/{BOB}/servers/second", json={"remove": True}).is_success
    wait_until(lambda: not hub.servers(ALICE) and not hub.servers(BOB), "the hub has stopped them", 30)
    hub.kill()
    faulty_commands.clear("scancel")
    assert [slurm.job(one)["JobState"] for one in (first, second)] == ["RUNNING", "RUNNING"]
    hub.start()
    for left in (first, second):
        slurm.wait_for_job(left, "CANCELLED", timeout=PATIENCE)
    hub.order(ALICE, lane="batch")
    other = job_of(hub, ALICE)
    hub.kill()
    hub.start()
    hub.wait_for_server(ALICE, 60)
    assert queued(slurm, ALICE) == [other], "what was cancelled is owed no more"


def test_a_job_that_slurm_has_forgotten_is_not_gone_before_the_accountings_word(
    hub: Hub, slurm: SlurmBed, faulty_commands: FaultyCommands
) -> None:
    hub.order(ALICE, lane="batch")
    job_of(hub, ALICE)
    faulty_commands.fail("sacct", NO_DATABASE)
    faulty_commands.fail("squeue", FORGOTTEN)
    faulty_commands.forget_calls()
    wait_until(lambda: len(faulty_commands.calls("sacct")) >= 3, "the accounting is asked", 60)
    assert hub.server(ALICE)["ready"]
    faulty_commands.clear("sacct")
    hub.wait_for_none(ALICE, 20)
