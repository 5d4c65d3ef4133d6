"""Plain jobs of a user's own that start and end while nothing else happens: when a pane in view tells of it.

Half of them ring the user's doorbell, as where the centre's Slurm has them do so; the others do not: of those only
the questions at rest tell.
"""

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import httpx

from benchmarks.figures import Figures
from ihpc_jupyter.scheduler.watcher import BUSY_FOR
from tests.lab_slurm import Workplace, workplace
from tests.ringing import ringing_bed
from tests.slurmbed import BedSettings, SlurmBed, wait_until
from tests.workplaces import agent

SPREAD = 10.0
"""Seconds over which the jobs' starts (and ends) are spread: the pace of rest."""
SETTLE = BUSY_FOR + SPREAD
"""Seconds after which all agents are at rest again."""
SEEN = 10.0
"""Seconds between two readings of a pane in view, where nothing is new."""


class Pane:
    """One user's agent, and a pane in view that reads the jobs whenever the site has news."""

    def __init__(self, bed: SlurmBed, place: Workplace, *, rings: bool) -> None:
        self._bed, self._place, self._rings = bed, place, rings
        self.name = "rings" if rings else "does not ring"
        self._job = ""
        self._told: dict[str, float] = {}
        self._stop = threading.Event()
        argv = [sys.executable, "-m", "ihpc_jupyter.agent.main", "--idle", "3600"]
        self._agent = subprocess.Popen(
            argv, env=place.environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(place.socket.exists, "the agent is there", 30)
        for work in (self._follow, self._look):
            threading.Thread(target=work, daemon=True).start()

    def start(self) -> None:
        """The job, which writes down when it is there and ends when it may."""
        words = self._place.directory
        script = (
            f"date +%s.%N > {words}/started; while [ ! -e {words}/over ]; do sleep 0.05; done; "
            f"date +%s.%N > {words}/ended"
        )
        state = self._place.environment["IHPC_STATE"] if self._rings else "/nowhere"
        done = self._bed.run(
            "sbatch", "--parsable", "--ntasks=1", "--mem=50M", "--output=/dev/null", f"--wrap={script}",
            env={"IHPC_STATE": state},
        )  # fmt: skip
        self._job = done.stdout.strip()
        wait_until(lambda: "RUNNING" in self._told, "its start is told", 60)

    def end(self) -> None:
        """It may end."""
        (self._place.directory / "over").touch()
        wait_until(lambda: "COMPLETED" in self._told, "its end is told", 60)

    def delays(self) -> Iterator[tuple[str, float]]:
        """Seconds from what happened to its being told."""
        for what, state in (("started", "RUNNING"), ("ended", "COMPLETED")):
            happened = float((self._place.directory / what).read_text())
            yield f"plain job that {self.name}, {what}", max(0.0, self._told[state] - happened)

    def close(self) -> None:
        """End it all."""
        self._stop.set()
        self._agent.terminate()
        self._agent.wait(20)

    def _follow(self) -> None:
        with (
            contextlib.suppress(httpx.HTTPError),
            agent(self._place) as http,
            http.stream("GET", "/api/stream", timeout=30) as lines,
        ):
            for line in lines.iter_lines():
                if self._stop.is_set():
                    return
                if json.loads(line)["kind"] == "site":
                    self._read()

    def _look(self) -> None:
        while not self._stop.is_set():
            self._read()
            self._stop.wait(SEEN)

    def _read(self) -> None:
        with contextlib.suppress(httpx.HTTPError), agent(self._place) as http:
            told = http.get("/api/sites/bed/jobs?look=true", timeout=30).json()
            for row in told["rows"]:
                if row["id"] == self._job:
                    self._told.setdefault(row["state"], time.time())


def plain_jobs(figures: Figures, settings: BedSettings, count: int, settle: float) -> float:
    """So many jobs that ring, and as many that do not, after *settle* seconds in which nothing happens; the p95
    of starts and ends of those that ring.
    """
    with ringing_bed(settings) as bed, ExitStack() as stack:
        panes: list[Pane] = []
        for number in range(2 * count):
            place = stack.enter_context(workplace(bed))
            panes.append(Pane(bed, place, rings=number % 2 == 0))
            stack.callback(panes[-1].close)
        for act in (Pane.start, Pane.end):
            time.sleep(settle)  # nothing may happen meanwhile: all come to rest
            spread = min(SPREAD, settle)
            _spread([lambda pane=pane, act=act: act(pane) for pane in panes], spread)  # type: ignore[misc]
        for pane in panes:
            for name, delay in pane.delays():
                figures.add(name, delay)
    rung = [value for name, values in figures.values.items() if "that rings" in name for value in values]
    figures.values["plain job that rings, both"] = rung
    return figures.p95("plain job that rings, both")


def _spread(acts: Sequence[Callable[[], None]], most: float) -> None:
    """Each at a moment of its own within *most* seconds."""

    def later(act: Callable[[], None], seconds: float) -> None:
        time.sleep(seconds)  # a moment of its own
        act()

    threads = [threading.Thread(target=later, args=(act, random.uniform(0, most))) for act in acts]  # noqa: S311
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
