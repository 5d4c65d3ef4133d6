"""Each answer to "why?", produced on a real Slurm and held against what Slurm says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ihpc_jupyter.errors import InvalidRequest, NotFound
from ihpc_jupyter.explain.answer import explain
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.site import Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.model.why import Category, Explanation
from ihpc_jupyter.scheduler.base import EVIDENCE_REQUESTS
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.fold import Fold
from ihpc_jupyter.scheduler.slurm import Slurm
from ihpc_jupyter.scheduler.transport import Transport
from tests.asynchronous import run
from tests.slurmbed import SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm

LANES = {name: Lane(partition=name) for name in ("batch", "urgent", "spot")}
SITE = Site(name="bed", kind=SiteKind.SLURM, lanes=LANES, shapes={"s": Shape()}, polling=Polling(timeout=20))
WHOLE = ("--nodes=4", "--ntasks=4", "--cpus-per-task=4", "--mem=100M")
ONE = ("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--output=/dev/null")


@pytest.fixture
def slurm(fresh_slurm: SlurmBed) -> Iterator[SlurmBed]:
    """A queue without the jobs of other modules' tests."""
    yield fresh_slurm
    fresh_slurm.heal()
    fresh_slurm.cancel_all()


def asked(bed: SlurmBed, job_id: str) -> Explanation:
    """Our answer; it takes few requests."""

    async def ask() -> Explanation:
        slurm = Slurm(SITE, Transport(environment={**chosen_environment(), **bed.environment()}))
        try:
            answer = explain(await slurm.evidence(job_id))
            assert slurm.requests <= EVIDENCE_REQUESTS
            return answer
        finally:
            await slurm.close()

    return run(ask())


def waits_for(bed: SlurmBed, job_id: str, *beginnings: str) -> str:
    """Wait until Slurm itself names such a reason; its words."""

    def reached() -> str:
        job = bed.job(job_id)
        said = job.get("Reason", "")
        return said if job.get("JobState") == "PENDING" and said.startswith(beginnings) else ""

    return wait_until(reached, f"job {job_id} waits for {beginnings}", 40, bed.logs)


def agrees(bed: SlurmBed, job_id: str, category: Category) -> dict[str, str]:
    """The answer has Slurm's own code and that category; its facts by label, all of them read."""

    def steady() -> Explanation | None:
        """An answer during which Slurm did not change its mind."""
        before = bed.job(job_id)["Reason"]
        answer = asked(bed, job_id)
        return answer if bed.job(job_id)["Reason"] == before else None

    answer = wait_until(steady, f"Slurm stays with its reason for {job_id}")
    assert answer is not None
    assert answer.category is category, answer
    assert answer.code == bed.job(job_id)["Reason"].replace("_", " ")
    assert answer.sentence.endswith((".", ")"))
    assert answer.advice
    assert answer.commands[0] == f"scontrol show job {job_id}"
    return {fact.label: fact.value for fact in answer.facts if fact.read}


def test_resources(slurm: SlurmBed) -> None:
    slurm.fill("batch")
    job = slurm.submit(*ONE, "--partition=batch")
    waits_for(slurm, job, "Resources")
    facts = agrees(slurm, job, Category.RESOURCES)
    assert facts["free cores"] == "0 of 16"
    assert facts["nodes"] == "4 allocated"
    assert facts["jobs ahead"] == "0 jobs"
    assert facts["asks for"].startswith("4 cores, 1 node, 100 MiB")
    assert facts["where"].startswith("lane batch, partition batch")


def test_priority_counts_those_ahead(slurm: SlurmBed) -> None:
    slurm.fill("batch")
    first = slurm.submit(*WHOLE, "--partition=batch", "--output=/dev/null")
    array = slurm.submit(*ONE, "--partition=batch", "--array=0-6")
    job = slurm.submit(*ONE, "--partition=batch")
    waits_for(slurm, first, "Resources")
    waits_for(slurm, job, "Priority")
    facts = agrees(slurm, job, Category.PRIORITY)
    assert facts["jobs ahead"] == "8 jobs, asking for 44 cores on 11 nodes"
    fourth = agrees(slurm, f"{array}_3", Category.PRIORITY)
    assert fourth["jobs ahead"] == "4 jobs, asking for 28 cores on 7 nodes"


def test_what_is_not_read_is_said_to_be_so(slurm: SlurmBed) -> None:
    slurm.fill("batch")
    job = slurm.submit(*ONE, "--partition=batch")
    waits_for(slurm, job, "Resources")
    (unread,) = [fact for fact in asked(slurm, job).facts if not fact.read]  # no multifactor plugin here
    assert unread.label == "priority is made of"
    assert unread.value.startswith("not read: ")


def test_dependency(slurm: SlurmBed) -> None:
    first = slurm.submit(*ONE, "--partition=batch")
    job = slurm.submit(*ONE, "--partition=batch", f"--dependency=afterok:{first}")
    waits_for(slurm, job, "Dependency")
    slurm.wait_for_job(first, "RUNNING")
    facts = agrees(slurm, job, Category.DEPENDENCY)
    assert facts[f"job {first}"] == "RUNNING"
    assert f"job {first} (RUNNING)" in asked(slurm, job).sentence


def test_held(slurm: SlurmBed) -> None:
    job = slurm.submit(*ONE, "--partition=batch", "--hold")
    waits_for(slurm, job, "JobHeldUser")
    agrees(slurm, job, Category.HELD)
    advice = asked(slurm, job).advice
    assert advice == f"Release it: scontrol release {job}"
    slurm.run(*advice.partition(": ")[2].split())  # the advice is good
    slurm.wait_for_job(job, "RUNNING")


def test_begin_time(slurm: SlurmBed) -> None:
    job = slurm.submit(*ONE, "--partition=batch", "--begin=now+1hour")
    waits_for(slurm, job, "BeginTime")
    facts = agrees(slurm, job, Category.BEGIN_TIME)
    assert "may start from" in facts
    slurm.run(*asked(slurm, job).advice.partition(": ")[2].split())
    slurm.wait_for_job(job, "RUNNING")


@contextmanager
def reserved(bed: SlurmBed, start: str, *options: str) -> Iterator[None]:
    argv = ["scontrol", "create", "reservation", "reservationname=keep", f"starttime={start}", "duration=60"]
    bed.run(*argv, "users=root", "nodes=ALL", *options)
    try:
        yield
    finally:
        bed.cancel_all()
        bed.run("scontrol", "delete", "reservation=keep")


def test_maintenance(slurm: SlurmBed) -> None:
    with reserved(slurm, "now+5minutes", "flags=maint,ignore_jobs"):
        job = slurm.submit(*ONE, "--partition=batch", "--time=20")
        waits_for(slurm, job, "ReqNodeNotAvail,_Reserved")
        facts = agrees(slurm, job, Category.RESERVATION)
        assert facts["maintenance"].startswith("keep: ")
        answer = asked(slurm, job)
        assert "maintenance (keep)" in answer.sentence
        assert "Ask for less than" in answer.advice
        short = slurm.submit(*ONE, "--partition=batch", "--time=1")  # the advice is good
        slurm.wait_for_job(short, "RUNNING")


def test_a_reservation_that_has_not_begun(slurm: SlurmBed) -> None:
    with reserved(slurm, "now+10minutes", "flags=ignore_jobs"):
        job = slurm.submit(*ONE, "--partition=batch", "--reservation=keep")
        waits_for(slurm, job, "Reservation")
        assert agrees(slurm, job, Category.RESERVATION)["wants the reservation"] == "keep"


def test_node_down(slurm: SlurmBed) -> None:
    node = slurm.nodes[0]
    slurm.run("scontrol", "update", f"nodename={node}", "state=drain", "reason=bad disk | here")
    try:
        job = slurm.submit(*ONE, "--partition=batch", f"--nodelist={node}")
        waits_for(slurm, job, "ReqNodeNotAvail", "Nodes_required")
        facts = agrees(slurm, job, Category.NODE_DOWN)
        assert facts["out of order"] == f"{node} drained: bad disk | here"
        assert facts["insists on nodes"] == node
        assert asked(slurm, job).advice == "Ask without naming nodes."
    finally:
        slurm.run("scontrol", "update", f"nodename={node}", "state=resume")


def test_not_considered_yet(make_slurm: MakeSlurm) -> None:
    bed = make_slurm(nodes=1, scheduler="batch_sched_delay=60,sched_interval=60,bf_interval=60,defer")
    job = bed.submit(*ONE, "--partition=batch")
    answer = asked(bed, job)
    assert bed.job(job)["JobState"] == "PENDING"
    assert answer.category is Category.NOT_CONSIDERED, answer


def test_limit_of_a_qos(slurm_accounting: SlurmBed) -> None:
    bed = slurm_accounting
    bed.run("sacctmgr", "--immediate", "modify", "qos", "interactive", "set", "MaxTRESPerUser=cpu=4")
    try:
        ids = [bed.submit(*ONE, "--partition=interactive", "--qos=interactive", user="ihpc-alice") for _ in "ab"]
        bed.wait_for_job(ids[0], "RUNNING")
        waits_for(bed, ids[1], "QOSMaxCpuPerUserLimit")
        facts = agrees(bed, ids[1], Category.LIMIT)
        assert facts["QoS interactive: cores of one user"] == "4 allowed, 4 in use"
        assert "You already use all the cores" in asked(bed, ids[1]).sentence
    finally:
        bed.run("sacctmgr", "--immediate", "modify", "qos", "interactive", "set", "MaxTRESPerUser=cpu=-1")


def test_limit_of_an_account(slurm_accounting: SlurmBed) -> None:
    """Slurm's own word for it names neither QoS nor account at its beginning."""
    bed = slurm_accounting
    bed.run("sacctmgr", "--immediate", "modify", "qos", "interactive", "set", "MaxTRESPerAccount=cpu=4")
    try:
        ids = [bed.submit(*ONE, "--partition=interactive", "--qos=interactive", user="ihpc-alice") for _ in "ab"]
        bed.wait_for_job(ids[0], "RUNNING")
        waits_for(bed, ids[1], "MaxCpuPerAccount")
        facts = agrees(bed, ids[1], Category.LIMIT)
        assert facts["QoS interactive: cores of one account"] == "4 allowed, 4 in use"
        assert asked(bed, ids[1]).sentence.startswith("With this job the account would have more cores")
    finally:
        bed.run("sacctmgr", "--immediate", "modify", "qos", "interactive", "set", "MaxTRESPerAccount=cpu=-1")


def test_what_the_priority_is_made_of(slurm_accounting: SlurmBed) -> None:
    bed = slurm_accounting
    bed.fill("urgent")
    job = bed.submit(*ONE, *bed.lane_options("interactive"))
    waits_for(bed, job, "Resources")
    facts = agrees(bed, job, Category.RESOURCES)
    assert facts["priority"] == bed.job(job)["Priority"]
    assert "quality of service" in facts["priority is made of"]


def test_limit_of_an_array(slurm: SlurmBed) -> None:
    array = slurm.submit(*ONE, "--partition=batch", "--array=0-3%1")
    waits_for(slurm, f"{array}_2", "JobArrayTaskLimit")
    facts = agrees(slurm, f"{array}_2", Category.LIMIT)
    assert facts["jobs of this array at once, as it asks itself"] == "1 allowed"


def ended(bed: SlurmBed, job_id: str, state: JobState) -> Explanation:
    bed.wait_for_job(job_id, state.value, timeout=60)
    return asked(bed, job_id)


@pytest.mark.parametrize(("script", "sentence"), [
    ("exit 3", "It ended with exit code 3."),
    ("kill -9 $$", "It was killed by signal 9."),
])  # fmt: skip
def test_failed(slurm: SlurmBed, script: str, sentence: str) -> None:
    answer = ended(slurm, slurm.submit(*ONE, "--partition=batch", script=script), JobState.FAILED)
    assert (answer.category, answer.sentence) == (Category.FAILED, sentence)


def test_ending_is_not_yet_ended(slurm: SlurmBed, tmp_path: Path) -> None:
    """Slurm waits for a job that does not heed its signal."""
    deaf = tmp_path / "deaf"
    script = f"trap '' TERM; touch {deaf}; while :; do sleep 1; done"
    job = slurm.submit(*ONE, "--partition=batch", script=script)
    wait_until(deaf.exists, "it heeds no signal", 30)
    slurm.run("scancel", job)
    answer = ended(slurm, job, JobState.COMPLETING)
    assert answer.sentence == "It has ended; its nodes are being cleaned up."


def test_cancelled_and_by_whom(slurm_accounting: SlurmBed) -> None:
    bed = slurm_accounting
    mine = bed.submit(*ONE, *bed.lane_options("batch"), user="ihpc-alice")
    other = bed.submit(*ONE, *bed.lane_options("batch"), user="ihpc-alice")
    for job in (mine, other):
        bed.wait_for_job(job, "RUNNING")
    bed.run("scancel", mine, user="ihpc-alice")
    bed.run("scancel", other)
    for job, by in ((mine, "its owner"), (other, "user 0")):
        assert ended(bed, job, JobState.CANCELLED).category is Category.CANCELLED
        wait_until(lambda job=job, by=by: f"by {by}" in asked(bed, job).sentence, f"{by} is told", 30)  # type: ignore[misc]


def test_preempted_and_requeued(slurm: SlurmBed) -> None:
    victims = slurm.fill("spot")
    slurm.submit(*ONE, "--partition=urgent")
    victim = wait_until(
        lambda: next((id_ for id_ in victims if slurm.job(id_).get("Restarts") == "1"), ""), "one had to go", 30
    )
    waits_for(slurm, victim, "BeginTime", "Resources", "Priority", "None")
    answer = asked(slurm, victim)
    facts = {fact.label: fact.value for fact in answer.facts}
    assert facts["started before"] == "1 time"
    assert answer.category in {Category.BEGIN_TIME, Category.RESOURCES, Category.PRIORITY, Category.NOT_CONSIDERED}


def test_preempted_for_good(slurm: SlurmBed) -> None:
    victims = [slurm.submit(*ONE, "--partition=spot", "--no-requeue") for _ in slurm.nodes]
    for victim in victims:
        slurm.wait_for_job(victim, "RUNNING")
    slurm.submit(*ONE, "--partition=urgent")
    gone = wait_until(
        lambda: next((id_ for id_ in victims if slurm.job_state(id_) == "PREEMPTED"), ""), "one had to go", 40
    )
    answer = asked(slurm, gone)
    assert answer.category is Category.PREEMPTED
    assert {fact.label: fact.value for fact in answer.facts}["for whom it had to go"].startswith("not told")


def test_running_is_no_waiting(slurm: SlurmBed) -> None:
    job = slurm.submit(*ONE, "--partition=batch")
    slurm.wait_for_job(job, "RUNNING")
    answer = asked(slurm, job)
    assert answer.category is Category.RUNNING
    assert "time left" in {fact.label for fact in answer.facts}


def test_node_failure(make_slurm: MakeSlurm) -> None:
    bed = make_slurm(nodes=2, slurmd_timeout=5)
    job = bed.submit(*ONE, "--partition=batch", "--no-requeue")
    node = bed.wait_for_job(job, "RUNNING")["NodeList"]
    bed.kill_node(node)
    answer = ended(bed, job, JobState.NODE_FAIL)
    assert answer.category is Category.NODE_FAILURE
    assert node in answer.sentence


@pytest.mark.parametrize("bad", ["", "-u", "1;rm", "all", "1_[0-3]", "1 2"])
def test_what_is_no_id_never_reaches_slurm(slurm: SlurmBed, bad: str) -> None:
    with pytest.raises(InvalidRequest):
        asked(slurm, bad)


def test_a_job_that_nobody_knows(slurm: SlurmBed) -> None:
    with pytest.raises(NotFound):
        asked(slurm, "999999")


def test_everybodys_jobs_are_one_request_and_folded(slurm_accounting: SlurmBed) -> None:
    bed = slurm_accounting
    bed.submit(*ONE, *bed.lane_options("batch"), "--array=0-999%1", user="ihpc-bob")

    async def ask() -> tuple[int, list[tuple[str, int, str, str]]]:
        slurm = Slurm(SITE, Transport(environment={**chosen_environment(), **bed.environment()}))
        folds = await slurm.everybody()
        await slurm.close()
        return slurm.requests, [(one.job.user, one.count, one.elements, one.job.lane) for one in folds]

    def running() -> tuple[int, list[tuple[str, int, str, str]]] | None:
        requests, folds = run(ask())
        return (requests, folds) if len(folds) == 2 else None

    requests, folds = wait_until(running, "one of them runs", 30)  # type: ignore[misc]
    assert requests == 1
    assert ("ihpc-bob", 1, "", "batch") in folds
    assert ("ihpc-bob", 999, "1-999", "batch") in folds


def test_an_array_with_many_gaps_is_told_in_full(slurm: SlurmBed) -> None:
    indices = [number * number for number in range(31)]
    array = slurm.submit(*ONE, "--partition=batch", f"--array={','.join(map(str, indices))}%1")

    async def ask() -> list[Fold]:
        batch = Slurm(SITE, Transport(environment={**chosen_environment(), **slurm.environment()}))
        folds = await batch.everybody()
        await batch.close()
        return folds

    waiting = wait_until(lambda: [one for one in run(ask()) if one.count > 1], "the others wait", 30)
    (told,) = [one for one in waiting if one.job.id.startswith(f"{array}_")]
    assert told.count in {30, 31}  # before, or after the first has begun
    assert told.elements.endswith("784,841,900")
