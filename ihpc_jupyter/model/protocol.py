"""What agent and doors say to one another: a snapshot is the truth, a change is a hint."""

from typing import Literal

from ihpc_jupyter.model.base import Model, Name, Time
from ihpc_jupyter.model.cluster import ClusterView
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.run import RunView
from ihpc_jupyter.model.site import SiteStatus

API_VERSION = 5


class About(Model):
    """The agent, about itself."""

    version: str
    api: int
    pid: int
    host: str
    started_at: Time
    memory: int
    """Resident bytes."""
    cpu_seconds: float
    leaves: str
    """When it will go, in words."""


class Snapshot(Model):
    """Everything, at one revision."""

    revision: int
    at: Time
    sites: tuple[SiteStatus, ...]
    clusters: tuple[ClusterView, ...]
    runs: tuple[RunView, ...] = ()
    """Urgent runs, the latest first."""
    foreign: tuple[Job, ...] = ()
    """Jobs with our tag that belong to no cluster we know of: shown, never cancelled on a guess."""


class Here(Model):
    """The batch job that the reader's Jupyter server runs in, and ends with."""

    site: Name
    job: Job


class Change(Model):
    """This is now so. A client whose revision is not the one before fetches the snapshot.

    ``ping`` and ``here`` have the revision of the change before them; ``here`` without a job: none is known.
    """

    revision: int
    kind: Literal["snapshot", "cluster", "cluster-gone", "run", "run-gone", "site", "foreign", "here", "ping"]
    snapshot: Snapshot | None = None
    cluster: ClusterView | None = None
    run: RunView | None = None
    name: str | None = None
    site: SiteStatus | None = None
    foreign: tuple[Job, ...] | None = None
    here: Here | None = None


class Connection(Model):
    """How a Dask client of the same user reaches a cluster: *paths* of credentials, never their content."""

    address: str
    ca_file: str
    cert_file: str
    key_file: str
    dashboard_socket: str
    """A private socket on this host that leads to the head's pages."""


class Fault(Model):
    """An error on its way to a person."""

    error: str
    message: str
    hint: str = ""


class Check(Model):
    """One line of the doctor's report."""

    name: str
    outcome: Literal["ok", "warning", "failed", "not-checked"]
    text: str
    hint: str = ""


class Report(Model):
    """The doctor's report of one site."""

    site: str
    at: Time
    checks: tuple[Check, ...]


class LogTail(Model):
    """The end of a job's log, or what was written since."""

    job_id: str
    path: str
    text: str
    truncated: bool
    """Something before the text was left out."""
    start: int = 0
    """Where the text begins in the file, in bytes."""
    end: int = 0
    """Where it ends: what to ask for next stands behind it."""


class Script(Model):
    """The batch script of a group, and the command that submits it."""

    text: str
    command: str
