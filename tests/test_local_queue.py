"""The order of the `local` site's queue: who starts, who goes, who waits for what. Pure."""

from ihpc_jupyter.scheduler.local_queue import LocalJob, next_moves


def job(job_id: str, priority: int = 10, cores: int = 1, **more: object) -> LocalJob:
    values = {
        "id": job_id, "name": "x", "lane": "l", "priority": priority, "preemptible": False, "grace": 0.0,
        "cores": cores, "time_limit": 1.0, "script": "s", "log": "", "submitted_at": 0.0,
    }  # fmt: skip
    return LocalJob.model_validate({**values, **more})


def test_a_wide_job_is_not_overtaken_for_ever() -> None:
    jobs = [job("a", cores=2, pid=1, state="RUNNING"), job("wide", cores=4), job("narrow")]
    assert next_moves(jobs, 4) == ([], [], {"wide": "Resources", "narrow": "Priority"})


def test_only_as_many_are_preempted_as_are_needed_the_youngest_first() -> None:
    jobs = [
        job(str(number), 1, pid=number, begun=float(number), preemptible=True, state="RUNNING")
        for number in (1, 2, 3, 4)
    ]
    jobs.append(job("urgent", 100, cores=2))
    assert next_moves(jobs, 4)[1] == ["4", "3"]
    assert next_moves([*jobs, job("5", 100, cores=3)], 5)[1] == ["4"]
    assert next_moves([*jobs[:3], job("urgent", 100, cores=5)], 4)[1] == [], "nobody goes for what never fits"
