"""Cluster: what a person asks for (specs, patches) and what is so (views)."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ihpc_jupyter.model.base import Count, Model, Name, PathText, Seconds, Time, Word
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.site import Duration, Shape


class Adapt(Model):
    """Bounds between which a group follows its load, and how patiently."""

    minimum: Count = 0
    maximum: Count
    idle: Annotated[float, Field(ge=1, le=86400)] = 300.0
    """Seconds of less demand before workers are let go (queues are slow: minutes, not seconds)."""

    @model_validator(mode="after")
    def _ordered(self) -> "Adapt":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum ({self.minimum}) must not exceed maximum ({self.maximum})")
        return self


class GroupSpec(Model):
    """Workers of one kind: lane, shape, and how many there should be."""

    lane: Name | None = None
    shape: Name | Shape | None = None
    """A shape of the site by name, or one's own; the site's first when left out."""
    time_limit: Duration | None = None
    target: Count = 0
    adapt: Adapt | None = None


class Environment(Model):
    """The interpreter that head and workers run, and the directory they start in."""

    python: PathText
    directory: PathText | None = None


class CreateCluster(Model):
    """The request for a new cluster."""

    name: Name
    site: Name | None = None
    groups: dict[Name, GroupSpec] = Field(default={"main": GroupSpec()}, min_length=1, max_length=16)
    environment: Environment | None = None
    placement: Literal["host", "job"] | None = None
    account: Word | None = None
    idle_timeout: Annotated[float, Field(ge=10, le=30 * 86400)] = 3600.0
    """Seconds without any task (however many clients are connected) after which the cluster stops by itself."""


class PatchGroup(Model):
    """A change of one group: a fixed target, or bounds to follow the load (`adapt`); not both."""

    target: Count | None = None
    adapt: Adapt | None = None

    @model_validator(mode="after")
    def _one_of(self) -> "PatchGroup":
        if (self.target is None) == (self.adapt is None):
            raise ValueError("give either target (a number) or adapt (minimum and maximum)")
        return self


class PatchCluster(Model):
    """A change of a cluster: its groups by name."""

    groups: dict[Name, PatchGroup] = Field(min_length=1, max_length=16)


class ClusterState(StrEnum):
    """Where a cluster is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Counts(Model):
    """Workers by where they are. All numbers count worker processes."""

    requested: int = 0
    """Asked for, not yet confirmed by the batch system."""
    pending: int = 0
    """In the queue, also again after a preemption."""
    starting: int = 0
    """Their job runs, they have not registered yet."""
    working: int = 0
    """Registered with the Dask scheduler and heard from lately."""
    lost: int = 0
    """Were working, are silent or gone, not yet replaced."""


class WorkerState(StrEnum):
    """Which of the counts a job's workers are in."""

    REQUESTED = "requested"
    PENDING = "pending"
    STARTING = "starting"
    WORKING = "working"
    LOST = "lost"
    LEAVING = "leaving"


class JobView(Model):
    """A job of a group with what is known of its workers."""

    id: str
    group: Name
    state: JobState
    worker_state: WorkerState
    workers: int = 0
    replaced: int = 0
    """How often worker processes of the job had to be started again."""
    reason: str = ""
    reason_text: str = ""
    node: str = ""
    restarts: int = 0
    submitted_at: Time | None = None
    expected_start: Time | None = None
    started_at: Time | None = None
    ends_at: Time | None = None


class Problem(Model):
    """Something a person should know. *retry_at*: when we try again by ourselves."""

    message: str
    hint: str = ""
    since: Time
    retry_at: Time | None = None


class GroupView(Model):
    """A group as it is now."""

    name: Name
    lane: Name
    shape: Shape
    target: int
    adapt: Adapt | None = None
    maximum: int
    """The largest target that the lane allows this group."""
    time_limit: Seconds
    counts: Counts
    jobs: tuple[JobView, ...] = ()
    problem: Problem | None = None


class HeadView(Model):
    """The cluster's head: where, and how it is."""

    state: Literal["starting", "up", "unknown", "down"] = "starting"
    address: str | None = None
    placement: Literal["host", "job"] = "host"
    job_id: str | None = None
    started_at: Time | None = None


class Load(Model):
    """What the Dask scheduler says of work and memory. Bytes and counts."""

    tasks: int = 0
    processing: int = 0
    threads: int = 0
    memory: int = 0
    memory_limit: int = 0
    desired: int = 0
    clients: int = 0
    cpu: Seconds = 0.0
    """Cores that its workers keep busy."""
    round_trip: Seconds | None = None
    """Seconds of the median worker's heartbeat, there and back."""
    sent: int = 0
    """Bytes that workers have sent to one another and to clients since the head began."""


class Note(Model):
    """One line of a cluster's diary."""

    at: Time
    level: Literal["info", "warning", "error"] = "info"
    text: str


class ClusterView(Model):
    """A cluster as it is now: the whole truth a card shows."""

    name: Name
    uid: str
    site: Name
    state: ClusterState
    account: str | None = None
    python: str = ""
    created_at: Time
    head: HeadView
    groups: dict[Name, GroupView]
    load: Load = Load()
    notes: tuple[Note, ...] = ()
    problem: Problem | None = None
    holder: str | None = None
    """Host of the agent that looks after it, where that is not this one: shown read-only."""
    asked_at: Time | None = None
    """When the batch system last answered about its jobs."""
    silent: bool = False
    """Whether it was asked since and did not answer: jobs whose workers are not heard are as they were then."""
    core_hours: float = 0.0
    """Core-hours of its jobs so far, times the lane's cost factor."""
