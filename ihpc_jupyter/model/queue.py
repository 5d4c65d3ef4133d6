"""The queue as a person wants to see it: rows that stand for one job, or for an array's jobs that are alike."""

from enum import StrEnum

from ihpc_jupyter.model.base import Line, Model, Name, Time
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.site import Health


class Belongs(StrEnum):
    """To what of ours a job belongs, by its name's tag."""

    CLUSTER = "cluster"
    RUN = "run"
    NONE = "none"


class QueueRow(Job):
    """A job, or *count* jobs of one array in the same state for the same reason: then the first of them."""

    count: int = 1
    """Jobs that this row stands for; cores, memory, nodes and GPUs are those of one."""
    elements: str = ""
    """Their indices in the array, as the batch system writes them (``0-9,12``), shortened where long."""
    mine: bool = True
    belongs: Belongs = Belongs.NONE
    owner: str = ""
    """The cluster's name, or the run's id; empty where none of those known here has it."""
    state_text: str = ""
    """The state in a plain sentence."""
    reason_text: str = ""
    """The reason in a plain sentence; empty when none is given."""


class QueueTotal(Model):
    """Jobs and cores in one state, those of rows that were left out included."""

    state: str
    jobs: int
    cores: int


class Queue(Model):
    """A site's jobs. *at*: when the batch system said so; None where it never has."""

    site: Name
    everybody: bool
    at: Time | None
    silent: bool = False
    """Whether it was asked since and did not answer: what waited or ran at *at* may do so no more."""
    health: Health
    detail: Line = ""
    rows: tuple[QueueRow, ...] = ()
    totals: tuple[QueueTotal, ...] = ()
    left_out: int = 0
    """Rows that did not fit into the answer."""
    command: str = ""
    """What says the same in a terminal; empty where no command does."""


class Cancellation(Model):
    """How many jobs were asked to go."""

    jobs: int
