"""What a cluster's head tells the agent: its workers, its load, what happened."""

from ihpc_jupyter.model.base import Model, Name, PathText, Time, Word
from ihpc_jupyter.model.cluster import Environment, Load, Note
from ihpc_jupyter.model.process import Process
from ihpc_jupyter.model.site import Shape, Site

SENT = "ihpc_sent"
"""What workers call the bytes that they have sent, among their metrics."""
LATENCY = "ihpc_latency"
"""What they call the seconds that a heartbeat takes there and back (smoothed by Dask over some ten seconds)."""


class WorkerInfo(Model):
    """A registered worker. *silent*: seconds since it, or the pulse of its job, was last heard."""

    name: str
    group: str
    job: str
    host: str
    leaving: bool = False
    silent: float = 0.0
    processing: int = 0
    memory: int = 0


class HeadState(Model):
    """Everything the head knows that somebody may want to see, at one moment."""

    at: Time
    address: str
    workers: tuple[WorkerInfo, ...] = ()
    load: Load = Load()
    idle_since: Time | None = None
    notes: tuple[Note, ...] = ()
    """Every note since the head started (bounded); the agent takes those it has not seen."""


class HeadFile(Model):
    """Where a head is to be found: written by the head in the spool, read by workers and agent."""

    address: str
    """Dask's address, ``tls://HOST:PORT``."""
    api: str
    """``https://HOST:PORT`` of its JSON API and dashboards (mutual TLS)."""
    process: Process
    started_at: Time
    job_id: str | None = None
    distributed: str
    python: str


class GroupOrder(Model):
    """What the head must know of a group to write its batch script."""

    lane: Name
    shape: Shape
    time_limit: float


class HeadOrder(Model):
    """What the agent asks of a head: written to the spool before the head starts."""

    uid: str
    name: Name
    site: Site
    account: Word | None = None
    environment: Environment
    host: str | None = None
    """Address to listen on; the host's own name when left out."""
    port: int = 0
    """Port of the head before this one, so that clients find the new one; 0 for any."""
    api_port: int = 0
    idle_timeout: float
    groups: dict[Name, GroupOrder]


class Jobs(Model):
    """What is said of jobs to the head: their workers are to go, are lost and to be dropped, or are alive."""

    jobs: tuple[str, ...]


class RunTask(Model):
    """An urgent run's attempt for the cluster's own workers. *let_go*: running tasks may be broken off for it;
    *wait*: it may be next where a task ends."""

    mailbox: PathText
    attempt: int
    let_go: bool = False
    wait: bool = False
