"""Run: one urgent execution under a contract: its order, its plan, its attempts, what it cost."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ihpc_jupyter.model.base import Count, Line, Model, Name, Seconds, Time, Word
from ihpc_jupyter.model.cluster import Environment, Problem
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.site import Duration, Shape

Copies = Annotated[int, Field(strict=True, ge=1, le=16)]
"""Redundant executions of one run, on distinct nodes."""

Tasks = Annotated[int, Field(strict=True, ge=1, le=4096)]
"""Ranks of a parallel program."""

CoreHours = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""Cores times hours, times the lane's cost factor."""


class Kind(StrEnum):
    """What a run executes."""

    CELL = "cell"
    CALL = "call"
    SCRIPT = "script"


class WayKind(StrEnum):
    """A way to start, from the cheapest to others to the dearest."""

    IDLE_WORKERS = "idle-workers"
    OWN_WORKERS = "own-workers"
    RESERVATION = "reservation"
    ALLOCATION = "allocation"
    PREEMPTION = "preemption"
    OTHER_SITE = "other-site"


class RunOrder(Model):
    """The request for a run. Nothing is submitted before its payload lies in the mailbox and it is started."""

    kind: Kind = Kind.CELL
    title: Line = ""
    """What people see of it: the first line of the cell."""
    site: Name | None = None
    lane: Name | None = None
    cluster: Name | None = None
    """An own cluster whose workers may take it; a fresh allocation where none is named or idle."""
    shape: Name | Shape | None = None
    account: Word | None = None
    script: Annotated[str, Field(max_length=1 << 19)] | None = None
    """For a script: its text. The agent then writes the payload itself, and the run only has to be started."""
    interpreter: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./+-]{1,200}$")] = "bash"
    """What runs the script: a program's name or path."""
    tasks: Tasks = 1
    copies: Copies = 1
    workers: Count = 0
    """Workers of a cluster that whoever orders makes beside it: they count in plan, price and budget."""
    deadline: Duration | None = None
    """Seconds from now within which the answer is needed."""
    time_limit: Duration | None = None
    budget: CoreHours | None = None
    """The run may cost at most so much."""
    reason: Line = ""
    """Why it is urgent: kept in the ledger."""
    preempt: bool = True
    """Whether other people's preemptible jobs may have to give way."""
    let_go: bool = False
    """Whether running tasks of the own cluster may be broken off (and run again) to make room."""
    go_on: bool = False
    """Whether a late answer is still wanted after the deadline."""
    environment: Environment | None = None

    @model_validator(mode="after")
    def _script_of_a_script(self) -> "RunOrder":
        if self.script is not None and self.kind is not Kind.SCRIPT:
            raise ValueError("script goes with kind script; other payloads are written into the mailbox")
        if self.script is not None and not self.script.strip():
            raise ValueError("the script is empty")
        return self


class Estimate(Model):
    """Seconds until the start, from earlier starts of the same kind: with how many it rests on."""

    p50: Seconds
    p95: Seconds
    count: int


class Way(Model):
    """One way to start, as it looks now."""

    kind: WayKind
    possible: bool
    name: Line = ""
    """Of what is used: the cluster, the reservation."""
    why: Line = ""
    """In words: why it is not possible, or what it does."""
    lane: Name | None = None
    start: Estimate | None = None
    """None: nothing is known."""
    price: CoreHours = 0.0
    """At most, if the whole time limit is used."""
    disturbs: Line = ""
    """Whom it disturbs, in words; empty: nobody."""
    chance: Annotated[float, Field(ge=0, le=1)] | None = None
    """Chance to start early enough for the deadline; None: no deadline, or nothing is known."""


class Plan(Model):
    """What would happen, before it does."""

    at: Time
    ways: tuple[Way, ...]
    chosen: WayKind | None = None
    why: Line = ""
    otherwise: WayKind | None = None
    """What comes next where the idle workers that were chosen have got work meanwhile."""


class RunState(StrEnum):
    """Where a run is in its life, in this order; the last five are its ends."""

    PLANNED = "planned"
    SUBMITTED = "submitted"
    QUEUED = "queued"
    ALLOCATED = "allocated"
    STARTED = "started"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The user's code raised, or ended with an error: that is an answer, too."""
    MISSED = "missed"
    """The deadline passed without an answer."""
    CANCELLED = "cancelled"
    LOST = "lost"
    """It could not be run: refused, or every attempt was lost."""

    @property
    def ended(self) -> bool:
        """Nothing more will happen."""
        return self in _ENDS


_ENDS = {RunState.SUCCEEDED, RunState.FAILED, RunState.MISSED, RunState.CANCELLED, RunState.LOST}


class Attempt(Model):
    """One try of a run: where, when, why, outcome, cost. All its copies together."""

    number: int
    way: WayKind
    name: str
    """The job's name at the batch system: it carries run and attempt."""
    why: Line = ""
    """Why this one was made: the first, or what happened to the one before."""
    job_id: str | None = None
    nodes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Nodes on which an earlier attempt was lost."""
    submitted_at: Time
    allocated_at: Time | None = None
    started_at: Time | None = None
    """The first copy's driver began."""
    running_at: Time | None = None
    """The first line of the user's code."""
    ended_at: Time | None = None
    outcome: Literal["won", "answered", "lost", "unanswered", "refused", "cancelled", "preempted"] | None = None
    detail: str = ""
    preempted: tuple[str, ...] = ()
    """Jobs that had to go for it, as far as the site tells."""
    core_seconds: Seconds = 0.0
    """Cores held, times the seconds they were held."""
    accounted: bool = False
    """Whether the batch system's own accounting says so; else it is our own clock."""


class RunView(Model):
    """A run as it is now: what a card and the stage line show."""

    id: str
    kind: Kind
    title: Line
    site: Name
    lane: Name
    cluster: Name | None = None
    account: str | None = None
    shape: Shape
    tasks: int = 1
    copies: int = 1
    state: RunState
    reason: str = ""
    """Why it waits, in plain words."""
    plan: Plan
    attempts: tuple[Attempt, ...] = ()
    stages: dict[str, Time] = Field(default={})
    """When each state was reached (the last attempt's)."""
    created_at: Time
    deadline_at: Time | None = None
    budget: CoreHours | None = None
    urgency: Line = ""
    """The user's own reason."""
    problem: Problem | None = None
    mailbox: str
    """The directory of payload, output and result."""
    settled: bool = False
    """Whether nothing of it is left at the batch system, and what it cost is known: it can be forgotten."""
    winner: int | None = None
    """Number of the attempt whose result won."""
    seconds: Seconds | None = None
    """How long the user's code ran."""
    core_hours: CoreHours = 0.0
    """So far, times the lane's cost factor."""
    wasted_core_hours: CoreHours = 0.0
    """Of these, what lost attempts and losing copies used."""
    holder: str | None = None


class Ledger(Model):
    """The user's runs, the latest first."""

    runs: tuple[RunView, ...]


class AuditRow(Model):
    """One attempt as the batch system's accounting tells it."""

    run: str
    attempt: int
    user: str
    account: str
    lane: str
    job_id: str
    state: JobState
    submitted_at: Time | None = None
    waited: Seconds | None = None
    core_seconds: float = 0.0
    node: str = ""


class Audit(Model):
    """The urgent runs of everybody (as far as the accounting tells), and where the caller's own ledger differs."""

    site: Name
    since: Time
    rows: tuple[AuditRow, ...]
    differences: tuple[str, ...] = ()


class Policy(Model):
    """Commands by which the batch system itself enforces the lanes."""

    site: Name
    text: str
