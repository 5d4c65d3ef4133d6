"""A job that Slurm killed for its memory, as a Slurm with cgroups tells of it: one word is changed.

Without cgroups Slurm calls such a job FAILED. The job, its death, its measured use and all other words are real.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_slurm import Workplace, workplace
from tests.notebook import Notebook, notebook
from tests.slurmbed import SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.slurmbed.programs import find_program
from tests.workplaces import ihpc

HUNGRY = (
    "python3 -c 'x = bytearray(300 << 20); x[::4096] = bytes([1]) * len(x[::4096]); import time; time.sleep(60)'"
)
SMALL = ("--ntasks=1", "--mem=50M", "--output=/dev/null", "--time=5")
STAND_IN = """#!/bin/sh
said=$({program} "$@"); code=$?
[ -z "$said" ] || printf '%s\\n' "$said" | sed 's/\\bFAILED\\b/OUT_OF_MEMORY/g'
exit $code
"""


def put_stand_ins(directory: Path) -> None:
    """Programs that say what the real ones say, but for that word."""
    directory.mkdir()
    for name in ("squeue", "scontrol", "sacct"):
        (directory / name).write_text(STAND_IN.format(program=shlex.quote(find_program(name))))
        (directory / name).chmod(0o755)


@pytest.fixture
def bed(make_slurm: MakeSlurm) -> SlurmBed:
    """One whose daemons kill what takes more memory than it asked for."""
    return make_slurm(
        nodes=1, accounting=True, extra=("JobAcctGatherParams=OverMemoryKill", "JobAcctGatherFrequency=task=2")
    )


@pytest.fixture
def place(bed: SlurmBed, tmp_path: Path) -> Iterator[Workplace]:
    put_stand_ins(tmp_path / "bin")
    with workplace(bed) as place:
        place.environment["PATH"] = f"{tmp_path / 'bin'}:{place.environment['PATH']}"
        yield place
        bed.cancel_all()


@pytest.fixture
def book(place: Workplace, tmp_path: Path) -> Iterator[Notebook]:
    with notebook(place.environment, tmp_path) as book:
        yield book


def test_what_happened_what_was_lost_and_what_to_change(bed: SlurmBed, place: Workplace, book: Notebook) -> None:
    job = bed.submit(*SMALL, *bed.lane_options("batch"), script=f"exec {HUNGRY}")
    bed.wait_for_job(job, "FAILED", timeout=40)

    def measured() -> str:
        told = book.cell(f"%why {job}").stdout
        return told if "most memory of one step: " in told else ""

    told = wait_until(measured, "the accounting has its memory", 40)
    assert re.search(rf"^Job {job} \(\w+\) on bed: OUT_OF_MEMORY, out-of-memory\.$", told, re.MULTILINE)
    assert "It used more memory than it had asked for (50 MiB)." in told
    assert "What to do: Ask for more memory, or work on smaller pieces." in told
    assert re.search(r"most memory of one step: [23]\d\d MiB", told)
    assert "lost: " in told
    table = ihpc(place, "jobs")
    (line,) = [line for line in table.stdout.splitlines() if line.split()[:1] == [job]]
    assert "OUT_OF_MEMORY" in line
    assert "signal 9" in line
    assert line.endswith("It was ended because it used more memory than it asked for.")
    book.cell("import ihpc_jupyter")
    assert book.value(f"ihpc_jupyter.why('{job}').category.value") == "'out-of-memory'"
