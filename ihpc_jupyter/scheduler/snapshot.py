"""The centre-wide snapshot of a batch system: what its writer publishes in a directory, for all users' readers.

All times are the directory's own (what its file system writes on a file that is touched), so hosts' clocks need
not agree: a question that began after a reader's mark was touched has the later time.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ihpc_jupyter.model.base import Line, Model, Name, Seconds, Time
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.scheduler.slurm_room import Reservation, Room

HEARTBEAT = 1.0
"""Seconds between two signs of life of the writer."""


class SharedRoom(Model):
    """What is free for everybody. *running*: jobs that run, by ``PARTITION|QOS``."""

    asked_at: Time
    cores: dict[str, Room]
    running: dict[str, int]
    reservations: tuple[Reservation, ...] = ()
    nodes: Nodes | None = None
    """None where they were never told."""
    cycles: Annotated[dict[str, Seconds], Field(default_factory=dict)]
    """How long the scheduler's last passes took, by kind."""


class SiteSnapshot(Model):
    """How the batch system is, and when it was asked: the file that is written last, with each answer.

    *asked_at*: when the last question that has ended began, 0 before the first; *failures*: questions since the
    last answer, *error*: why. *within*: seconds in which a reader that waits hears of the next question's outcome,
    *at_rest*: in which one that looks does.
    """

    version: Literal[1] = 1
    site: Name
    asked_at: Time = 0.0
    latency: Seconds = 0.0
    failures: Annotated[int, Field(ge=0)] = 0
    error: Line = ""
    within: Seconds = 30.0
    at_rest: Seconds = 40.0
    room: SharedRoom | None = None


class UserJobs(Model):
    """One user's jobs in the batch system's own words: written anew only when they change."""

    version: Literal[1] = 1
    uid: Annotated[int, Field(ge=0)]
    text: str


class SnapshotPaths:
    """What is where below the snapshot's directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.site = directory / "site.json"
        self.alive = directory / "alive"
        self.clock = directory / "clock"
        self.lock = directory / "lock"
        self.users = directory / "jobs"
        self.wanted = directory / "wanted"

    def jobs(self, uid: int) -> Path:
        """The file of one user's jobs."""
        return self.users / f"{uid}.json"
