"""Starts of jobs, clusters and runs: each once, none invented."""

from typing import Any

from ihpc_jupyter.metrics.starts import ClusterStarts, QueueStarts, still_waiting
from ihpc_jupyter.model.cluster import ClusterView
from ihpc_jupyter.model.job import Job, JobState


def job(id_: str, state: JobState, started: float | None = None, restarts: int = 0) -> Job:
    return Job(
        id=id_, name="x", state=state, lane="batch", submitted_at=100.0, started_at=started, restarts=restarts
    )


def test_a_start_is_told_once_even_after_the_agent_was_started_again() -> None:
    jobs = [job("1", JobState.RUNNING, 104.0), job("2", JobState.PENDING)]
    queue = QueueStarts()
    (start,) = queue.observe(jobs)
    assert (start.lane, start.wait, start.at, start.queued) == ("batch", 4.0, 104.0, None)
    assert queue.observe(jobs) == []
    assert QueueStarts(["1"]).observe(jobs) == []


def test_what_waits_is_counted_but_not_what_was_put_back() -> None:
    jobs = [job("1", JobState.PENDING), job("2", JobState.PENDING, restarts=1), job("3", JobState.RUNNING, 101.0)]
    assert still_waiting(jobs) == {("queue_wait", "batch"): [100.0], ("queue_hold", "batch"): [100.0]}


def test_a_wait_has_two_parts_where_the_batch_system_tells_them() -> None:
    held = job("1", JobState.PENDING)
    eligible = held.model_copy(update={"eligible_at": 103.0})
    assert still_waiting([eligible]) == {("queue_wait", "batch"): [100.0], ("queue_eligible", "batch"): [103.0]}
    started = eligible.model_copy(update={"state": JobState.RUNNING, "started_at": 104.0})
    (start,) = QueueStarts().observe([started])
    assert (start.wait, start.queued) == (4.0, 1.0)


def view(
    head: str, *, workers: int = 0, started: bool = True, tasks: int = 0, processing: int = 0, **more: Any
) -> ClusterView:
    jobs = {
        "id": "7", "group": "main", "state": "RUNNING" if started else "PENDING", "submitted_at": 103.0,
        "worker_state": "working" if workers else "pending", "workers": workers or 2,  # those that it will have
        "started_at": 110.0 if started else None,
    }  # fmt: skip
    group = {
        "name": "main", "lane": "batch", "shape": {}, "target": 1, "adapt": None, "maximum": 4,
        "time_limit": 60, "counts": {}, "jobs": [jobs],
    }  # fmt: skip
    return ClusterView.model_validate({
        "name": "demo", "uid": "u", "site": "hpc", "state": "running", "created_at": 100.0,
        "head": {"state": head, "started_at": 102.0 if head == "up" else None},
        "groups": {"main": group}, "load": {"tasks": tasks, "processing": processing}, **more,
    })  # fmt: skip


def test_a_beginning_is_told_by_stages() -> None:
    starts = ClusterStarts()
    assert starts.observe(view("starting"), 101.0) == []
    assert starts.observe(view("up"), 102.5) == [("head", 2.0)]
    assert starts.observe(view("up", tasks=3), 108.0) == []
    assert starts.observe(view("up", workers=1, tasks=3), 112.0) == [
        ("queue", 7.0), ("worker", 2.0), ("first-worker", 9.0)
    ]  # fmt: skip
    assert starts.observe(view("up", workers=1, tasks=3, processing=1), 113.0) == [("task", 5.0)]
    assert starts.observe(view("up"), 120.0) == []
    assert starts.observe(view("up", workers=1, tasks=1, processing=1), 121.0) == []


def test_a_worker_may_be_heard_before_the_batch_system_tells_its_jobs_start() -> None:
    starts = ClusterStarts()
    starts.observe(view("up", started=False), 104.0)
    assert starts.observe(view("up", started=False, workers=1), 112.0) == []
    assert starts.observe(view("up", workers=1), 113.0) == [("queue", 7.0), ("worker", 2.0), ("first-worker", 9.0)]
    assert starts.observe(view("up", workers=2), 114.0) == []


def test_a_cluster_that_was_there_before_us_tells_nothing() -> None:
    starts = ClusterStarts()
    assert starts.observe(view("up", workers=1, tasks=1, processing=1), 500.0) == []
    assert starts.observe(view("up", workers=1, tasks=1, processing=1), 501.0) == []


def test_another_hosts_cluster_is_that_hosts_to_measure() -> None:
    starts = ClusterStarts()
    starts.observe(view("starting", holder="elsewhere"), 101.0)
    assert starts.observe(view("up", holder="elsewhere", workers=1), 110.0) == []
