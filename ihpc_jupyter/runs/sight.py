"""What is to be seen of a run at one moment: its mailbox, its jobs, the commands that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ihpc_jupyter.model.job import Job


@dataclass(frozen=True)
class CopySight:
    """One copy of an attempt. Times in seconds since 1970, by the node's clock.

    *silent*: seconds for which we have been looking without seeing its pulse grow; 0 before its first beat.
    """

    started_at: float | None = None
    running_at: float | None = None
    ended: bool = False
    host: str = ""
    job: str = ""
    silent: float = 0.0
    complaint: str = ""
    """Why it has no result, in its own words."""
    final: bool = False
    """Whether another attempt would have none, either."""


@dataclass(frozen=True)
class CommandSight:
    """The command that holds an attempt's job.

    *code*: None while it runs or is not known; minus a signal's number where that killed it. *refused*: the
    batch system's words where it did not take the job; *unanswered* where it did not answer.
    """

    known: bool = True
    code: int | None = None
    refused: str = ""
    unanswered: str = ""
    job_id: str | None = None


@dataclass(frozen=True)
class AttemptSight:
    """One attempt: its copies, its command, its jobs as the batch system last told."""

    copies: tuple[CopySight, ...] = ()
    command: CommandSight = CommandSight(known=False)
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True)
class ResultSight:
    """The head line of the result."""

    ok: bool
    attempt: int
    copy: int
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class RunSight:
    """Everything about one run. *answered_at*: when the batch system was asked what it last answered."""

    now: float
    result: ResultSight | None = None
    attempts: Mapping[int, AttemptSight] = field(default_factory=dict)
    answered_at: float | None = None
    room: bool = False
    """Whether the batch system tells more free cores than are asked for."""
