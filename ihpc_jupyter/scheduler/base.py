"""What a batch system is to the rest of the product: a handful of bulk operations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Lane, Shape
from ihpc_jupyter.model.why import Evidence
from ihpc_jupyter.scheduler.fold import Fold

EVIDENCE_REQUESTS = 7
"""Requests to the batch system for one question, at most."""


@dataclass(frozen=True)
class Submission:
    """A request for *count* equal jobs (one request to the batch system, whatever the count).

    *name* carries our tag, by which a submission whose answer got lost is found again. *array* asks for
    an array (ids ``ID_0`` … ``ID_{count-1}``); without it *count* is 1 and the id is plain. *log* is a
    path in which the batch system's own placeholders stand as ``{job}``. *cores* and *time_limit*
    (seconds) are what each job asks for; a script for a batch system with directives says so too.
    """

    name: str
    script: str
    lane: str
    count: int = 1
    array: bool = True
    log: str = ""
    cores: int = 1
    time_limit: float = 3600.0


@dataclass(frozen=True)
class Launch:
    """A job that the batch system is asked to start inside the request, and the shape of it.

    *script* is a file that the nodes see, run once for each of *copies* (on distinct nodes) or *tasks* (ranks),
    never both above 1. *log*: where each run's output goes, ``{copy}`` standing for its number; *said*: a file
    of this host for the words of the command that holds the job. *exclude*: nodes not to be used.
    """

    name: str
    script: Path
    lane: str
    shape: Shape
    log: str
    said: Path
    copies: int = 1
    tasks: int = 1
    time_limit: float = 3600.0
    account: str | None = None
    reservation: str | None = None
    exclude: tuple[str, ...] = ()

    @property
    def cores(self) -> int:
        """Cores of all copies or ranks."""
        return self.shape.cores * max(self.copies, self.tasks)


class Held(Protocol):
    """What holds a launched job: on Slurm the command that waits for it, on `local` nothing but the job."""

    @property
    def pid(self) -> int | None:
        """The command's process on this host, if there is one."""

    @property
    def job_id(self) -> str | None:
        """The job's id as soon as it has been told."""

    async def wait(self) -> int:
        """Until it has ended: what the job ended with, or minus the signal that killed the command itself.

        Raises `Rejected` with the batch system's words where it refused, `Unavailable` where it did not answer.
        """

    def stop(self) -> None:
        """Ask the command to give the job up; the job is cancelled besides."""


@dataclass(frozen=True)
class Capacity:
    """What is free, by lane, in cores."""

    free: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    """All cores of a lane, down ones included, where that is certain."""
    nodes: dict[str, int] = field(default_factory=dict)
    """All its nodes, the same."""
    reservations: dict[str, str] = field(default_factory=dict)
    """By lane: an active reservation that this user may use there."""


@dataclass(frozen=True)
class Offers:
    """What a batch system says of itself: lanes and shapes to propose, accounts of this user."""

    lanes: dict[str, Lane] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    default_account: str | None = None


class BatchSystem(Protocol):
    """One batch system. Every method is bounded in time.

    Raises `Rejected` with the batch system's own words when it refuses, `Unavailable` when it does not
    answer in time. After `Unavailable` a submission may have been accepted all the same.
    """

    @property
    def requests(self) -> int:
        """Requests made so far (each program started, each call over the network)."""

    async def submit(self, submission: Submission) -> str:
        """Ask for jobs in one request; the id of the job, or of the array."""

    async def launch(self, launch: Launch) -> Held:
        """Ask for a job so that it starts inside the request, where the system can; returns at once."""

    async def test_launch(self, launch: Launch) -> str:
        """What the batch system would say to this launch, without starting anything; its words."""

    async def expected_start(self, launch: Launch) -> tuple[float | None, str]:
        """When the batch system expects it to start (None where it does not tell), and its words."""

    async def capacity(self) -> Capacity:
        """What is free now, in one or two requests."""

    async def nodes(self) -> Nodes:
        """Every node, those that are alike as one, in one request; none where there are no nodes to tell of."""

    async def preemptible(self) -> dict[str, int]:
        """How many jobs run in each preemptible lane, everybody's as far as that is told, in one request."""

    async def cancel(self, ids: Sequence[str]) -> None:
        """Cancel jobs in one request, waiting or running; ids that are gone already are no error."""

    async def query(self) -> list[Job]:
        """All jobs of this user that the batch system still tells of, lately ended ones included."""

    async def history(self, ids: Sequence[str]) -> list[Job]:
        """Jobs that `query` no longer tells of, from the accounting; an empty list where there is none.

        Raises `Unavailable` where there is one that does not answer: that is no word on a job.
        """

    async def cycles(self) -> dict[str, float]:
        """Seconds of the scheduler's own last passes, by kind, in one request; none where that is not told."""

    async def sent_away(self, since: float, until: float) -> list[str]:
        """Ids of jobs in preemptible lanes, anybody's, that had to go between these moments, as far as is told."""

    async def account(self, since: float) -> list[Job]:
        """What the accounting tells of everybody's jobs (as far as it tells this user) that ran since then.

        Raises `Unavailable` where there is no accounting.
        """

    async def everybody(self) -> list[Fold]:
        """Everybody's jobs that have not ended, in one request, arrays folded."""

    async def evidence(self, job_id: str) -> Evidence:
        """What can be read about one job to answer "why?", in at most `EVIDENCE_REQUESTS` requests.

        Raises `NotFound` for a job that the batch system does not know.
        """

    def recollect(self, job: Job, asked_at: float, why: str) -> Evidence:
        """What *job*, as told at *asked_at*, says by itself; what else would be read is not, and *why*.

        Asks nobody.
        """

    async def log_path(self, job_id: str) -> str:
        """The file that a started job writes what it says into; empty where that is not told (any more)."""

    def listing(self, *, everybody: bool) -> str:
        """The command that shows a person the same jobs in a terminal; empty where there is none."""

    async def offers(self) -> Offers:
        """Lanes, shapes and accounts."""

    async def test_only(self, submission: Submission) -> str:
        """What the batch system would say to this submission, without submitting; its words."""

    async def close(self) -> None:
        """Let go of what is held (connections, not jobs)."""
