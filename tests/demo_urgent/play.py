"""The play itself: B fills the machine, A is in a hurry, a node dies; what happened, as it is found afterwards."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx

from ihpc_jupyter.model.run import Ledger, RunView
from tests.demo_urgent.machine import Machine
from tests.demo_urgent.neighbour import PRIMES
from tests.demo_urgent.patient import EXAMPLE, Reader, marked_cells, run, save_picture
from tests.demo_urgent.spot import Spot, neighbour
from tests.demo_urgent.summary import Finding, findings
from tests.lab_slurm import Workplace, workplace
from tests.leftovers import processes_naming
from tests.notebook import Notebook
from tests.slurmbed import BedError, BedSettings, SlurmBed, users, wait_until

SETTINGS = BedSettings(nodes=6, cpus=2, grace_time=10)
SHAPES = {"node": (SETTINGS.cpus, "2GiB")}
"""Who runs here has a node alone, as on many machines: so the death of one is nobody else's."""
TASKS = 900
"""B's: about half a minute on the whole machine."""
HURRY = "%%urgent 60s --reason"
"""How the cell begins whose node dies."""
KILL_AT = "10,000 shuffles"
"""What it has printed when that happens."""


class Stage:
    """The machine and both users; prints what happens with the seconds since the beginning."""

    def __init__(self, bed: SlurmBed, spot: Spot, ours: Workplace, began: float) -> None:
        self.bed = bed
        self.spot = spot
        self.machine = Machine(bed, began)
        self.killed = ""
        """The node that was killed."""
        self.places: tuple[str, ...] = ()
        """The directories below which everything is, and that everything names."""
        self._ours = ours
        self.close = self.machine.close

    def tell(self, who: str, text: str) -> None:
        """One line, or several."""
        tell(self.machine.now, who, text)

    def view(self) -> RunView | None:
        """A's latest run."""
        transport = httpx.HTTPTransport(uds=str(self._ours.socket))
        with httpx.Client(transport=transport, base_url="http://agent", timeout=10) as agent:
            runs = Ledger.model_validate_json(agent.get("/api/runs").content).runs
        return runs[0] if runs else None

    def kill_its_node(self, printed: str) -> None:
        """Once the run has printed enough: kill -9 its node, and everything that runs there."""
        if self.killed or KILL_AT not in printed or (view := self.view()) is None or not view.attempts[-1].nodes:
            return
        self.killed = view.attempts[-1].nodes[0]
        self.machine.mark("its node is killed")
        gone = self.bed.kill_node(self.killed)
        self.tell("fault", f"kill -9 of node {self.killed}: {len(gone)} processes are gone")


def tell(at: float, who: str, text: str) -> None:
    """Print lines with the seconds since the beginning."""
    for line in text.strip("\n").splitlines():
        sys.stdout.write(f"{at:6.1f} s  {who:8} {line}\n")
    sys.stdout.flush()


@contextmanager
def stage(began: float) -> Iterator[tuple[Stage, Notebook]]:
    """Slurm, B's program, A's kernel; all of it gone afterwards."""
    user = neighbour()
    with SlurmBed(SETTINGS) as bed:
        tell(
            time.monotonic() - began,
            "machine",
            f"Slurm in {bed.directory}: {len(bed.nodes)} nodes, {SETTINGS.cpus} cores each",
        )
        with workplace(bed, user=user, shapes=SHAPES) as theirs, workplace(bed, shapes=SHAPES) as ours:
            whose = f"{user or users.current_user()}, in {theirs.directory}"
            tell(
                time.monotonic() - began, "B", f"({whose}) counts primes on an elastic spot cluster, on all nodes"
            )
            tell(time.monotonic() - began, "A", f"({users.current_user()}, in {ours.directory}) opens a notebook")
            with (
                closing(Spot(theirs, len(bed.nodes), TASKS)) as spot,
                closing(Notebook(ours.environment, EXAMPLE.parent)) as kernel,
                closing(Stage(bed, spot, ours, began)) as made,
            ):
                made.places = (str(bed.directory), str(theirs.directory), str(ours.directory))
                yield made, kernel


def play(directory: Path, began: float) -> list[Finding]:
    """All of it; pictures go to *directory*. What was found, in the order of the summary."""
    with stage(began) as (on, kernel):
        found = acts(on, kernel, directory)
    with suppress(BedError):
        wait_until(lambda: not left_behind(on.places), "everything has ended", 20)
    left = left_behind(on.places)
    return [*found, Finding("left behind", ", ".join(left) or "nothing", not left)]


def left_behind(places: tuple[str, ...]) -> list[str]:
    """Processes that name one of the directories, and those directories that are still there."""
    return [*(one for place in places for one in processes_naming(place)), *filter(os.path.exists, places)]


def acts(on: Stage, kernel: Notebook, directory: Path) -> list[Finding]:
    """The machine is full; A is in a hurry; the bill; B's result. What was found."""
    on.spot.await_("done", 2 * on.machine.cores, 60)
    wait_until(lambda: on.machine.held("spot") == on.machine.cores, "the machine is full", 30)
    full = on.machine.now
    on.tell("B", f"the machine is full; {on.spot.facts['done']} of {TASKS} tasks are done")
    shown = hurry(on, kernel, directory)
    view = settled(on)
    on.tell("A", "The bill:")
    run(kernel, "%runs ledger", Reader(lambda text: on.tell("A", text)))
    counted = on.spot.await_("primes", 1, 60)
    over = on.machine.at(on.spot.told_at)
    on.machine.mark("B's result", over)
    on.tell("B", f"{counted:,} primes below 100,000,000; right is {PRIMES:,}")
    on.machine.close()
    on.machine.draw(directory / "utilisation.png")
    sys.stdout.write("\n" + "\n".join(on.machine.text()) + "\n\n")
    used = on.machine.utilisation(full, over)
    return findings(view, shown, counted, on.spot, on.killed, used)


def hurry(on: Stage, kernel: Notebook, directory: Path) -> str:
    """A's cells; all that they printed."""
    printed = ""
    for source in marked_cells():
        urgent = source.startswith(HURRY)
        if source.startswith("%%"):
            on.tell("A", f"In [ ]: {source.splitlines()[0]}")
        if urgent:
            on.machine.mark("A asks")
        reader = Reader(lambda text: on.tell("A", text), on.kill_its_node if urgent else lambda _: None)
        shown = run(kernel, source, reader)
        printed += shown.stdout
        if urgent:
            on.machine.mark("the answer")
            save_picture(shown, directory / "answer.png")
    return printed


def settled(on: Stage) -> RunView:
    """A's run once Slurm has said what all of its attempts cost; for that the dead node comes back."""
    if not on.killed:
        raise BedError("the run ended before its node could be killed")
    on.bed.start_node(on.killed)
    on.tell("machine", f"node {on.killed} is repaired")

    def bill() -> RunView | None:
        view = on.view()
        return view if view and view.state.ended and all(one.accounted for one in view.attempts) else None

    view = wait_until(bill, "the bill is complete", 40)
    assert view is not None
    return view
