"""Why a job waits, or ended: what was read about it, and what that means."""

from enum import StrEnum

from pydantic import Field

from ihpc_jupyter.model.base import Model, Time
from ihpc_jupyter.model.job import Job, JobState


class Category(StrEnum):
    """The kinds of answers."""

    RESOURCES = "resources"
    PRIORITY = "priority"
    LIMIT = "limit"
    DEPENDENCY = "dependency"
    HELD = "held"
    RESERVATION = "reservation"
    NODE_DOWN = "node-down"
    BEGIN_TIME = "begin-time"
    NOT_CONSIDERED = "not-considered"
    RUNNING = "running"
    COMPLETED = "completed"
    PREEMPTED = "preempted"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    OUT_OF_MEMORY = "out-of-memory"
    CANCELLED = "cancelled"
    NODE_FAILURE = "node-failure"
    UNKNOWN = "unknown"


class Ahead(Model):
    """Jobs that may start and come before this one in its partition, with what they ask for together."""

    jobs: int
    cores: int
    nodes: int
    elsewhere: int = 0
    """Waiting jobs in other partitions; whether they want the same nodes is not told."""


class Room(Model):
    """The nodes that the job may run on."""

    states: dict[str, int]
    """Nodes by state, in the batch system's words."""
    free_cores: int
    all_cores: int
    out: tuple[str, ...] = ()
    """Nodes that are down or drained, each with the reason that its staff gave."""


class Limit(Model):
    """A limit that holds for the job; *used* None where it bounds one job, or is not told."""

    name: str
    allowed: str
    used: str | None = None

    @property
    def full(self) -> bool:
        """Whether nothing is left of it."""
        numbers = self.allowed.isdigit() and (self.used or "").isdigit()
        return numbers and int(self.used or 0) >= int(self.allowed)


class Booking(Model):
    """A reservation."""

    name: str
    active: bool
    starts_at: Time | None = None
    ends_at: Time | None = None
    nodes: str = ""
    maintenance: bool = False
    mine: bool = False


class Evidence(Model):
    """What was read about one job, with one look. What is None was not asked for, or stands in *unread*."""

    job: Job
    category: Category
    """What the batch system's own code for the reason, or the state, says."""
    reason_text: str = ""
    asked_at: Time
    eligible_at: Time | None = None
    considered_at: Time | None = None
    priority: int | None = None
    dependency: str = ""
    dependency_states: dict[str, JobState] | None = None
    reservation: str = ""
    wanted_nodes: str = ""
    ahead: Ahead | None = None
    room: Room | None = None
    limits: tuple[Limit, ...] | None = None
    factors: dict[str, float] | None = None
    """What the priority is made of."""
    bookings: tuple[Booking, ...] | None = None
    peak_memory: int | None = None
    """Bytes, as far as the accounting measured them."""
    cancelled_by: str = ""
    unread: dict[str, str] = Field(default={})
    """What could not be read, and why."""
    silence: str = ""
    """Why the batch system does not answer now: then this is what was so at *asked_at*. Empty where it does."""
    commands: tuple[str, ...] = ()
    """What says the same in a terminal."""


class Fact(Model):
    """One piece of evidence; *read* False: it could not be read, and *value* says why."""

    label: str
    value: str
    read: bool = True


class Explanation(Model):
    """The answer to "why?" about one job."""

    job: Job
    category: Category
    sentence: str
    facts: tuple[Fact, ...]
    advice: str
    code: str
    """The batch system's own code; its state's word where it gives none."""
    at: Time
    """When the batch system was asked what this rests on."""
    silence: str = ""
    """Why it does not answer now: then this is what was so at *at*. Empty where it does."""
    commands: tuple[str, ...] = ()
    offers: bool = False
    """Whether another shape or lane might start sooner: "what would start sooner?" is a question then."""
