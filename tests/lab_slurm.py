"""JupyterLab in front of a private, real, multi-node Slurm: ``python -m tests.lab_slurm [--allow-root]``.

Starts Slurm below one directory, describes it in a site file, and opens the quick start. Ctrl-C stops Lab, the
clusters' jobs, the agent and Slurm, and leaves nothing behind.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlencode

import httpx

from tests.leftovers import clear
from tests.ringing import ringing_bed
from tests.slurmbed import LANES, BedError, BedSettings, ProgramsMissingError, SlurmBed, users, wait_until

REPOSITORY = Path(__file__).resolve().parents[1]
GRACE = 10
"""Seconds between the notice and the end of a spot job that has to give way."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
Shape = tuple[int, str]
"""Cores and memory."""
SHAPES: dict[str, Shape] = {"small": (1, "1GiB"), "medium": (2, "2GiB"), "large": (4, "4GiB")}


@dataclass
class Workplace:
    """A user's state, sockets and site file, apart from the real ones; *environment* leads programs to them."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    """Whose it is; None: whoever runs this process."""

    def __post_init__(self) -> None:
        self.environment = {
            **(self.environment or os.environ),
            "IHPC_STATE": str(self.directory / "state"),
            "IHPC_RUNTIME": str(self.directory / "run"),
            "IHPC_SITE_FILE": str(self.directory / "site.toml"),
            "IHPC_SYSTEM_SITE_FILE": os.devnull,
            "JUPYTER_RUNTIME_DIR": str(self.directory / "jupyter"),
            "PYTHONPATH": str(REPOSITORY),
        }
        self.environment.pop("IHPC_AGENT", None)

    @property
    def socket(self) -> Path:
        """Where its agent listens."""
        return self.directory / "run" / "agent.sock"

    def close(self) -> None:
        """Stop its clusters and its agent."""
        if not self.socket.exists():
            return
        transport = httpx.HTTPTransport(uds=str(self.socket))
        http = httpx.Client(transport=transport, base_url="http://agent", timeout=30)
        with suppress(httpx.HTTPError), http as agent:
            for cluster in _clusters(agent):
                agent.delete(f"/api/clusters/{cluster}")
            with suppress(BedError):
                wait_until(lambda: not _clusters(agent), "all clusters are stopped", 20)
            pid = int(agent.get("/api/about").json()["pid"])
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: _ended(pid), "the agent has gone", 10)


def _clusters(agent: httpx.Client) -> list[str]:
    return [cluster["name"] for cluster in agent.get("/api/snapshot").json()["clusters"]]


def _ended(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@contextmanager
def workplace(
    bed: SlurmBed | None = None, *, user: str | None = None, shapes: Mapping[str, Shape] = SHAPES
) -> Iterator[Workplace]:
    """A workplace of its own, gone afterwards; with *bed* its site is that Slurm, else only `local`.

    Root can make one for another *user*.
    """
    # Short, as a socket's path has at most 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="ihpc-", dir="/tmp"))
    place = Workplace(directory, bed.environment(user) if bed else {}, user)
    spool = directory / "spool"
    (directory / "site.toml").write_text(site_file(bed, spool, shapes) if bed else local_site_file(spool))
    if user is not None:
        account = users.ensure_user(user)
        os.chown(directory, account.pw_uid, account.pw_gid)
    try:
        yield place
    finally:
        place.close()
        clear(directory)


def site_file(bed: SlurmBed, spool: Path, shapes: Mapping[str, Shape] = SHAPES) -> str:
    """The site file of a bed: its four lanes, its *shapes*, heads on this host."""
    settings = bed.settings
    lines = [
        "[sites.bed]",
        f'title = "A private Slurm with {len(bed.nodes)} nodes"',
        'kind = "slurm"',
        f"spool = {json.dumps(str(spool))}",
        'head.host = "127.0.0.1"',
        f"prologue = [{json.dumps(f'export PYTHONPATH={REPOSITORY}')}]",  # nodes run this checkout's code, too
    ]
    for lane in LANES:
        gives_way = lane.partition in settings.preempted_lanes
        lines += [
            "",
            f"[sites.bed.lanes.{lane.partition}]",
            f'partition = "{lane.partition}"',
            *([f'qos = "{lane.qos}"'] if settings.accounting else []),
            f"max_workers = {len(bed.nodes) * settings.cpus}",
            *(["preemptible = true", f"grace = {settings.grace_time}", "cost_factor = 0.25"] if gives_way else []),
        ]
    for name, (cores, memory) in shapes.items():
        lines += ["", f"[sites.bed.shapes.{name}]", f"cores = {cores}", f'memory = "{memory}"']
    return "\n".join([*lines, ""])


def local_site_file(spool: Path) -> str:
    """The site file of this host alone."""
    return f"[agent]\ndiscover = false\n\n[sites.local]\nspool = {json.dumps(str(spool))}\n"


class Lab:
    """A JupyterLab of a workplace, started by *argv*."""

    def __init__(self, place: Workplace, *argv: str, directory: Path = REPOSITORY) -> None:
        self._place = place
        # A session of its own: Ctrl-C is for us, who stop everything in order.
        self.process = subprocess.Popen(
            argv, env=place.environment, cwd=directory, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def wait_for_address(self, patience: float = 60) -> dict[str, str]:
        """The server's `url` and `token`, once it answers."""
        wait_until(self._listens, "JupyterLab answers", patience)
        return self._info()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise BedError(f"JupyterLab ended with {self.process.returncode}")
        with suppress(httpx.HTTPError, FileNotFoundError, ValueError):
            info = self._info()
            headers = {"Authorization": f"token {info['token']}"}
            return httpx.get(f"{info['url']}api/status", headers=headers).is_success
        return False

    def _info(self) -> dict[str, str]:
        path = Path(self._place.environment["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{self.process.pid}.json"
        told = json.loads(path.read_text())
        return {"url": str(told["url"]), "token": str(told["token"])}

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main(argv: list[str]) -> int:
    """Run until Ctrl-C, SIGTERM or the end of JupyterLab."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab_slurm", description="JupyterLab before a real Slurm."
    )
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--cpus", type=int, default=4, help="CPUs of each node")
    parser.add_argument("--accounting", action="store_true", help="with slurmdbd, accounts and QOS")
    parser.add_argument("--allow-root", action="store_true", help="let JupyterLab run as root")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    chosen = parser.parse_args(argv)
    options = [f"--{name}" for name in ("allow-root", "no-browser") if getattr(chosen, name.replace("-", "_"))]
    settings = BedSettings(nodes=chosen.nodes, cpus=chosen.cpus, accounting=chosen.accounting, grace_time=GRACE)
    end_in_order()
    try:
        with ringing_bed(settings) as bed, workplace(bed) as place:
            _serve(bed, place, options)
    except (BedError, ProgramsMissingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped: JupyterLab, the clusters, the agent and Slurm.\n")
    return 0


def _serve(bed: SlurmBed, place: Workplace, options: list[str]) -> None:
    sys.stderr.write(f"Slurm runs: {len(bed.nodes)} nodes with {bed.settings.cpus} CPUs each.\n")
    notebook = REPOSITORY / "examples" / "quickstart.ipynb"
    program = (sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}", str(notebook))
    lab = Lab(place, *program, *options)
    try:
        told = lab.wait_for_address()
        address = f"{told['url']}lab/tree/{notebook.name}?{urlencode({'token': told['token']})}"
        sys.stderr.write(f"\nJupyterLab: {address}\nStop it with Ctrl-C.\n\n")
        lab.process.wait()
    finally:
        lab.stop()


def end_in_order() -> None:
    """Let the first Ctrl-C or SIGTERM be a KeyboardInterrupt, and no further one disturb what follows."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # stopping takes a moment: a second Ctrl-C must not leave half
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
