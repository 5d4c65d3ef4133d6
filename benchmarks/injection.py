"""Faults brought upon a run while it goes on, and taken back afterwards."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import psutil

from ihpc_jupyter.head.pulse import NAME as PULSE
from tests.lab_slurm import Workplace
from tests.notebook import Notebook
from tests.slurmbed import BedError, SlurmBed

SILENT = 20.0
"""Seconds for which the controller does not answer."""
STOPPED = 10.0
"""Seconds for which a frozen agent or kernel stands still; drivers, workers, nodes do until the run is over."""
FOR_GOOD = float("inf")
KINDS = (
    *((what, how) for what in ("driver", "worker", "node", "agent", "kernel") for how in ("kill", "freeze")),
    ("controller", "freeze"),
)


@dataclass(frozen=True)
class Fault:
    """What is hurt, how, and how many seconds after the cell was executed."""

    what: str
    how: str
    after: float

    @property
    def deadly(self) -> bool:
        """Whether nobody waits for the cell any more."""
        return (self.what, self.how) == ("kernel", "kill")


class Injection:
    """One fault: due, done, taken back."""

    def __init__(self, fault: Fault, bed: SlurmBed, place: Workplace, book: Notebook, random: Random) -> None:
        self.fault = fault
        self.done_at: float | None = None
        self.hit = ""
        """What was hit, in words; empty: nothing was there any more."""
        self._bed = bed
        self._place = place
        self._book = book
        self._random = random
        self._began = time.monotonic()
        self._stopped: list[int] = []

    def look(self, *, submitted: bool) -> None:
        """Act when it is time, and let go on what stood still long enough."""
        now = time.monotonic()
        if self.done_at is None:
            # A kernel that dies before it has ordered anything has ordered nothing.
            ready = submitted or self.fault.what != "kernel"
            if now - self._began >= self.fault.after and ready and self._strike():
                self.done_at = now
        elif now - self.done_at > self._lasts:
            self._let_go()

    def end(self) -> None:
        """Take everything back, when its time is over."""
        if self.done_at is not None and self._lasts < FOR_GOOD:
            time.sleep(max(0.0, self.done_at + self._lasts - time.monotonic()))  # the fault's own duration
        self._let_go()
        try:
            self._bed.heal()
        except BedError:
            self._resume()
            self._bed.heal()

    def _resume(self) -> None:
        """What is staff's work: Slurm drains a node whose step could not report its end to a silent controller."""
        for name, state in self._bed.node_states().items():
            if state.startswith("drain"):
                self._bed.run("scontrol", "update", f"NodeName={name}", "State=RESUME")

    @property
    def _lasts(self) -> float:
        """Seconds; `FOR_GOOD`: until the run is over."""
        if self.fault.what == "controller":
            return SILENT
        return STOPPED if self.fault.how == "freeze" and self.fault.what in {"agent", "kernel"} else FOR_GOOD

    def _strike(self) -> bool:
        """False: what is to be hurt is not there yet."""
        if self.fault.what == "controller":
            self._bed.freeze_controller()
            self.hit = "controller"
        elif self.fault.what == "node":
            self._strike_node()
        else:
            pids = list(getattr(self, f"_{self.fault.what}")())
            for pid in pids:
                os.kill(pid, signal.SIGKILL if self.fault.how == "kill" else signal.SIGSTOP)
            self._stopped = pids if self.fault.how == "freeze" else []
            self.hit = f"{self.fault.what} {' '.join(map(str, pids))}" if pids else ""
        return bool(self.hit)

    def _strike_node(self) -> None:
        """The node of the running copy, or any where nothing runs yet."""
        hosts = [name for name in self._bed.nodes if self._bed.node_processes(name, "slurmstepd")]
        name = self._random.choice(hosts or self._bed.nodes)
        (self._bed.kill_node if self.fault.how == "kill" else self._bed.freeze_node)(name)
        self.hit = f"{name}{'' if hosts else ' (idle)'}"

    def _let_go(self) -> None:
        """Let go on what was stopped."""
        if self.hit == "controller":
            self._bed.thaw_controller()
        for pid in self._stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._stopped = []

    def _driver(self) -> Iterator[int]:
        """The processes that run the user's code; their pulses are not hit."""
        found = [process.pid for process in drivers(self._place.directory)]
        yield from found[:1]

    def _worker(self) -> Iterator[int]:
        """The worker of the notebook's own cluster: there is only one."""
        launchers = list(named(self._place.directory, "ihpc_jupyter.head.launcher"))
        parents = {process.pid for process in launchers}
        yield from (one.pid for one in launchers if one.ppid() in parents and one.name() != PULSE)

    def _agent(self) -> Iterator[int]:
        with suppress(httpx.HTTPError):
            yield agent_pid(self._place)

    def _kernel(self) -> Iterator[int]:
        yield self._book.pid


def agent_pid(place: Workplace) -> int:
    """The agent's process. Raises httpx.HTTPError where none answers."""
    transport = httpx.HTTPTransport(uds=str(place.socket))
    with httpx.Client(transport=transport, base_url="http://agent", timeout=2) as http:
        return int(json.loads(http.get("/api/about").content)["pid"])


def drivers(directory: Path) -> list[psutil.Process]:
    """The drivers of a workplace, the oldest first."""
    return sorted(
        named(directory, "ihpc_jupyter.driver"), key=lambda process: (process.create_time(), process.pid)
    )


def named(directory: Path, word: str) -> Iterator[psutil.Process]:
    """Processes whose command line names a workplace and a word."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if str(directory) in line and word in line:
                yield process
