"""A real Slurm falls silent and comes back: what each door says meanwhile, how soon, and what it says after."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.offer import StartOffers
from ihpc_jupyter.model.protocol import Report
from ihpc_jupyter.model.queue import Queue
from ihpc_jupyter.model.why import Category, Explanation
from tests.lab_slurm import workplace
from tests.notebook import notebook
from tests.slurmbed import SlurmBed, wait_until
from tests.workplaces import ihpc
from tests.world import Agent, Stopwatch, World, until

JOBS = "/api/sites/bed/jobs"
WHOLE = ("--nodes=1", "--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--output=/dev/null", "--partition=batch")
SOON = 1.0
"""Seconds in which a known silence is answered, with room for a busy machine."""


@pytest.fixture
def slurm(fresh_slurm: SlurmBed) -> Iterator[SlurmBed]:
    yield fresh_slurm
    fresh_slurm.heal()
    fresh_slurm.cancel_all()


def jobs(agent: Agent, query: str = "") -> Queue:
    return Queue.model_validate_json(agent.request("GET", f"{JOBS}?{query}"))


def why(agent: Agent, job: str) -> Explanation:
    return Explanation.model_validate_json(agent.request("GET", f"{JOBS}/{job}/why"))


def offers(agent: Agent, job: str) -> StartOffers:
    return StartOffers.model_validate_json(agent.request("GET", f"{JOBS}/{job}/offers"))


def is_silent(agent: Agent) -> bool:
    site = json.loads(agent.request("GET", "/api/sites/bed"))
    return bool(site["silent"]) and site["health"] == "unknown"


def test_what_is_told_while_it_is_silent_and_after(world: World, slurm: SlurmBed) -> None:
    world.describe_site(timeout=1)
    agent = world.agent()
    running = [slurm.submit(*WHOLE) for _ in slurm.nodes]
    for job in running:
        slurm.wait_for_job(job, "RUNNING")
    asked, unasked = slurm.submit(*WHOLE), slurm.submit(*WHOLE)
    until(lambda: any(row.id == unasked for row in jobs(agent, "fresh=true").rows), "they are seen")
    agent.create("desk", 1)
    until(lambda: waiting_job(agent) is JobState.PENDING, "the cluster's job waits, too")
    before, offered = why(agent, asked), offers(agent, asked)
    assert before.category in {Category.RESOURCES, Category.PRIORITY, Category.NODE_DOWN}
    slurm.freeze_controller()
    until(lambda: is_silent(agent), "it is known to be silent", 40)
    told = jobs(agent)
    assert told.silent
    assert told.at is not None
    assert waiting_job(agent) is JobState.PENDING
    assert {row.state for row in told.rows if row.owner == "desk"} == {JobState.PENDING}, "the pane says the same"
    view = agent.view("desk")
    assert (view.silent, view.asked_at) == (True, told.at)
    watch = Stopwatch()
    kept = why(agent, asked)
    watch.within(SOON, "the explanation that was given before")
    assert "does not answer" in kept.silence
    assert kept.sentence.startswith("When last heard (")
    assert kept.at <= told.at + 5
    watch = Stopwatch()
    seen = why(agent, unasked)
    watch.within(SOON, "one made of what the watcher saw last")
    assert (seen.at, seen.job.state) == (told.at, JobState.PENDING)
    assert any(not fact.read for fact in seen.facts)
    watch = Stopwatch()
    last = offers(agent, asked)
    watch.within(SOON, "the last offers")
    assert (last.at, last.offers) == (offered.at, offered.offers)
    assert "does not answer" in last.silence
    for path in (f"{JOBS}/987654/why", f"{JOBS}?fresh=true", f"{JOBS}?all=true", f"{JOBS}/{running[0]}/log"):
        watch = Stopwatch()
        with pytest.raises(Unavailable, match="does not answer"):
            agent.request("GET", path)
        watch.within(SOON, path)
    slurm.thaw_controller()
    again = until(lambda: None if (told := why(agent, asked)).silence else told, "it answers again", 20)
    assert again.at > before.at
    assert not until(lambda: None if (told := offers(agent, asked)).silence else told, "so do offers", 20).silence
    until(lambda: not jobs(agent, "fresh=true").silent, "and the queue", 20)


def waiting_job(agent: Agent) -> JobState | None:
    """The state of the cluster's only job, as its card tells it."""
    return next((job.state for job in agent.jobs("desk").values()), None)


def test_nobody_needs_to_look_for_a_silence_to_be_over(world: World, slurm: SlurmBed) -> None:
    """Without a Lab and without clusters nobody asks meanwhile: whoever asks next is told what is so."""
    world.describe_site(timeout=1)
    agent = world.agent()
    job = slurm.submit(*WHOLE)
    until(lambda: any(row.id == job for row in jobs(agent, "fresh=true").rows), "it is seen")
    slurm.freeze_controller()

    def noticed() -> bool:
        with pytest.raises(Unavailable):
            agent.request("GET", f"{JOBS}?fresh=true")
        return is_silent(agent)

    wait_until(noticed, "it is known to be silent", 40)
    slurm.thaw_controller()
    slurm.wait_for_job(job, "RUNNING")
    fresh = until(lambda: jobs(agent, "fresh=true"), "the next who asks", 5)
    assert {row.state for row in fresh.rows if row.id == job} == {JobState.RUNNING}
    assert not fresh.silent


def test_the_doctor_leaves_no_job_with_a_silent_slurm(world: World, slurm: SlurmBed) -> None:
    world.describe_site(timeout=1)
    agent = world.agent()
    slurm.freeze_controller()
    report = Report.model_validate_json(agent.request("POST", "/api/sites/bed/check"))
    outcomes = {check.name: check.outcome for check in report.checks}
    assert outcomes["batch system answers"] == "failed"
    assert outcomes["a job on a node"] == outcomes["lanes"] == "not-checked"
    assert world.commands.calls("sbatch") == []
    slurm.thaw_controller()


def test_why_without_an_id_takes_the_job_that_waits(slurm: SlurmBed, tmp_path: Path) -> None:
    with workplace(slurm) as place, notebook(place.environment, tmp_path) as book:
        assert book.cell("%load_ext ihpc_jupyter").error is None
        nothing = book.cell("%why").error or ""
        assert "There are no runs yet, and no job of yours waits. %why ID explains any job" in nothing
        held = slurm.submit(*WHOLE, "--hold")
        told = book.cell("%why")
        assert told.error is None, told.traceback
        assert told.stdout.startswith(f"Job {held} (")
        assert "Held by you" in told.stdout
        other = slurm.submit(*WHOLE, "--hold")
        several = book.cell("%why").error or ""
        assert re.search(rf"several of your jobs wait: ({held}, {other}|{other}, {held})\.", several)
        slurm.freeze_controller()

        def last_word() -> bool:
            told = book.cell(f"%why {held}")
            assert told.error is None, told.traceback
            assert told.stdout.startswith(f"Job {held} (")
            return "PENDING when last heard, " in told.stdout

        wait_until(last_word, "what was read before it fell silent holds no longer", 20)
        terminal = ihpc(place, "why", held)
        assert terminal.returncode == 0
        assert "PENDING when last heard, " in terminal.stdout
        slurm.thaw_controller()
