"""The two names by which things find one another: the job's (our tag) and the worker's."""

import re
import secrets
from dataclasses import dataclass
from functools import lru_cache

TAG = "ihpc"
_JOB_NAME = re.compile(rf"\A{TAG}-(?P<uid>[0-9a-f]{{10}})-(?P<group>[a-z0-9-]+)-(?P<submission>[0-9a-f]{{6}})\Z")
_WORKER_NAME = re.compile(
    r"\A(?P<group>[a-z0-9-]+):(?P<job>[\w.]+):r(?P<restarts>\d+):p(?P<process>\d+)\.(?P<attempt>\d+)\Z"
)

HEAD_GROUP = "head"
"""The group under which a head's own job is named; no group of workers may be called so."""


def new_uid() -> str:
    """A cluster's identity: ten hexadecimal digits, never used again."""
    return secrets.token_hex(5)


def new_submission_id() -> str:
    """A submission's identity: six hexadecimal digits."""
    return secrets.token_hex(3)


@dataclass(frozen=True)
class JobTag:
    """What a job's name says: its cluster, group and submission."""

    uid: str
    group: str
    submission: str

    @property
    def job_name(self) -> str:
        """The name that the batch system shows; it survives lost answers, restarts and accounting."""
        return f"{TAG}-{self.uid}-{self.group}-{self.submission}"


@lru_cache(maxsize=1024)  # thousands of jobs of one array have one name
def parse_job_name(name: str) -> JobTag | None:
    """The tag in a job's name, or None for a job that is not ours."""
    match = _JOB_NAME.match(name)
    return JobTag(**match.groupdict()) if match else None


def run_group(attempt: int) -> str:
    """The group under which an attempt of an urgent run is named."""
    return f"run{attempt}"


def parse_run(name: str) -> tuple[str, str] | None:
    """Run and attempt in a job's name, or None for a job of something else."""
    tag = parse_job_name(name)
    match = re.fullmatch(r"run(\d{1,4})", tag.group) if tag else None
    return (tag.uid, match[1]) if tag and match else None


@dataclass(frozen=True)
class WorkerName:
    """A worker process: the job it lives in, which of its processes, and how often job and process started.

    The counts make every name new: Dask refuses a name that it still remembers.
    """

    group: str
    job: str
    restarts: int
    process: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.group}:{self.job}:r{self.restarts}:p{self.process}.{self.attempt}"


def parse_worker_name(name: str) -> WorkerName | None:
    """The parts of a worker's name, or None for a worker that somebody else connected."""
    match = _WORKER_NAME.match(name)
    if match is None:
        return None
    return WorkerName(
        match["group"], match["job"], int(match["restarts"]), int(match["process"]), int(match["attempt"])
    )
