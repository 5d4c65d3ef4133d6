"""A user's world for tests: a home of its own, a site file for a Slurm bed, real agents, a small driver."""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import psutil
from distributed import Client
from distributed.security import Security

from ihpc_jupyter.errors import ERRORS, IhpcError
from ihpc_jupyter.files import read_model
from ihpc_jupyter.head.pulse import NAME as PULSE
from ihpc_jupyter.head.tls import security_from
from ihpc_jupyter.model.cluster import ClusterView, GroupView, JobView
from ihpc_jupyter.model.head import HeadFile
from ihpc_jupyter.model.protocol import About, Connection, Fault, Snapshot
from ihpc_jupyter.model.spool import Spool
from ihpc_jupyter.scheduler.slurm_text import expand_ids
from tests.leftovers import clear
from tests.slurmbed import BedError, FaultyCommands, SlurmBed, wait_until
from tests.stalls import stalls

REPOSITORY = Path(__file__).parents[1]
SITE = "bed"
T = TypeVar("T")

_LOG = logging.getLogger("ihpc.tests")
_LANES = {"interactive": "", "urgent": "", "batch": "", "spot": "preemptible = true\ngrace = {grace:g}\n"}


def until(condition: Callable[[], T | None], what: str, timeout: float = 60) -> T:
    """Ask until the condition gives something true; an agent or a Slurm that does not answer counts as not yet,
    and so does a process that ends while it is looked at."""

    def patient() -> T | None:
        try:
            return condition()
        except (httpx.TransportError, IhpcError, BedError, subprocess.TimeoutExpired, psutil.Error):
            return None

    answer = wait_until(patient, what, timeout)
    assert answer is not None
    return answer


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._stalled = stalls().seconds
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def within(self, seconds: float, what: str) -> None:
        """Fail when it took longer, pauses of the whole machine left out; tell how long it took
        (``--log-cli-level=INFO`` shows it)."""
        paused = stalls().seconds - self._stalled
        took = self.seconds - paused
        _LOG.info("%s: %.2f s (at most %g s), and %.2f s of pause", what, took, seconds, paused)
        assert took <= seconds, f"{what} took {took:.1f} s instead of at most {seconds:g} s"


class Agent:
    """A real agent process and a driver of its API."""

    def __init__(self, socket: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.socket = socket
        self.process = process
        self.log = log
        transport = httpx.HTTPTransport(uds=str(socket))
        self._http = httpx.Client(transport=transport, base_url="http://agent", timeout=10)

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """One request. Raises our own errors."""
        answer = self._http.request(method, path, json=body)
        if not answer.is_success:
            fault = Fault.model_validate_json(answer.content)
            raise ERRORS.get(fault.error, IhpcError)(fault.message, fault.hint)
        return answer.content

    def about(self) -> About:
        return About.model_validate_json(self.request("GET", "/api/about"))

    def snapshot(self) -> Snapshot:
        return Snapshot.model_validate_json(self.request("GET", "/api/snapshot"))

    def create(self, name: str, workers: int = 0, *, lane: str = "interactive", **settings: Any) -> ClusterView:
        """A cluster with one group, `main`; settings of the group by their names."""
        idle_timeout = settings.pop("idle_timeout", 600)
        body = {
            "name": name,
            "site": SITE,
            "groups": {"main": {"lane": lane, "target": workers, **settings}},
            # The checkout comes first on the path of a program started in it: head and workers run this code.
            "environment": {"python": sys.executable, "directory": str(REPOSITORY)},
            "idle_timeout": idle_timeout,
        }
        return ClusterView.model_validate_json(self.request("POST", "/api/clusters", body))

    def view(self, name: str) -> ClusterView:
        return ClusterView.model_validate_json(self.request("GET", f"/api/clusters/{name}"))

    def group(self, name: str) -> GroupView:
        return self.view(name).groups["main"]

    def jobs(self, name: str) -> dict[str, JobView]:
        return {job.id: job for job in self.group(name).jobs}

    def scale(self, name: str, workers: int) -> None:
        self.request("PATCH", f"/api/clusters/{name}", {"groups": {"main": {"target": workers}}})

    def retry(self, name: str) -> None:
        self.request("POST", f"/api/clusters/{name}/retry")

    def stop(self, name: str) -> None:
        self.request("DELETE", f"/api/clusters/{name}")

    def names(self) -> list[str]:
        return [view.name for view in self.snapshot().clusters]

    def notes(self, name: str) -> str:
        return "\n".join(note.text for note in self.view(name).notes)

    def working(self, name: str, workers: int, timeout: float = 90) -> None:
        """Wait until that many workers work, and none is on its way."""
        until(lambda: self.group(name).counts.working == workers, f"{workers} workers work", timeout)

    def client(self, name: str) -> Client:
        """A Dask client of the cluster."""
        found = Connection.model_validate_json(self.request("GET", f"/api/clusters/{name}/connection"))
        security: Security = security_from(Path(found.cert_file), Path(found.key_file))
        return Client(found.address, security=security)

    def kill(self) -> None:
        """As `kill -9`."""
        self.process.kill()  # a stopped one too
        self.process.wait()

    def close(self) -> None:
        self._http.close()
        self.kill()


class World:
    """A home, a runtime directory a host, a spool; agents started in it; everything below one short path."""

    def __init__(self, bed: SlurmBed, commands: FaultyCommands) -> None:
        self.bed = bed
        self.commands = commands
        self.root = Path(tempfile.mkdtemp(prefix="ihpc-", dir="/tmp"))
        self.state = self.root / "state"
        self.spool_root = self.root / "spool"
        self._stack = ExitStack()
        self._hosts = 0
        self.describe_site()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        clear(self.root)

    def describe_site(
        self,
        *,
        grace: float = 0.0,
        timeout: float = 5.0,
        limit: str = "1h",
        rest: float = 2.0,
        snapshot: str | None = None,
    ) -> None:
        """Write the site file: *grace* of spot, *timeout* of an answer, the default time *limit* of jobs,
        the pause at *rest*, where the centre's *snapshot* is."""
        lanes = "".join(
            f'[sites.{SITE}.lanes.{name}]\npartition = "{name}"\ntime_limit = "{limit}"\n'
            + extra.format(grace=grace)
            for name, extra in _LANES.items()
        )
        (self.root / "site.toml").write_text(f"""
[agent]
discover = false
[sites.local]
spool = "{self.root}/spool-local"
[sites.{SITE}]
kind = "slurm"
spool = "{self.spool_root}"
head = {{ host = "127.0.0.1" }}
polling = {{ busy = 0.3, rest = {rest:g}, timeout = {timeout:g} }}
{f'snapshot = "{snapshot}"' if snapshot else ""}
[sites.{SITE}.shapes]
small = {{ cores = 1, memory = "400MiB" }}
pair = {{ cores = 2, memory = "800MiB", processes = 2 }}
node = {{ cores = 4, memory = "1600MiB" }}
{lanes}""")

    def environment(self, runtime: Path) -> dict[str, str]:
        """What an agent (or a kernel) of this world sees."""
        return self.commands.env(
            {
                **self.bed.environment(),
                "IHPC_STATE": str(self.state),
                "IHPC_RUNTIME": str(runtime),
                "IHPC_SITE_FILE": str(self.root / "site.toml"),
                "IHPC_SYSTEM_SITE_FILE": "/nonexistent",
                "PYTHONPATH": str(REPOSITORY),
            }
        )

    def runtime(self, host: str = "") -> Path:
        path = self.root / f"run-{host}"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def agent(self, host: str = "", idle: float = 600) -> Agent:
        """Start an agent, on a host of that name where one is given, and wait until it answers."""
        runtime = self.runtime(host)
        argv = [sys.executable, "-m", "ihpc_jupyter.agent.main", "--idle", str(idle)]
        if host:
            argv = ["unshare", "--uts", "sh", "-c", 'hostname "$1" && shift && exec "$@"', "sh", host, *argv]
        log = runtime / "agent.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv, env=self.environment(runtime), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        agent = Agent(runtime / "agent.sock", process, log)
        self._stack.callback(agent.close)
        until(agent.about, "the agent answers", 60)
        return agent

    def spool(self, uid: str) -> Spool:
        return Spool(self.spool_root / uid)

    def head(self, uid: str) -> HeadFile:
        """The head's file, once it is there."""
        return until(lambda: read_model(self.spool(uid).head, HeadFile), "the head listens")

    def kill_head(self, uid: str) -> None:
        """As `kill -9`."""
        os.kill(self.head(uid).process.pid, signal.SIGKILL)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Processes that name this world on their command line (heads, launchers, workers), with all *words*."""
        return [process for process, line in self._lines() if all(word in line for word in words)]

    def _lines(self) -> Iterator[tuple[psutil.Process, str]]:
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if str(self.root) in line and process.pid != os.getpid():
                yield process, line

    def launchers(self, uid: str) -> list[psutil.Process]:
        """The launchers of a cluster's jobs (the batch shell has become it)."""
        found = self.processes("ihpc_jupyter.head.launcher", uid)
        pids = {process.pid for process in found}
        return [process for process in found if _while_it_lives(process.ppid) not in {None, *pids}]

    def workers(self, uid: str) -> list[psutil.Process]:
        """The worker processes of a cluster."""
        families = [_while_it_lives(launcher.children) or [] for launcher in self.launchers(uid)]
        children = [child for family in families for child in family]
        return [child for child in children if _while_it_lives(child.name) not in {None, PULSE}]

    def queue(self, uid: str = "") -> dict[str, str]:
        """Slurm's own word on our jobs: id → state, those that have not ended."""
        text = self.bed.run("squeue", "--noheader", "--array", "--format=%i %T %j").stdout
        rows = [line.split() for line in text.splitlines()]
        return {row[0]: row[1] for row in rows if row[2].startswith(f"ihpc-{uid}")}

    def cancelled(self) -> list[str]:
        """The jobs that every `scancel` so far named."""
        return [id_ for call in self.commands.calls("scancel") for word in call.args for id_ in expand_ids(word)]


def _while_it_lives(ask: Callable[[], T]) -> T | None:
    """What a process says of itself; None once it has ended."""
    try:
        return ask()
    except psutil.Error:
        return None


@contextmanager
def partition_down(bed: SlurmBed, partition: str) -> Iterator[None]:
    """Jobs of a partition wait meanwhile."""
    bed.run("scontrol", "update", f"PartitionName={partition}", "State=DOWN")
    try:
        yield
    finally:
        bed.heal()
        bed.run("scontrol", "update", f"PartitionName={partition}", "State=UP")
