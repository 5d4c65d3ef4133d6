"""Site, Lane and Shape: what a computing centre offers, as its staff or we ourselves describe it."""

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from ihpc_jupyter.model.base import Count, Line, Model, Name, PathText, Seconds, Time, Word

_UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_memory(value: object) -> object:
    """Bytes of ``"2GiB"``, ``"500 MB"`` or a plain number (bytes). Units are powers of 1024, as in Slurm."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", value, flags=re.IGNORECASE)
    if match is None:
        raise ValueError("write memory as a number and a unit, for example 2GiB or 500MiB")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def parse_duration(value: object) -> object:
    """Seconds of ``"90s"``, ``"4h"``, ``"1:30:00"``, ``"1-12:00:00"`` (as Slurm writes them) or a number."""
    if not isinstance(value, str):
        return value
    if match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", value):
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    if match := re.fullmatch(r"\s*(?:(\d+)-)?(\d+):(\d{2})(?::(\d{2}))?\s*", value):
        days, first, second, third = (int(part) if part else 0 for part in match.groups())
        if match[4] is None and match[1] is None:
            return first * 60 + second
        return days * 86400 + first * 3600 + second * 60 + third
    raise ValueError("write a duration like 90s, 30m, 4h, 2d or 1:30:00")


Memory = Annotated[int, BeforeValidator(parse_memory), Field(ge=1 << 20, le=1 << 50)]
Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=366 * 86400, allow_inf_nan=False)]


class Shape(Model):
    """What one job of a worker group asks for, and how many worker processes share it."""

    cores: Annotated[int, Field(strict=True, ge=1, le=4096)] = 1
    memory: Memory = 1 << 30
    gpus: Annotated[int, Field(strict=True, ge=0, le=64)] = 0
    processes: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    """Worker processes in the job; cores and memory are divided evenly."""

    @model_validator(mode="after")
    def _cores_for_all(self) -> "Shape":
        if self.processes > self.cores:
            raise ValueError("processes must not exceed cores: every worker process needs a core")
        return self

    @property
    def threads(self) -> int:
        """Threads of one worker process."""
        return max(1, self.cores // self.processes)


class Lane(Model):
    """An offer that a person picks; the centre's staff say what it means to the batch system."""

    title: Line = ""
    partition: Word | None = None
    qos: Word | None = None
    account: Word | None = None
    reservation: Word | None = None
    time_limit: Duration = 3600.0
    """What a job asks for unless the group says otherwise."""
    max_time: Duration | None = None
    max_workers: Count = 64
    max_cores: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Cores of all jobs of one group together."""
    max_memory: Memory | None = None
    """Memory of one job."""
    max_gpus: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """GPUs of all jobs of one group together."""
    groups: tuple[Word, ...] = ()
    """Unix groups whose members may use it, as the batch system has it; everybody when left out."""
    preemptible: bool = False
    grace: Seconds = 0.0
    """Seconds between the signal that announces a preemption and the end, as the batch system is set up."""
    cost_factor: Annotated[float, Field(ge=0, le=1000)] = 1.0
    python: PathText | None = None
    """Interpreter for this lane's workers where its nodes do not see the caller's; the site's when left out."""
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    """Order of lanes on the `local` site; elsewhere the batch system decides."""


class HeadSettings(Model):
    """Where the head of a cluster runs and on which address it listens."""

    placement: Literal["host", "job"] = "host"
    host: Line | None = None
    """Address or host name on which workers reach a head on this host; the host's own name when left out."""
    lane: Name | None = None
    shape: Shape = Shape(cores=1, memory=2 << 30)


class Polling(Model):
    """How often the batch system may be asked, in seconds; its own slowness stretches these further."""

    busy: Annotated[float, Field(ge=0.2, le=600)] = 1.0
    rest: Annotated[float, Field(ge=1, le=3600)] = 10.0
    timeout: Annotated[float, Field(ge=0.5, le=120)] = 10.0


METRICS = r"^https?://[A-Za-z0-9_.:\[\]-]{1,200}(/[A-Za-z0-9_./-]{0,200})?$"
"""An address without user, query and fragment."""

SNAPSHOT = rf"^/[^\x00-\x1f\x7f]{{0,1000}}$|{METRICS}"
"""Where a snapshot may be: an absolute path, the same for all users, or an address."""


class SiteKind(StrEnum):
    """The batch systems that are run for real."""

    LOCAL = "local"
    SLURM = "slurm"


class ServerKind(StrEnum):
    """Batch systems on which only the hub's spawners start servers: no clusters, no runs, no queue."""

    TORQUE = "torque"
    MOAB = "moab"
    PBS = "pbs"
    GRIDENGINE = "gridengine"
    LSF = "lsf"
    CONDOR = "condor"


class Described(Model):
    """What is described of any batch system: its lanes, its shapes, and what its jobs run first."""

    name: Name
    title: Line = ""
    python: PathText | None = None
    """Interpreter for workers where the caller's own is not seen by the nodes."""
    lanes: dict[Name, Lane] = Field(min_length=1, max_length=50)
    shapes: dict[Name, Shape] = Field(min_length=1, max_length=50)
    prologue: tuple[Line, ...] = ()
    """Lines that each job runs first (``module load …``)."""
    proposed: bool = False
    """True for a site that nobody described: found by itself."""

    @property
    def default_lane(self) -> str:
        """The lane for a request that names none: `interactive` where there is one."""
        return "interactive" if "interactive" in self.lanes else next(iter(self.lanes))

    @property
    def default_shape(self) -> str:
        """The shape for a request that names none: the first."""
        return next(iter(self.shapes))


class ServerSite(Described):
    """A batch system that the hub's spawners know and agents do not."""

    kind: ServerKind


class Site(Described):
    """A computing centre's batch system as this user reaches it."""

    kind: SiteKind
    transport: Annotated[str, Field(pattern=r"^(direct|ssh [A-Za-z0-9_.@:-]{1,200})$")] = "direct"
    ssh_options: tuple[Line, ...] = ()
    """Further words for the ssh client, for example ``["-F", "/path/config"]``."""
    spool: PathText = "~/.ihpc/spool"
    """Directory for scripts and logs that this host and the nodes both see."""
    io_probes: Annotated[tuple[PathText, ...], Field(max_length=8)] | None = None
    """Directories whose file systems are measured, tinily, while somebody looks; the spool when left out."""
    slots: Annotated[int, Field(ge=1, le=1024)] | None = None
    """`local` only: cores to hand out; what the machine has (at least 4) when left out."""
    head: HeadSettings = HeadSettings()
    polling: Polling = Polling()
    snapshot: Annotated[str, Field(pattern=SNAPSHOT)] | None = None
    """Directory or address at which the centre keeps a snapshot of the batch system for all users' agents."""
    metrics: Annotated[str, Field(pattern=METRICS)] | None = None
    """Where Slurm's own metrics are to be read (Slurm 25.11 and later): ``http://HOST:6817/metrics``."""
    metrics_token: PathText | None = None
    """File with the token (JWT) for them, where they want one; its owner's alone to read."""

    @model_validator(mode="after")
    def _head_lane_exists(self) -> "Site":
        if self.head.lane is not None and self.head.lane not in self.lanes:
            raise ValueError(f"head.lane is {self.head.lane!r}; choose one of {', '.join(self.lanes)}")
        return self

    @model_validator(mode="after")
    def _token_is_for_something(self) -> "Site":
        if self.metrics_token is not None and self.metrics is None:
            raise ValueError("metrics_token goes with metrics, the address that it is for")
        return self

    @model_validator(mode="after")
    def _snapshot_is_encrypted(self) -> "Site":
        if self.snapshot and not self.snapshot.startswith("/"):
            parts = urlsplit(self.snapshot)
            try:
                there = bool(parts.hostname) and parts.port != 0
            except ValueError:
                there = False
            if not there:
                raise ValueError(f"snapshot is {self.snapshot!r}, which is no address")
            if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
                raise ValueError("snapshot over plain http:// goes with 127.0.0.1 only: write https://")
        return self

    @model_validator(mode="after")
    def _snapshot_is_of_this_host(self) -> "Site":
        # Of the user's part of it is told by the user id here; over ssh the user may be another.
        if self.snapshot is not None and (self.kind is not SiteKind.SLURM or self.transport != "direct"):
            raise ValueError('snapshot goes with kind = "slurm" and transport = "direct" only')
        return self


class Health(StrEnum):
    """How a site is. UNKNOWN: nobody answered; that says nothing about its jobs."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Wait(Model):
    """How long jobs waited in the queue: seconds, with how many jobs they rest on."""

    median: Seconds
    p95: Seconds
    count: int


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this host; names other than localhost are not looked up."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class SiteStatus(Model):
    """A site with how it is: what doors show of it."""

    site: Site
    health: Health
    detail: Line = ""
    asked_at: Time | None = None
    """When the batch system last answered; the age of everything said about its jobs."""
    silent: bool = False
    """Whether it was asked since and did not answer."""
    latency: Seconds | None = None
    """Seconds that the last answer took."""
    requests: int = 0
    """Requests made to the batch system since the agent started."""
    waiting: int = 0
    """This user's jobs in the queue."""
    accounts: tuple[Word, ...] = ()
    """Accounts that this user may charge, where the site tells."""
    waits: dict[Name, Wait] = Field(default={})
    """By lane: queue waits of this user's jobs that started since the agent looks."""
