"""Queue waits by lane, learnt from what the batch system tells."""

from ihpc_jupyter.agent.waits import REMEMBERED, Waits
from ihpc_jupyter.model.job import Job, JobState


def job(id_: str, wait: float | None, lane: str = "interactive", restarts: int = 0) -> Job:
    state = JobState.PENDING if wait is None else JobState.RUNNING
    started = None if wait is None else 1000.0 + wait
    return Job(
        id=id_, name="x", state=state, lane=lane, submitted_at=1000.0, started_at=started, restarts=restarts
    )


def test_each_start_counts_once_and_by_lane() -> None:
    waits = Waits()
    waits.observe([job("1", None), job("2", 4.0)])
    waits.observe([job("1", 2.0), job("2", 4.0), job("3", 6.0, "urgent")])
    waits.observe([job("1", 2.0), job("2", 4.0), job("3", 6.0, "urgent")])
    told = waits.by_lane()
    assert (told["interactive"].median, told["interactive"].p95, told["interactive"].count) == (2.0, 4.0, 2)
    assert (told["urgent"].median, told["urgent"].count) == (6.0, 1)


def test_percentiles_are_by_nearest_rank() -> None:
    waits = Waits()
    waits.observe([job(str(number), float(number)) for number in range(1, 101)])
    told = waits.by_lane()["interactive"]
    assert (told.median, told.p95, told.count) == (50.0, 95.0, 100)


def test_a_requeued_job_is_left_out_and_memory_is_bounded() -> None:
    waits = Waits()
    waits.observe([job("1", 900.0, restarts=1)])
    assert waits.by_lane() == {}
    for start in range(0, 1000, 100):
        waits.observe([job(str(start + number), 1.0) for number in range(100)])
    assert waits.by_lane()["interactive"].count == REMEMBERED
