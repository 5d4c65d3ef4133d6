"""Ten servers and a hub that is killed; a start that goes on in another hub, seen and cancelled there."""

from collections.abc import Iterator

import pytest

from tests.hub.hub import Browser, Hub, progress
from tests.slurmbed import SlurmBed, wait_until

ALICE, BOB = "ihpc-alice", "ihpc-bob"


@pytest.fixture
def full(slurm: SlurmBed) -> Iterator[list[str]]:
    """Jobs that leave two cores of each node free."""
    blockers = [slurm.submit("--partition=urgent", "--nodes=1", "--cpus-per-task=2") for _ in range(4)]
    for blocker in blockers:
        slurm.wait_for_job(blocker, "RUNNING")
    yield blockers
    slurm.run("scancel", *blockers)


def jobs_of(hub: Hub, user: str) -> dict[str, str]:
    """The job of each of a user's servers, by the server's name."""
    return {name: str(server["state"].get("job_id", "")) for name, server in hub.servers(user).items()}


def ready(hub: Hub, user: str) -> int:
    """How many of a user's servers are."""
    return sum(one["ready"] for one in hub.servers(user).values())


def test_a_killed_hub_finds_five_that_run_and_five_that_wait(hub: Hub, slurm: SlurmBed, full: list[str]) -> None:
    names = [f"server{number}" for number in range(5)]
    for name in names:
        hub.order(ALICE, name, lane="batch")
    wait_until(lambda: ready(hub, ALICE) == 5, "five run", 40)
    for name in names:
        hub.order(BOB, name, lane="batch", shape="large")
    wait_until(lambda: len(list(filter(None, jobs_of(hub, BOB).values()))) == 5, "five wait", 40)
    before = {user: jobs_of(hub, user) for user in (ALICE, BOB)}
    hub.kill()
    hub.start()
    wait_until(lambda: ready(hub, ALICE) == 5, "five run again", 40)
    assert {user: jobs_of(hub, user) for user in (ALICE, BOB)} == before
    assert not any(one["ready"] for one in hub.servers(BOB).values())
    queue = slurm.run("squeue", "--noheader", "--format=%u %i %T", f"--user={ALICE},{BOB}").stdout.split("\n")
    expected = [f"{ALICE} {job} RUNNING" for job in before[ALICE].values()]
    expected += [f"{BOB} {job} PENDING" for job in before[BOB].values()]
    assert sorted(filter(None, queue)) == sorted(expected), "none doubled, none lost"
    slurm.run("scancel", *full, *before[ALICE].values())
    wait_until(lambda: not hub.servers(ALICE), "their ends are noticed", 30)
    wait_until(lambda: ready(hub, BOB) == 4, "one a node runs", 40)
    assert jobs_of(hub, BOB) == before[BOB]


def test_a_start_that_goes_on_after_a_restart_is_told_and_can_be_cancelled(hub: Hub, slurm: SlurmBed) -> None:
    blockers = [slurm.submit("--partition=urgent", "--nodes=1", "--cpus-per-task=3") for _ in range(4)]
    for blocker in blockers:
        slurm.wait_for_job(blocker, "RUNNING")
    first, second, dies = (waiting(hub, user, name) for user, name in ((ALICE, ""), (BOB, ""), (BOB, "dies")))
    jobs = {ALICE: first, BOB: second}
    hub.kill()
    hub.start()
    assert f"Job {jobs[BOB]} waits in lane batch" in until_told(hub, BOB, "number 2 in its queue")
    browser = Browser(hub, BOB)
    without_javascript = browser.get(f"/hub/spawn-pending/{BOB}").text.partition("<noscript>\n    <meta")[2]
    assert f"Job {jobs[BOB]} waits in lane batch" in without_javascript
    slurm.run("scancel", dies)
    cause = f"job {dies} was cancelled before the server was up"
    wait_until(lambda: cause in browser.get(f"/hub/spawn-pending/{BOB}/dies").text, "the page tells why", 20)
    slurm.freeze_controller()  # the cancellation takes its time
    try:
        with hub.api as api:
            assert api.delete(f"/users/{BOB}/server").is_success
        hub.wait_for_none(BOB)
    finally:
        slurm.thaw_controller()
    slurm.wait_for_job(jobs[BOB], "CANCELLED")
    slurm.run("scancel", *blockers)
    assert list(progress(hub, ALICE))[-1].get("ready"), "the page leads to the server"
    assert jobs_of(hub, ALICE) == {"": jobs[ALICE]}


def waiting(hub: Hub, user: str, name: str) -> str:
    """The job of a server that is ordered; it is in the queue before the next one comes."""
    hub.order(user, name, lane="batch", shape="large")
    return str(wait_until(lambda: jobs_of(hub, user).get(name), "the job is submitted", 30))


def until_told(hub: Hub, user: str, words: str) -> str:
    """All that a page has been told when it is told these words."""
    said = ""
    for event in progress(hub, user):
        said += f"{event['message']}\n"
        if words in said:
            return said
    raise AssertionError(said)
