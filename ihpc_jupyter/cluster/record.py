"""What is kept of a cluster on disk: enough for any later agent to go on as if nothing had happened."""

from typing import Literal

from pydantic import Field

from ihpc_jupyter.model.base import Model, Name, Record, Time, Word
from ihpc_jupyter.model.cluster import Adapt, ClusterState, Environment, Note
from ihpc_jupyter.model.site import Shape

MAX_NOTES = 50


class Submission(Model):
    """One request to the batch system, written down before it is sent.

    `sending`: no answer yet (after a crash or a time-out: perhaps accepted); `accepted`: *job_id* is the
    array's id. Rejected ones are not kept.
    """

    id: str
    group: Name
    count: int
    sent_at: Time
    state: Literal["sending", "uncertain", "accepted"] = "sending"
    job_id: str | None = None
    absent_since: Time | None = None
    """When a query first answered without it; absent for good only after a second answer later."""

    def doubted(self, now: float) -> "Submission":
        """The same when nobody said whether it was accepted; only questions asked after *now* can tell."""
        return self.model_copy(update={"state": "uncertain", "sent_at": now})


class GroupRecord(Model):
    """A group as asked for, with everything resolved."""

    lane: Name
    shape: Shape
    time_limit: float
    target: int = 0
    adapt: Adapt | None = None


class ClusterRecord(Record):
    """A cluster as asked for, and what has been done about it."""

    name: Name
    uid: str
    site: Name
    state: ClusterState = ClusterState.STARTING
    account: Word | None = None
    environment: Environment
    placement: Literal["host", "job"] = "host"
    host: str | None = None
    """Address that a head on this host is reached at."""
    idle_timeout: float = 3600.0
    created_at: Time
    groups: dict[Name, GroupRecord]
    submissions: tuple[Submission, ...] = ()
    registered: tuple[str, ...] = ()
    """Jobs whose workers have been seen: a running job without workers is then lost, not starting."""
    abandoned: tuple[str, ...] = ()
    """Jobs given up (silent node, frozen worker) whose successors were asked for."""
    leaving: tuple[str, ...] = ()
    """Jobs told to go."""
    stopped_itself: bool = False
    """Its head closed after a long idle time: kept to be read until somebody forgets it."""
    core_seconds: dict[str, float] = Field(default={})
    """Core-seconds of each job so far, times the lane's cost factor."""
    notes: tuple[Note, ...] = ()

    @property
    def folder(self) -> str:
        """By name and identity, so that a name can be used again."""
        return f"{self.name}-{self.uid}"

    def noted(self, note: Note) -> "ClusterRecord":
        """The same with one more line in its diary, the oldest dropped."""
        return self.model_copy(update={"notes": (*self.notes, note)[-MAX_NOTES:]})

    def with_submission(self, submission: Submission) -> "ClusterRecord":
        """The same with this submission added or replaced (by id)."""
        others = tuple(s for s in self.submissions if s.id != submission.id)
        return self.model_copy(update={"submissions": (*others, submission)})

    def without_submission(self, submission_id: str) -> "ClusterRecord":
        """The same without this submission."""
        return self.model_copy(update={"submissions": tuple(s for s in self.submissions if s.id != submission_id)})


MAX_ACCOUNTED = 500
"""Jobs whose core-seconds are kept apart; of more, those that are gone become one sum."""
EARLIER = "earlier"
"""The key of that sum."""


def settled(core_seconds: dict[str, float], present: set[str]) -> dict[str, float]:
    """The same account, bounded: a cluster that lives for months has had very many jobs."""
    if len(core_seconds) <= MAX_ACCOUNTED:
        return core_seconds
    gone = {id_ for id_ in core_seconds if id_ not in present}
    kept = {id_: seconds for id_, seconds in core_seconds.items() if id_ not in gone}
    return {**kept, EARLIER: sum(core_seconds[id_] for id_ in gone)}
