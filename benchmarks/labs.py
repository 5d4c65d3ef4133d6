"""Many users' agents before one snapshot, and their open Labs: a stream each, and refreshes while they wait."""

import contextlib
import os
import pwd
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import httpx

from tests.lab_slurm import Workplace, workplace
from tests.slurmbed import FaultyCommands, SlurmBed, users, wait_until
from tests.snapshots import SnapshotWriter
from tests.workplaces import agent

SEEN = 12.0
"""Seconds between two readings of a pane in view, where nothing is new."""


class OpenLab:
    """One user's agent with one waiting job, and what its Lab does."""

    def __init__(self, bed: SlurmBed, place: Workplace) -> None:
        self.place = place
        argv = [sys.executable, "-m", "ihpc_jupyter.agent.main", "--idle", "3600"]
        self._process = subprocess.Popen(
            argv, env=place.environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **users.identity(place.user),
        )  # fmt: skip
        self.job = bed.submit("--hold", "--ntasks=1", "--mem=100M", "--output=/dev/null", user=place.user)
        self._stop = threading.Event()
        self.took: list[float] = []

    def answers(self) -> bool:
        """Whether the agent has heard of its user's job."""
        with contextlib.suppress(httpx.HTTPError, ValueError), agent(self.place) as http:
            return bool(http.get("/api/sites/bed/jobs").json()["rows"])
        return False

    def empty(self) -> bool:
        """Whether nothing of its user's is in the queue, for who looks: a Lab whose jobs run does not ask."""
        with contextlib.suppress(httpx.HTTPError, ValueError), agent(self.place) as http:
            totals = http.get("/api/sites/bed/jobs?look=true").json()["totals"]
            return all(total["state"] == "CANCELLED" for total in totals)
        return False

    def works(self) -> bool:
        """Whether the agent has heard that its user's job runs."""
        with contextlib.suppress(httpx.HTTPError, ValueError), agent(self.place) as http:
            return any(row["state"] == "RUNNING" for row in http.get("/api/sites/bed/jobs").json()["rows"])
        return False

    def see(self) -> None:
        """As a pane with jobs that is seen: read them now and then, and say so."""
        with agent(self.place) as http:
            while not self._stop.wait(SEEN):
                with contextlib.suppress(httpx.HTTPError):
                    http.get("/api/sites/bed/jobs?look=true", timeout=30).raise_for_status()

    def open(self) -> None:
        """Follow the stream, until told to stop."""
        with (
            contextlib.suppress(httpx.HTTPError),
            agent(self.place) as http,
            http.stream("GET", "/api/stream", timeout=30) as lines,
        ):
            for _ in lines.iter_lines():
                if self._stop.is_set():
                    return

    def wait(self) -> None:
        """Refresh again and again: somebody waits all the time."""
        with agent(self.place) as http:
            while not self._stop.is_set():
                began = time.monotonic()
                with contextlib.suppress(httpx.HTTPError):
                    http.get("/api/sites/bed/jobs?fresh=true", timeout=30).raise_for_status()
                    self.took.append(time.monotonic() - began)

    def close(self) -> None:
        """End it all."""
        self._stop.set()
        self._process.terminate()
        self._process.wait(20)


Labs = list[OpenLab]


@contextmanager
def opened(bed: SlurmBed, commands: FaultyCommands, count: int) -> Iterator[Labs]:
    """So many users with an agent each, and the centre's writer, which they read from."""
    with ExitStack() as stack:
        shared = stack.enter_context(workplace(bed))
        shared.directory.chmod(0o755)
        directory = shared.directory / "snapshot"
        writer = SnapshotWriter(directory, shared.environment, commands)
        stack.enter_context(writer)
        labs: Labs = []
        for user in stack.enter_context(ordinary_users(count)):
            place = stack.enter_context(workplace(bed, user=user))
            place.environment = commands.env(place.environment)
            file = place.directory / "site.toml"
            file.write_text(file.read_text().replace("[sites.bed]\n", f'[sites.bed]\nsnapshot = "{directory}"\n'))
            labs.append(OpenLab(bed, place))
            stack.callback(labs[-1].close)
        for lab in labs:
            wait_until(lab.answers, "each agent knows its user's job", 120)
        yield labs


@contextmanager
def ordinary_users(count: int) -> Iterator[list[str | None]]:
    """Accounts of their own where root may make them, gone afterwards; else our own, so many times."""
    if os.geteuid() != 0:
        print(f"all {count} agents are one user's: only root makes users", file=sys.stderr)
        yield [None] * count
        return
    names: list[str | None] = [f"ihpc-watch-{number}" for number in range(1, count + 1)]
    made = [name for name in names if name and not _exists(name)]
    try:
        for name in made:
            users.ensure_user(name)
        yield names
    finally:
        for name in made:
            subprocess.run(["/usr/sbin/userdel", "--remove", name], check=False, capture_output=True)


def _exists(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def open_all(_: SlurmBed, labs: Labs) -> None:
    """All open a Lab; our panes are not in view."""
    _begin([lab.open for lab in labs])


def start(bed: SlurmBed, labs: Labs) -> None:
    """All jobs run, and all have heard of it."""
    bed.run("scontrol", "release", ",".join(lab.job for lab in labs))
    for lab in labs:
        wait_until(lab.works, "each agent knows that its user's job runs", 120)


def clear(bed: SlurmBed, labs: Labs) -> None:
    """What is in the queue goes, and all have heard of it."""
    bed.run("scancel", *(lab.job for lab in labs))
    for lab in labs:
        wait_until(lab.empty, "each agent knows that its user's job has gone", 60)


def see(_: SlurmBed, labs: Labs) -> None:
    """All have a pane with jobs in view."""
    _begin([lab.see for lab in labs])


def wait(_: SlurmBed, labs: Labs) -> None:
    """All begin to wait for something, and have waited once."""
    _begin([lab.wait for lab in labs])
    wait_until(lambda: all(lab.took for lab in labs), "all have been answered once", 60)


def _begin(works: Sequence[Callable[[], None]]) -> None:
    for work in works:
        threading.Thread(target=work, daemon=True).start()


def calm_down(commands: FaultyCommands, calm: float) -> None:
    """Wait until nobody has asked for so many seconds: after a change agents ask more often for a while."""
    wait_until(lambda: time.time() - _last(commands) >= calm, f"{calm:g} s without a question", 180)


def _last(commands: FaultyCommands) -> float:
    return max((call.time for call in commands.calls()), default=0.0)


def refreshes(labs: Labs) -> list[float]:
    """How long each refresh took."""
    return [seconds for lab in labs for seconds in lab.took]
