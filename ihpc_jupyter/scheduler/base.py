"""What a batch system is to the rest of the product: a handful of bulk operations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.site import Lane, Shape


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

    async def cancel(self, ids: Sequence[str]) -> None:
        """Cancel jobs in one request, waiting or running; ids that are gone already are no error."""

    async def query(self) -> list[Job]:
        """All jobs of this user that the batch system still tells of, lately ended ones included."""

    async def history(self, ids: Sequence[str]) -> list[Job]:
        """Jobs that `query` no longer tells of, from the accounting; an empty list where there is none."""

    async def offers(self) -> Offers:
        """Lanes, shapes and accounts."""

    async def test_only(self, submission: Submission) -> str:
        """What the batch system would say to this submission, without submitting; its words."""

    async def close(self) -> None:
        """Let go of what is held (connections, not jobs)."""
