"""``%jobs``, ``%why`` and their twins in Python, in a real kernel before a real Slurm: time, memory, silence."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab_slurm import Workplace, workplace
from tests.notebook import Notebook, Shown, notebook
from tests.slurmbed import SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.workplaces import ihpc

HUNGRY = (
    "python3 -c 'x = bytearray(300 << 20); x[::4096] = bytes([1]) * len(x[::4096]); import time; time.sleep(60)'"
)
SMALL = ("--ntasks=1", "--mem=50M", "--output=/dev/null")


@dataclass
class Desk:
    """A bed whose daemons watch memory, a user's place before it, a notebook."""

    bed: SlurmBed
    place: Workplace
    book: Notebook

    def cell(self, code: str) -> Shown:
        shown = self.book.cell(code)
        assert shown.error is None, shown.traceback
        return shown

    def row(self, job: str) -> dict[str, str]:
        """The job's line in the table that ``%jobs`` shows."""
        heading, *lines = self.cell("%jobs").displays[0]["text/plain"].splitlines()
        begins = [match.start() for match in re.finditer(r"\S+", heading)]
        (line,) = [line for line in lines if line.split()[0] == job]
        cut = zip(begins, [*begins[1:], None], strict=True)
        return dict(zip(heading.split(), (line[begin:end].strip() for begin, end in cut), strict=True))


@pytest.fixture
def desk(make_slurm: MakeSlurm, tmp_path: Path) -> Iterator[Desk]:
    watched = ("JobAcctGatherParams=OverMemoryKill", "JobAcctGatherFrequency=task=2")
    bed = make_slurm(nodes=2, accounting=True, extra=watched)
    with workplace(bed) as place, notebook(place.environment, tmp_path) as book:
        yield Desk(bed, place, book)
        bed.heal()
        bed.cancel_all()


def test_what_ran_out_of_time_or_memory(desk: Desk) -> None:
    """Slurm's daemons kill the script for its memory, or a step: then the shell tells of it by its exit code."""
    bed, lane = desk.bed, desk.bed.lane_options("batch")
    late = bed.submit(*SMALL, *lane, "--time=1", script="exec sleep 600")
    itself = bed.submit(*SMALL, *lane, script=f"exec {HUNGRY}")
    step = bed.submit(*SMALL, *lane, script=f"srun --mem=50M {HUNGRY}")
    for job, how in ((itself, "was killed by signal 9"), (step, "ended with exit code 137, which")):
        bed.wait_for_job(job, "FAILED", timeout=40)
        told = wait_until(lambda job=job: measured(desk, job), "the accounting has its memory", 40)  # type: ignore[misc]
        assert f"It {how}" in told
        assert re.search(r"after a step had used \d+ MiB where 50 MiB were asked for\.", told)
        assert "What to do: Ask for more memory" in told
        assert "lost: " in told
    assert desk.row(itself)["exit"] == "signal 9"
    assert desk.row(itself)["why"] == "The job ended by a signal."
    assert desk.row(step)["exit"] == "137"
    bed.wait_for_job(late, "TIMEOUT", timeout=150)
    row = wait_until(lambda: desk.row(late) if desk.row(late)["state"] == "TIMEOUT" else None, "it is told of")
    assert row is not None
    assert row["why"] == "The job reached its time limit."
    told = desk.cell(f"%why {late}").stdout
    assert "It was ended at its time limit of 1 min 00 s." in told
    assert "What to do: Ask for more time, split the work, or save its state as it goes." in told
    assert "the batch system's own word: TimeLimit" in told
    desk.cell("import ihpc_jupyter")
    assert desk.book.value(f"ihpc_jupyter.why('{late}').category.value") == "'timed-out'"
    assert (
        desk.book.value(f"[one.state.value for one in ihpc_jupyter.jobs() if one.id == '{late}']") == "['TIMEOUT']"
    )


def test_offers_for_a_job_that_is_held_are_a_sentence_below_the_answer(desk: Desk) -> None:
    held = desk.bed.submit(*SMALL, *desk.bed.lane_options("batch"), "--hold")
    wait_until(lambda: desk.row(held), "it is known")
    told = desk.cell(f"%why {held} --offers").stdout
    assert "Held by you; release it to let it start." in told
    assert told.endswith(
        f"No other shape or lane would start job {held} sooner: held by you; release it to let it start.\n"
    )


def measured(desk: Desk, job: str) -> str:
    told = desk.cell(f"%why {job}").stdout
    return told if "most memory of one step: 2" in told or "most memory of one step: 3" in told else ""


def test_a_silent_controller_leaves_the_last_table_with_its_age(desk: Desk) -> None:
    bed = desk.bed
    job = bed.submit(*SMALL, *bed.lane_options("batch"))
    bed.wait_for_job(job, "RUNNING")
    wait_until(lambda: desk.row(job)["state"] == "RUNNING", "it is known")
    bed.kill_controller()
    for _ in range(2):  # when it falls silent, and when it is known to be
        shown = desk.cell("%jobs")
        assert job in shown.displays[0]["text/plain"]
        assert "did not answer" in shown.stdout
    told = ihpc(desk.place, "jobs")
    assert told.returncode == 0, told.stderr
    assert job in told.stdout
    assert "did not answer" in told.stderr
    desk.cell("import ihpc_jupyter")
    raised = desk.book.cell("ihpc_jupyter.jobs()").error or ""
    assert raised.startswith("Unavailable: "), "a program gets no old values for new ones"
