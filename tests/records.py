"""Records and jobs for tests of the pure parts."""

from typing import Any

from ihpc_jupyter.cluster.naming import JobTag
from ihpc_jupyter.cluster.record import ClusterRecord, GroupRecord
from ihpc_jupyter.model.cluster import ClusterState, Environment
from ihpc_jupyter.model.head import HeadState, WorkerInfo
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Shape

UID = "0123456789"
NOW = 1_000_000.0


def record(target: int = 2, processes: int = 1, **changes: Any) -> ClusterRecord:
    """A running cluster with one group, `main`."""
    group = GroupRecord(
        lane="interactive", shape=Shape(cores=processes, processes=processes), time_limit=3600.0, target=target
    )
    made = ClusterRecord(
        name="demo", uid=UID, site="bed", state=ClusterState.RUNNING, created_at=NOW,
        environment=Environment(python="/usr/bin/python3"), groups={"main": group},
    )  # fmt: skip
    return made.model_copy(update=changes)


def job(number: int, state: JobState = JobState.RUNNING, submission: str = "abcdef", **fields: Any) -> Job:
    """A job of the group `main`, an element of array 7."""
    return Job(id=f"7_{number}", name=JobTag(UID, "main", submission).job_name, state=state, **fields)


def worker(number: int, process: int = 0, attempt: int = 0, **fields: Any) -> WorkerInfo:
    """A worker process of that job."""
    name = f"main:7_{number}:r0:p{process}.{attempt}"
    return WorkerInfo(name=name, group="main", job=f"7_{number}", host="127.0.0.1", **fields)


def head(*workers: WorkerInfo) -> HeadState:
    """What a head with these workers says."""
    return HeadState(at=NOW, address="tls://127.0.0.1:1", workers=workers)
