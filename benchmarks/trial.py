"""One urgent run under one fault: what came of it, and whether anything is left behind."""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from benchmarks.injection import Fault, Injection, named
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import Ledger, RunState, RunView
from tests.lab_slurm import REPOSITORY, Workplace
from tests.notebook import Shown, notebook
from tests.slurmbed import BedError, SlurmBed, wait_until

WORK = 2.0
"""Seconds that the cell works; sleeping is its work, so that a fault hits it at a known moment."""
PATIENCE = 60.0
"""Seconds beyond its deadline in which a run must say what became of it."""
CLEAN = 45.0
"""Seconds in which all that belongs to a run has to be gone after the fault was taken back."""
CELL = """%%urgent {deadline:g}s
import time
with open(trace, "a") as file: file.write(str(token) + chr(10))
time.sleep({work})  # this is the work
answers.append(token)
answer = token * token
"""


OWN_CLUSTER = """
from ihpc_jupyter import Cluster
own = Cluster("own", site="bed", lane="interactive", cores=1, memory="400MiB", workers=1).wait_for_workers(1, 60)
"""


@dataclass
class Outcome:
    """What became of one run. *verdict*: right, missed or wrong; *orphans*: what was left behind."""

    fault: Fault
    hit: str
    verdict: str
    seconds: float
    attempts: int = 0
    computed: int = 0
    orphans: list[str] = field(default_factory=list)
    why: str = ""


class Bench:
    """A user's place before a machine of its own, for one run after the other."""

    def __init__(self, bed: SlurmBed, place: Workplace, random: Random) -> None:
        self._bed = bed
        self._place = place
        self._random = random
        self._notebook = notebook(place.environment, REPOSITORY)
        self._book = self._notebook.__enter__()
        self._token = 0

    def close(self) -> None:
        """End the kernel."""
        with suppress(AssertionError):
            self._notebook.__exit__(None, None, None)

    def run(self, fault: Fault | None, deadline: float) -> Outcome:
        """One run, with a fault or without."""
        self._token += 1
        fault = fault or NOTHING
        self._prepare(fault)
        began = time.monotonic()
        injection = Injection(fault, self._bed, self._place, self._book, self._random)
        seen: list[str] = []

        def look(shown: Shown) -> bool:
            injection.look(submitted=any("submitted" in line for line in shown.lines))
            seen[:] = re.findall(r"\bRun ([0-9a-f]+)", "\n".join(shown.lines))
            return not (injection.hit and injection.fault.deadly)

        shown = self._book.watched(CELL.format(deadline=deadline, work=WORK), look, deadline + PATIENCE)
        if shown is None:
            self._renew()
            shown = self._book.watched(f"%runs attach {seen[-1]}", lambda _: True, deadline + PATIENCE)
        assert shown is not None  # noqa: S101 (for the type checker; nobody goes away here)
        outcome = Outcome(injection.fault, injection.hit, "", time.monotonic() - began)
        before = self._digest(seen)
        injection.end()
        self._judge(outcome, shown, seen, before)
        if fault.what == "worker":
            self._do("own.stop()\ndel own")
        return outcome

    # -- before -------------------------------------------------------------------------------------------

    def _prepare(self, fault: Fault) -> None:
        self._do(f"token, trace, answers, answer = {self._token}, {str(self._trace)!r}, [], None")
        if fault.what == "worker":
            self._do(OWN_CLUSTER)

    def _do(self, code: str) -> None:
        """A cell of the bench's own."""
        shown = self._book.cell(code)
        if shown.error:
            raise BedError(shown.error)

    def _renew(self) -> None:
        """A new kernel in the place of one that was killed."""
        self.close()
        self._notebook = notebook(self._place.environment, REPOSITORY)
        self._book = self._notebook.__enter__()
        self._book.cell("answers, answer = None, None\ndel answers, answer")

    @property
    def _trace(self) -> Path:
        return self._place.directory / f"trace-{self._token}"

    # -- after --------------------------------------------------------------------------------------------

    def _judge(self, outcome: Outcome, shown: Shown, seen: list[str], before: str) -> None:
        if not seen:
            outcome.verdict, outcome.why = "wrong", f"no run: {shown.error}"
            return
        view = self._view(seen[-1])
        outcome.orphans = self._orphans(seen[-1])
        outcome.attempts = len(view.attempts)
        outcome.computed = len(self._trace.read_text().split()) if self._trace.exists() else 0
        names = self._book.value("(globals().get('answer'), globals().get('answers'))")
        right = f"({self._token**2}, [{self._token}])"
        if shown.error is None and view.state is RunState.SUCCEEDED and names == right:
            outcome.verdict = "right"
        elif (shown.error or "").startswith("DeadlineMissed") and view.state is RunState.MISSED and names in NONE:
            outcome.verdict, outcome.why = "missed", _story(view)
        else:
            outcome.verdict, outcome.why = "wrong", f"{view.state}, {names}, {shown.error}, {shown.stderr}"
        if before != self._digest(seen) and outcome.verdict == "right":
            outcome.verdict, outcome.why = "wrong", "the result changed after it had been brought"
        if outcome.computed > outcome.attempts:
            outcome.verdict, outcome.why = (
                "wrong",
                f"{outcome.computed} computations in {outcome.attempts} attempts",
            )

    def _digest(self, seen: list[str]) -> str:
        if not seen:
            return ""
        result = Mailbox(self._place.directory / "spool" / f"run-{seen[-1]}").result
        return hashlib.sha256(result.read_bytes()).hexdigest() if result.exists() else ""

    def _view(self, id_: str) -> RunView:
        """The run as the agent has it once it has ended; whoever asks starts an agent where there is none."""
        self._book.cell("%runs")
        view = wait_until(lambda: self._ended(id_), "the agent says that the run has ended", CLEAN)
        assert view is not None  # noqa: S101 (for the type checker)
        return view

    def _ended(self, id_: str) -> RunView | None:
        transport = httpx.HTTPTransport(uds=str(self._place.socket))
        with suppress(httpx.HTTPError), httpx.Client(transport=transport, base_url="http://agent") as http:
            runs = Ledger.model_validate_json(http.get("/api/runs").content).runs
            return next((run for run in runs if run.id == id_ and run.state.ended), None)
        return None

    def _orphans(self, id_: str) -> list[str]:
        """Jobs and processes of a run that do not go away by themselves.

        A job that is completing has ended: a controller that was silent at that moment asks its node again later.
        """
        try:
            wait_until(lambda: not self._left(id_), "nothing is left", CLEAN)
        except BedError:
            return self._left(id_)
        return []

    def _left(self, id_: str) -> list[str]:
        jobs = self._bed.run("squeue", "--noheader", "--format=%i %T %j").stdout.splitlines()
        processes = [" ".join(one.cmdline()[:4]) for one in named(self._place.directory, id_)]
        return [job for job in jobs if id_ in job and "COMPLETING" not in job] + processes


def _story(view: RunView) -> str:
    """What became of each attempt, seconds counted from the order."""
    return "; ".join(
        f"{one.way} {one.outcome or 'open'} submitted {one.submitted_at - view.created_at:.1f}"
        f"{f' started {one.started_at - view.created_at:.1f}' if one.started_at else ''} {one.detail}"
        for one in view.attempts
    )


NOTHING = Fault("nothing", "", float("inf"))
NONE = ("(None, [])", "(None, None)")


@contextmanager
def bench(bed: SlurmBed, place: Workplace, random: Random) -> Iterator[Bench]:
    """A bench, its kernel ended afterwards."""
    made = Bench(bed, place, random)
    try:
        yield made
    finally:
        made.close()
