"""Queue waits as measured, beside what Slurm's own accounting says; jobs that wait are a lower bound."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from ihpc_jupyter.model.metrics import Responsiveness, SeriesView
from tests.slurmbed import FaultyCommands, SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.world import SITE, Agent, World, partition_down, until


@pytest.fixture
def accounted(make_slurm: MakeSlurm, faulty_commands: FaultyCommands) -> Iterator[World]:
    """A world on a bed whose accounting knows no other test's jobs."""
    with World(make_slurm(accounting=True), faulty_commands) as world:
        yield world


def waits(agent: Agent) -> SeriesView | None:
    told = Responsiveness.model_validate_json(agent.request("GET", "/api/responsiveness"))
    found = [one for one in told.series if (one.metric, one.labels.get("site")) == ("queue_wait", SITE)]
    return found[0] if found else None


def accounting(bed: SlurmBed) -> list[float]:
    """Seconds from submission to start of all jobs of ours that started, by the accounting itself."""
    said = bed.run(
        "sacct", "-X", "--noheader", "--parsable2", "--format=JobName,Submit,Start", "--starttime=now-1hours",
        env={"SLURM_TIME_FORMAT": "%s"},
    ).stdout  # fmt: skip
    rows = [line.split("|") for line in said.splitlines() if line.startswith("ihpc-")]
    return sorted(float(start) - float(submit) for _, submit, start in rows if start.isdigit())


def test_waits_agree_with_the_accounting_and_waiting_jobs_are_a_lower_bound(accounted: World) -> None:
    agent, bed = accounted.agent(), accounted.bed
    with partition_down(bed, "interactive"):
        agent.create("demo", 3)

        def waiting() -> SeriesView | None:
            one = waits(agent)
            median = one.lately.p50 if one else None
            return one if one and one.lately.waiting == 3 and median and median.value > 3 else None

        seen = until(waiting, "three wait for more than three seconds")
        assert seen.lately.p50 is not None
        assert seen.lately.p50.at_least
        assert seen.points == ()
    agent.working("demo", 3, 60)

    def started() -> SeriesView | None:
        one = waits(agent)
        return one if one and one.lately.waiting == 0 and one.lately.count == 3 else None

    done = until(started, "all have started")
    wait_until(lambda: len(accounting(bed)) == 3, "the accounting knows", 20)
    assert sorted(point.value for point in done.points) == accounting(bed)
    assert done.lately.p50 is not None
    assert not done.lately.p50.at_least
    assert done.lately.p50.value >= seen.lately.p50.value


def series(agent: Agent, metric: str) -> list[SeriesView]:
    told = Responsiveness.model_validate_json(agent.request("GET", "/api/responsiveness"))
    return [one for one in told.series if one.metric == metric and one.labels.get("site") == SITE]


def test_a_wait_is_told_in_its_parts_and_so_are_the_schedulers_passes(accounted: World) -> None:
    agent, bed = accounted.agent(), accounted.bed
    job = bed.submit(*bed.lane_options("batch"), "--ntasks=1", "--begin=now+3", "--output=/dev/null")
    told = bed.wait_for_job(job, "RUNNING")  # so the scheduler has passed over the queue before anybody looks

    def value(metric: str) -> list[float]:
        return [point.value for one in series(agent, metric) for point in one.points]

    held = until(lambda: value("queue_hold"), "it has started, and been held before")
    submitted, eligible = (datetime.fromisoformat(told[name]) for name in ("SubmitTime", "EligibleTime"))
    assert held[0] == (eligible - submitted).total_seconds()
    assert held[0] + value("queue_eligible")[0] == value("queue_wait")[0]
    passes = until(lambda: series(agent, "scheduler_cycle"), "what sdiag says")
    (main,) = [one for one in passes if one.labels["kind"] == "main"]
    assert 0 < main.points[-1].value < 10


def test_a_clusters_beginning_is_told_by_stages(accounted: World) -> None:
    agent = accounted.agent()
    agent.create("demo", 2)
    agent.working("demo", 2, 60)

    def stages() -> dict[str, float]:
        return {one.labels["stage"]: one.points[0].value for one in series(agent, "cluster_start") if one.points}

    told = until(lambda: told if len(told := stages()) >= 4 else None, "the first worker is told of")
    assert set(told) == {"head", "queue", "worker", "first-worker"}
    assert told["first-worker"] == pytest.approx(told["queue"] + told["worker"])
    assert 0 < told["first-worker"] < 60
