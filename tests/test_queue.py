"""The queue through a real agent: mine without a request, everybody's in one, arrays folded, letting go."""

import json
import os
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from ihpc_jupyter.agent.here import read_here
from ihpc_jupyter.client.queue import rows
from ihpc_jupyter.errors import InvalidRequest, NotFound, Rejected
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.protocol import Change, LogTail
from ihpc_jupyter.model.queue import Belongs, Cancellation, Queue, QueueRow
from ihpc_jupyter.model.site import Health, SiteKind
from ihpc_jupyter.model.why import Category, Explanation
from ihpc_jupyter.scheduler.environment import own_job
from ihpc_jupyter.scheduler.fold import Fold, fold, shortened
from tests.lab_slurm import Workplace, workplace
from tests.slurmbed import SlurmBed
from tests.workplaces import ihpc
from tests.world import Agent, World, until

SITE = "/api/sites/bed/jobs"
ONE = ("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--output=/dev/null", "--partition=batch")


@pytest.fixture
def slurm(fresh_slurm: SlurmBed) -> Iterator[SlurmBed]:
    """A queue without the jobs of other modules' tests."""
    yield fresh_slurm
    fresh_slurm.heal()
    fresh_slurm.cancel_all()


def jobs(agent: Agent, query: str = "fresh=true") -> Queue:
    return Queue.model_validate_json(agent.request("GET", f"{SITE}?{query}"))


def mine(agent: Agent, array: str) -> tuple[QueueRow, ...]:
    return tuple(row for row in jobs(agent).rows if row.id.partition("_")[0] == array)


def requests(agent: Agent) -> int:
    site = json.loads(agent.request("GET", "/api/sites/bed"))
    return int(site["requests"])


def without_a_request(agent: Agent) -> Queue | None:
    """My jobs, where nobody asked the batch system meanwhile."""
    before = requests(agent)
    told = jobs(agent, "")
    return told if requests(agent) == before else None


def test_my_jobs_are_folded_and_cost_no_request(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    array = slurm.submit(*ONE, "--array=0-19", "--job-name=many")
    until(lambda: sum(row.state is JobState.RUNNING for row in jobs(agent).rows) == 4, "four of them run")
    # The watcher asks when it likes; between two of its questions any number of looks costs none.
    told = until(lambda: without_a_request(agent), "a look costs nothing", 10)
    (folded,) = [row for row in told.rows if row.count > 1 and row.id.startswith(f"{array}_")]
    assert (folded.count, folded.elements, folded.name) == (16, "4-19", "many")
    assert (folded.id, folded.cores, folded.nodes, folded.memory) == (f"{array}_4", 4, 1, 100 << 20)
    assert folded.state_text == "It waits in the queue."
    alive = {total.state: total.jobs for total in told.totals if total.state in {"PENDING", "RUNNING"}}
    assert alive == {"PENDING": 16, "RUNNING": 4}
    assert told.at is not None
    assert told.command == "squeue --me --all --states=all --long"
    singly = jobs(agent, f"array={array}")
    assert len(singly.rows) == 20
    assert all(row.count == 1 for row in singly.rows)
    running = next(row for row in told.rows if row.state is JobState.RUNNING)
    assert running.started_at is not None
    assert running.time_limit == 3600.0


def test_an_array_is_cancelled_whole_or_as_far_as_it_waits(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    array = slurm.submit(*ONE, "--array=0-9")
    until(lambda: sum(row.state is JobState.RUNNING for row in jobs(agent).rows) == 4, "four of them run")

    def let_go(query: str = "") -> int:
        return Cancellation.model_validate_json(agent.request("DELETE", f"{SITE}/{array}{query}")).jobs

    assert let_go("?waiting=true") == 6
    gone = {JobState.RUNNING, JobState.CANCELLED}
    until(lambda: {row.state for row in mine(agent, array)} == gone, "six are gone")
    cancelled = [row for row in mine(agent, array) if row.state is JobState.CANCELLED]
    assert {row.reason_text for row in cancelled} == {""}, "they do not wait for resources any more"
    one = f"{array}_0"
    assert Cancellation.model_validate_json(agent.request("DELETE", f"{SITE}/{one}")).jobs == 1
    assert let_go() == 4 or let_go() == 3  # the one may still be on its way out
    until(lambda: all(row.state.ended for row in mine(agent, array)), "all are gone")
    with pytest.raises(NotFound):
        let_go()


def test_a_clusters_job_is_not_cancelled_behind_its_back(world: World) -> None:
    agent = world.agent()
    agent.create("desk", 1)
    agent.working("desk", 1)
    (row,) = [row for row in jobs(agent).rows if row.belongs is Belongs.CLUSTER]
    assert row.owner == "desk"
    with pytest.raises(Rejected, match="belongs to cluster 'desk'") as refused:
        agent.request("DELETE", f"{SITE}/{row.id}")
    assert "ihpc scale desk" in refused.value.hint
    with pytest.raises(Rejected):
        agent.request("DELETE", f"{SITE}/{row.id.partition('_')[0]}")


def test_somebody_elses_job_is_seen_and_not_touched(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    theirs = slurm.submit(*ONE, user="ihpc-bob")
    slurm.wait_for_job(theirs, "RUNNING")
    own = slurm.submit(*ONE)
    until(lambda: any(row.id == own for row in jobs(agent).rows), "mine is seen")
    everybody = jobs(agent, "all=true")
    assert [(row.id, row.mine, row.user == "ihpc-bob") for row in everybody.rows if not row.state.ended] == [
        (own, True, False),
        (theirs, False, True),
    ]
    assert not any(row.id == theirs for row in jobs(agent).rows)
    before = len(world.commands.calls("squeue"))
    for _ in range(5):
        jobs(agent, "all=true")
    asked = [call for call in world.commands.calls("squeue")[before:] if "--me" not in call.args]
    assert asked == [], "kept for a while"
    with pytest.raises(NotFound):  # even where the agent's user could: not on a guess
        agent.request("DELETE", f"{SITE}/{theirs}")
    assert slurm.job_state(theirs) == "RUNNING"


def test_why_is_asked_once_for_all_who_ask(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    job = slurm.submit(*ONE, "--hold")
    answers = [Explanation.model_validate_json(agent.request("GET", f"{SITE}/{job}/why")) for _ in range(4)]
    assert {answer.category for answer in answers} == {Category.HELD}
    assert len([call for call in world.commands.calls("scontrol") if job in call.args]) == 1


@pytest.mark.parametrize(
    ("path", "error"),
    [("/x;rm/why", InvalidRequest), ("/999999/why", NotFound), ("?all=yes", InvalidRequest)],
)
def test_what_cannot_be_answered(world: World, path: str, error: type[Exception]) -> None:
    agent = world.agent()
    with pytest.raises(error):
        agent.request("GET", f"{SITE}{quote(path, safe='/?=')}")


def test_a_silent_site_keeps_what_it_said_with_its_age(world: World, slurm: SlurmBed) -> None:
    world.describe_site(timeout=1)
    agent = world.agent()
    job = slurm.submit(*ONE)
    until(lambda: any(row.id == job for row in jobs(agent).rows), "it is seen")
    at = jobs(agent, "").at
    slurm.freeze_controller()
    agent.create("desk", 0)  # somebody looks

    def told() -> Queue | None:
        queue = jobs(agent, "")
        return queue if queue.health == "unknown" else None

    silent = until(told, "the site is silent", 40)
    assert any(row.id == job for row in silent.rows)
    assert silent.at is not None
    assert at is not None
    assert silent.detail
    slurm.thaw_controller()


def test_a_log_is_read_from_where_it_was_read(world: World, slurm: SlurmBed, tmp_path: Path) -> None:
    agent, go = world.agent(), tmp_path / "go"
    script = f"printf 'f\\303\\274nf\\n'; while [ ! -e {go} ]; do sleep 0.1; done; echo more; exec sleep 600"
    job = slurm.submit("--array=3", f"--output={tmp_path}/a log %A-%a", "--partition=batch", script=script) + "_3"

    def log(after: str = "") -> LogTail | None:
        try:
            told = LogTail.model_validate_json(agent.request("GET", f"{SITE}/{job}/log{after}"))
        except NotFound:
            return None
        return told if told.text else None

    first = until(log, "it has said something")
    assert (first.text, first.start, first.end, first.truncated) == ("fünf\n", 0, 6, False)
    assert first.path == f"{tmp_path}/a log {job.replace('_', '-')}"
    before = requests(agent)
    go.touch()
    more = until(lambda: log(f"?after={first.end}"), "it has said more", 10)
    assert (more.text, more.start, more.end) == ("more\n", 6, 11)
    asked = [call for call in world.commands.calls("scontrol") if "show" in call.args and job in call.args]
    assert len(asked) == 1, "where it writes is asked for once"
    assert requests(agent) - before <= 15, "reading asks the batch system for nothing; the watcher does"
    (tmp_path / f"a log {job.replace('_', '-')}").write_text("x")
    anew = until(lambda: log(f"?after={more.end}"), "it was begun anew", 10)
    assert (anew.text, anew.start) == ("x", 0)


def test_a_log_that_is_no_file_or_not_mine_is_not_read(world: World, slurm: SlurmBed, tmp_path: Path) -> None:
    agent = world.agent()
    os.mkfifo(tmp_path / "pipe")
    open_end = os.open(tmp_path / "pipe", os.O_RDWR)
    job = slurm.submit(f"--output={tmp_path}/pipe", "--partition=batch")
    until(lambda: [row for row in jobs(agent).rows if row.id == job and row.state is JobState.RUNNING], "it runs")
    with pytest.raises(NotFound, match="no log"):
        agent.request("GET", f"{SITE}/{job}/log")
    with pytest.raises(NotFound, match="You have no job"):
        agent.request("GET", f"{SITE}/999999/log")
    os.close(open_end)


def here(agent: Agent, job: str) -> Generator[Change]:
    """What the agent's stream says to a server that runs in that job."""
    transport = httpx.HTTPTransport(uds=str(agent.socket))
    http = httpx.Client(transport=transport, base_url="http://agent", timeout=30)
    with http, http.stream("GET", f"/api/stream?here={job}") as answer:
        for line in answer.iter_lines():
            yield Change.model_validate_json(line)


def test_a_server_is_told_of_the_job_that_it_runs_in(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    job = slurm.submit("--time=30", "--partition=batch")
    slurm.wait_for_job(job, "RUNNING")
    stream = here(agent, f"slurm:{job}")
    first = next(stream)
    assert first.kind == "snapshot"
    told = next(change for change in stream if change.kind == "here")
    assert told.here is not None
    assert (told.here.site, told.here.job.id, told.here.job.lane) == ("bed", job, "batch")
    assert told.here.job.ends_at is not None
    assert 1500 < told.here.job.ends_at - time.time() <= 1800
    slurm.run("scontrol", "update", f"JobId={job}", "TimeLimit=10")
    ends = (change.here.job.ends_at for change in stream if change.here is not None)
    shorter = next(at for at in ends if at is not None and at != told.here.job.ends_at)
    assert shorter - time.time() <= 600
    stream.close()
    silent = here(agent, f"local:{job}")
    assert next(silent).kind == "snapshot"
    assert next(silent).kind != "here", "an id means something at its own batch system alone"
    silent.close()


def test_who_runs_in_which_job_is_read_from_the_environment() -> None:
    assert own_job({"SLURM_JOB_ID": "12"}) == (SiteKind.SLURM, "12")
    array = {"SLURM_JOB_ID": "14", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "2"}
    assert own_job(array) == (SiteKind.SLURM, "12_2")
    assert own_job({"IHPC_JOB_ID": "7"}) == (SiteKind.LOCAL, "7")
    assert own_job({"SLURM_CONF": "/etc/slurm.conf"}) is None
    for wrong in ("slurm", "pbs:1", "slurm:1;2", f"local:{'1' * 41}"):
        with pytest.raises(InvalidRequest):
            read_here(wrong)


def test_waiting_jobs_are_counted_in_the_sites_status(world: World, slurm: SlurmBed) -> None:
    agent = world.agent()
    slurm.submit(*ONE, "--array=0-9")
    until(lambda: sum(row.state is JobState.RUNNING for row in jobs(agent).rows) == 4, "four of them run")
    until(lambda: json.loads(agent.request("GET", "/api/sites/bed"))["waiting"] == 6, "six are counted")


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    with workplace() as made:
        yield made


def test_the_embedded_site_and_the_command_line(place: Workplace) -> None:
    made = ihpc(place, "create", "wide", "--workers", "30")
    assert made.returncode == 0, made.stderr

    def listed() -> "subprocess.CompletedProcess[str] | None":
        shown = ihpc(place, "jobs")
        return shown if "Waiting for enough free cores" in shown.stdout else None

    shown = until(listed, "some wait", 40)
    assert "cluster wide" in shown.stdout
    assert "PENDING" in shown.stderr
    waiting = next(line.split()[0] for line in shown.stdout.splitlines() if "Waiting for enough" in line)
    root, _, elements = waiting.partition("_")
    job = f"{root}_{elements.strip('[]').partition('-')[0].partition(',')[0]}"
    why = ihpc(place, "why", job, "--offers")
    assert why.returncode == 0, why.stderr
    assert "What would start when, submitted now, as local said" in why.stdout
    assert "half the time: start not told (Asks for 1 cores" in why.stdout
    assert "RESOURCES" in why.stdout.upper()
    assert "free cores: 0 of" in why.stdout
    assert ihpc(place, "why", "424242").returncode == 1
    refused = ihpc(place, "cancel", "local", job)
    assert refused.returncode == 1
    assert "belongs to cluster 'wide'" in refused.stderr
    ihpc(place, "stop", "wide")


def test_restarts_and_ends_are_told_in_a_terminal() -> None:
    def told(state: JobState, **more: int) -> dict[str, str]:
        row = QueueRow(id="7", name="a", state=state, state_text="", **more)
        heading, cells = rows(Queue(site="bed", everybody=False, at=1.0, health=Health.UP, rows=(row,)), 2.0)
        return dict(zip(heading, cells, strict=True))

    assert told(JobState.FAILED, exit_code=3)["exit"] == "3"
    assert told(JobState.FAILED, exit_code=-9)["exit"] == "signal 9"
    assert told(JobState.COMPLETED, exit_code=0)["exit"] == "0"
    running = told(JobState.RUNNING, exit_code=0, restarts=2)
    assert (running["exit"], running["restarts"]) == ("-", "2")
    assert told(JobState.PENDING)["restarts"] == "-"


def job(id_: str, state: JobState = JobState.PENDING, reason: str = "Priority") -> Job:
    return Job(id=id_, name="a", state=state, reason=reason)


def test_folding_keeps_what_differs() -> None:
    everyone = [
        job("7_0", JobState.RUNNING, ""),
        *(job(f"7_{n}") for n in (2, 3, 9)),
        job("7_5", reason="Other"),
        job("8"),
    ]
    assert [(one.job.id, one.count, one.elements) for one in fold(everyone)] == [
        ("7_0", 1, ""), ("7_2", 3, "2-3,9"), ("7_5", 1, ""), ("8", 1, ""),
    ]  # fmt: skip
    many = fold(job(f"7_{n}", JobState.RUNNING, "") for n in range(100_000))
    assert many == [Fold(job("7_0", JobState.RUNNING, ""), 100_000, "0-99999")]


def test_long_lists_of_elements_are_shortened() -> None:
    text = ",".join(str(number) for number in range(0, 2000, 2))
    assert len(shortened(text)) <= 122
    assert shortened(text).endswith(",…")
    assert shortened("1-5") == "1-5"
