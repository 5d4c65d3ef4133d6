"""What would start sooner: the scheduler is asked about few ways, and its word is what is told."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.agent.elsewhere import PATIENCE
from ihpc_jupyter.client.queue import offers_lines
from ihpc_jupyter.errors import InvalidRequest, NotFound, Rejected
from ihpc_jupyter.explain.neighbours import MOST, Option, at_site, neighbours, request_of, shape_matters
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.offer import StartOffer, StartOffers
from ihpc_jupyter.model.site import Lane, Shape, Site, SiteKind
from ihpc_jupyter.model.why import Category
from ihpc_jupyter.scheduler.slurm_evidence import read_start
from tests.slurmbed import SlurmBed
from tests.world import Agent, Stopwatch, World, until

SITE = Site(
    name="x",
    kind=SiteKind.SLURM,
    lanes={
        "batch": Lane(),
        "small": Lane(max_workers=2),
        "spot": Lane(preemptible=True, cost_factor=0.5),
        **{f"more{number}": Lane() for number in range(5)},
    },
    shapes={"s": Shape()},
)


def offers(agent: Agent, **request: object) -> StartOffers:
    return StartOffers.model_validate_json(agent.request("POST", "/api/sites/bed/offers", request))


def test_the_schedulers_own_word_on_each_way(world: World, slurm: SlurmBed) -> None:
    for _ in slurm.nodes[:2]:
        job = slurm.submit("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--time=30", "--partition=batch")
        slurm.wait_for_job(job, "RUNNING")
    agent = world.agent()
    told = offers(agent, lane="batch", shape={"cores": 4, "memory": "100MiB"}, workers=4, time_limit=600)
    here = [offer for offer in told.offers if offer.site == "bed"]
    assert 1 < len(here) <= MOST
    asked = told.offers[0]
    half = next(offer for offer in told.offers if offer.what == "half the workers")
    assert asked.expected_start is not None
    assert half.expected_start is not None
    assert asked.expected_start > time.time() + 1000, "two nodes are taken for half an hour"
    assert half.expected_start < time.time() + 60, "two are free"
    assert asked.price == pytest.approx(4 * 4 * 600 / 3600)
    assert half.price == pytest.approx(asked.price / 2)
    assert "to start at" in asked.told
    calls = [call for call in world.commands.calls("srun") if "--test-only" in call.args]
    assert len(calls) == len(here)
    again = offers(agent, lane="batch", shape={"cores": 4, "memory": "100MiB"}, workers=4, time_limit=600)
    assert again == told
    assert len([call for call in world.commands.calls("srun") if "--test-only" in call.args]) == len(calls)


def test_a_waiting_job_is_offered_what_would_start_sooner(world: World, slurm: SlurmBed) -> None:
    for _ in slurm.nodes[:-1]:
        running = slurm.submit("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--time=30", "--partition=batch")
        slurm.wait_for_job(running, "RUNNING")
    wide = (f"--nodes={len(slurm.nodes)}", "--ntasks-per-node=1", "--cpus-per-task=4", "--mem=100M", "--time=10")
    waits = slurm.submit(*wide, "--partition=batch")
    agent = world.agent()
    told = until(lambda: offered(agent, waits), "the watcher knows it")
    asked = told.offers[0]
    assert (asked.workers, asked.shape.cores, asked.lane) == (len(slurm.nodes), 4, "batch")
    assert asked.time_limit == 600
    assert asked.expected_start is not None
    half = next(offer for offer in told.offers if offer.what == "half the workers")
    assert half.expected_start is not None
    lines = offers_lines(told, time.time())
    assert len(lines) == len(told.offers) + 1
    assert all(" core-" in line for line in lines[1:])
    with pytest.raises(Rejected, match="does not wait"):
        agent.request("GET", f"/api/sites/bed/jobs/{running}/offers")
    with pytest.raises(NotFound):
        agent.request("GET", "/api/sites/bed/jobs/424242/offers")


def test_what_no_shape_or_lane_would_help_is_not_asked_about(world: World, slurm: SlurmBed) -> None:
    one = ("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--partition=batch", "--output=/dev/null")
    held = slurm.submit(*one, "--hold")
    after = slurm.submit(*one, f"--dependency=afterok:{held}")
    later = slurm.submit(*one, "--begin=now+1hour")
    some = slurm.submit(*one, "--array=0-2%1")
    slurm.wait_for_job(f"{some}_0", "RUNNING")
    agent = world.agent()

    def reason(job: str) -> str:
        rows = json.loads(agent.request("GET", "/api/sites/bed/jobs?fresh=true"))["rows"]
        return next((str(row["reason"]) for row in rows if row["id"].partition("_")[0] == job), "")

    until(lambda: reason(after) == "Dependency", "the watcher knows them")
    for job, why in (
        (held, "held by you"),
        (after, "waiting for another job"),
        (later, "the job may not start before"),
    ):
        with pytest.raises(Rejected, match=f"No other shape or lane would start job {job} sooner: {why}"):
            agent.request("GET", f"/api/sites/bed/jobs/{job}/offers")
    until(lambda: throttled(agent, some), "Slurm has looked at the array's other jobs")
    for job in (held, after, later):
        told = json.loads(agent.request("GET", f"/api/sites/bed/jobs/{job}/why"))
        assert told["offers"] is False


def throttled(agent: Agent, array: str) -> bool:
    """Whether that is said of an array whose jobs wait because others of it run."""
    agent.request("GET", "/api/sites/bed/jobs?fresh=true")
    try:
        agent.request("GET", f"/api/sites/bed/jobs/{array}/offers")
    except Rejected as error:
        return "as many jobs of the array run as it allows itself" in error.message
    return False


@pytest.mark.parametrize(("reason", "category", "restarts", "matters"), [
    ("Resources", Category.RESOURCES, 0, True),
    ("QOSMaxCpuPerUserLimit", Category.LIMIT, 0, True),
    ("BeginTime", Category.BEGIN_TIME, 0, False),
    ("BeginTime", Category.BEGIN_TIME, 1, True),
    ("JobHeldUser", Category.HELD, 0, False),
    ("Dependency", Category.DEPENDENCY, 0, False),
    ("JobArrayTaskLimit", Category.LIMIT, 0, False),
])  # fmt: skip
def test_whether_a_shape_matters(reason: str, category: Category, restarts: int, matters: bool) -> None:
    job = Job(id="1", name="a", state=JobState.PENDING, reason=reason, restarts=restarts)
    assert shape_matters(job, category) is matters
    assert not shape_matters(job.model_copy(update={"state": JobState.RUNNING}), category)


def test_another_site_is_asked_once_and_may_be_sooner(world: World, slurm: SlurmBed) -> None:
    slurm.fill("batch")
    waits = slurm.submit("--ntasks=1", "--cpus-per-task=1", "--mem=100M", "--time=10", "--partition=batch")
    agent = world.agent()
    told = until(lambda: offered(agent, waits), "the watcher knows it")
    other = told.offers[-1]
    assert (other.site, other.lane, other.what) == ("local", "batch", "site local, lane batch")
    assert {offer.site for offer in told.offers[:-1]} == {"bed"}
    assert other.expected_start == pytest.approx(time.time(), abs=30)
    line = offers_lines(told, time.time())[-1]
    assert "; site local, lane batch, 1 x 1 core, 100M" in line
    assert "; sooner by " in line


def test_a_site_that_is_silent_holds_up_nobody_and_is_said_to_be(world: World, slurm: SlurmBed) -> None:
    world.describe_site(timeout=20)
    agent = world.agent()
    until(lambda: json.loads(agent.request("GET", "/api/sites/bed"))["health"] == "up", "it answers")
    world.commands.slow("srun", PATIENCE + 4)
    watch = Stopwatch()
    told = elsewhere(agent, cores=1)
    watch.within(PATIENCE + 3, "the answer of those that do answer")
    assert told.offers[0].expected_start is not None
    assert (told.offers[-1].site, told.offers[-1].expected_start) == ("bed", None)
    assert told.offers[-1].told == "bed has not answered within 5 s."
    answered = until(lambda: last_start(agent), "it has answered, for the next who asks", 30)
    assert answered < time.time() + 60
    assert len([call for call in world.commands.calls("srun") if "--test-only" in call.args]) == 1
    world.commands.clear("srun")
    world.commands.fail("squeue", "Unable to contact slurm controller (connect failure)")
    agent.create("desk", 0)  # somebody looks
    silent = until(lambda: unasked(elsewhere(agent, cores=1, workers=2)), "it is known to be silent", 40)
    assert silent.told.startswith("Not asked. Site bed does not answer")


def elsewhere(agent: Agent, workers: int = 1, **shape: object) -> StartOffers:
    request = {"lane": "batch", "shape": {"memory": "100MiB", **shape}, "workers": workers, "time_limit": 600}
    return StartOffers.model_validate_json(agent.request("POST", "/api/sites/local/offers", request))


def last_start(agent: Agent) -> float | None:
    return elsewhere(agent, cores=1).offers[-1].expected_start


def unasked(told: StartOffers) -> StartOffer | None:
    last = told.offers[-1]
    return last if last.told.startswith("Not asked") else None


def test_at_another_site_the_same_lane_is_meant_or_the_usual_one_and_only_where_it_allows_it() -> None:
    asked = Option("as asked", "small", Shape(), 2, 3600)

    def lane(name: str, workers: int, *lanes: str) -> str | None:
        found = at_site(replace(asked, lane=name, workers=workers), SITE, lanes or tuple(SITE.lanes))
        return found.lane if found else None

    assert lane("small", 2) == "small"
    assert lane("small", 3) == "batch"
    assert lane("elsewhere", 1) == "batch"
    assert lane("elsewhere", 1, "spot", "more1") == "more1", "what may be preempted comes last"
    assert lane("elsewhere", 9, "small") is None
    spot = at_site(asked, SITE, ["spot"])
    assert spot is not None
    assert spot.what == "site x, lane spot, which may be preempted"


def offered(agent: Agent, job: str) -> StartOffers | None:
    try:
        return StartOffers.model_validate_json(agent.request("GET", f"/api/sites/bed/jobs/{job}/offers"))
    except NotFound:
        return None


def test_a_job_is_asked_about_as_one_worker_a_node() -> None:
    job = Job(id="1", name="a", state=JobState.PENDING, lane="batch", cores=10, nodes=4, memory=10 << 20, gpus=3)
    request = request_of(job)
    assert request.workers == 4
    assert request.shape == Shape(cores=3, memory=(5 << 20) // 2, gpus=1)
    tiny = request_of(Job(id="1", name="a", state=JobState.PENDING, cores=1, nodes=3, memory=1000, time_limit=0))
    assert (tiny.shape, tiny.time_limit) == (Shape(memory=1 << 20), None)
    untold = request_of(Job(id="1", name="a", state=JobState.PENDING))
    assert (untold.workers, untold.shape) == (1, Shape())


def test_what_is_sooner_is_said_and_what_is_not_told_is_not_made_up() -> None:
    def offer(what: str, start: float | None, told: str = "") -> StartOffer:
        return StartOffer(
            what=what, site="bed", lane="batch", shape=Shape(), workers=1, time_limit=600, expected_start=start,
            price=1.5, told=told,
        )  # fmt: skip

    now = time.time()
    ways = (offer("as asked", now + 900), offer("half", now + 60), offer("lane x", None, "no such account"))
    _, asked, half, unknown = offers_lines(StartOffers(site="bed", at=now, offers=ways), now)
    assert "sooner" not in asked
    assert "; sooner by 14 min" in half
    assert "start not told (no such account)" in unknown
    itself = StartOffers(site="bed", at=now, offers=ways, job_start=now + 100)
    assert not any("sooner" in line for line in offers_lines(itself, now)), "the job itself starts as soon"


def test_what_can_never_start_is_unknown_in_slurms_words(world: World) -> None:
    told = offers(world.agent(), lane="batch", shape={"cores": 4, "memory": "100MiB"}, workers=40)
    assert told.offers[0].expected_start is None
    assert "not available" in told.offers[0].told


def test_a_wrong_question(world: World) -> None:
    agent = world.agent()
    with pytest.raises(NotFound):
        offers(agent, lane="nowhere")
    with pytest.raises(InvalidRequest):
        offers(agent, workers=0)


def test_neighbours_are_smaller_or_elsewhere_where_they_are_allowed() -> None:
    found = neighbours(Option("as asked", "batch", Shape(), 8, 3600), SITE)
    assert [option.what for option in found] == [
        "as asked", "half the time", "half the workers", "half the workers for half the time",
        "lane spot, which may be preempted", "lane more0",
    ]  # fmt: skip
    assert found[4].price(SITE) == pytest.approx(4.0)
    assert [option.what for option in neighbours(Option("as asked", "small", Shape(), 1, 60), SITE)][
        1
    ] == "lane batch"


@given(st.integers(1, 10_000), st.floats(1, 86400), st.sampled_from(sorted(SITE.lanes)))
def test_there_are_never_many_and_none_is_larger(workers: int, seconds: float, lane: str) -> None:
    asked = Option("as asked", lane, Shape(), workers, seconds)
    found = neighbours(asked, SITE)
    assert found[0] == asked
    assert len(found) <= MOST
    assert all(1 <= option.workers <= workers and option.time_limit <= seconds for option in found)
    assert len({(option.lane, option.workers, option.time_limit) for option in found}) == len(found)


@pytest.mark.parametrize("words", ["", "Requested node configuration is not available", "to start at noon"])
def test_no_moment_is_made_up(words: str) -> None:
    assert read_start(words) == (None, words)


def test_the_moment_is_told_as_a_person_reads_it() -> None:
    at, told = read_start("Job 12 to start at 1795363054 using 16 processors on alpha[1-4]")
    assert at == 1795363054
    before, clock, after = told.partition("2026-11-2")
    read, _, rest = f"{clock}{after}".partition(" using ")
    assert (before, rest) == ("Job 12 to start at ", "16 processors on alpha[1-4]")
    assert time.mktime(time.strptime(read, "%Y-%m-%d %H:%M:%S")) == at
