"""From an executed cell to the first line of its code on a node: ours beside its peers. ``make bench-urgent``.

A real kernel, a real multi-node Slurm; peers in the same run, interleaved, the same interpreter, partition, cores
and memory. Slurm is set as the test bed sets it (tuned for fast scheduling), but for one of the two full machines,
where it has its defaults; there ours runs on both, and the worse figures are given. Full machines have accounting
and QOS, as a site with urgent work does, and more preemptible jobs waiting for any room.
The last line is one JSON object. Everything else is told on standard error; ``--raw FILE`` keeps every value.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import machine, starts
from benchmarks.figures import Figures
from tests.lab_slurm import REPOSITORY, Workplace, workplace
from tests.notebook import Notebook, notebook
from tests.slurmbed import BedSettings, SlurmBed, wait_until

NODES = BedSettings(nodes=4, cpus=4)
FULL = BedSettings(nodes=4, cpus=4, accounting=True)
GRACE = 10
"""Seconds that the elastic cluster's jobs are given to leave."""
STUBBORN = 3
"""Runs against victims that ignore SIGTERM."""
ELASTIC = (
    "from pathlib import Path\nfrom benchmarks.victim import Work\nfrom ihpc_jupyter import Cluster\n"
    "cluster = Cluster('victim', site='bed', lane='spot', cores={cores}, memory='2GiB')\n"
    "cluster.adapt(0, {jobs})\nwork = Work(cluster.client(), Path('{trace}'))\nwork.busy(200)"
)


@contextmanager
def desk(settings: BedSettings) -> Iterator[tuple[SlurmBed, Workplace, Notebook]]:
    """A machine, a user's place before it, and a notebook there."""
    with SlurmBed(settings) as bed, workplace(bed) as place, opened(place) as book:
        yield bed, place, book


@contextmanager
def opened(place: Workplace) -> Iterator[Notebook]:
    """A notebook with something to capture."""
    with notebook(place.environment, REPOSITORY) as book:
        run(book, "import numpy\nnumber = 20\narray = numpy.arange(1000.0)")
        starts.cell(
            book, "answer = number + 1", starts.FRESH
        )  # the agent is there, the file system's cache is warm
        yield book


def run(book: Notebook, code: str) -> None:
    """A cell of the notebook's own."""
    shown = book.cell(code)
    if shown.error is not None:
        raise starts.Failed(f"{shown.error}\n{shown.traceback}")


def idle(figures: Figures, rounds: int) -> dict[str, Any]:
    """An idle machine: a number captured and a numpy array, each beside `srun` with the same imports."""
    with desk(NODES) as (bed, place, book):
        ways: dict[str, Callable[[], float]] = {
            "idle": lambda: starts.cell(book, "answer = number + 1", starts.FRESH),
            "idle srun": lambda: starts.srun(bed, place),
            "idle numpy": lambda: starts.cell(book, "answer = array.sum()", starts.FRESH),
            "idle numpy srun": lambda: starts.srun(bed, place, "numpy"),
            "idle dask-jobqueue": lambda: starts.scaled(place, nanny=True),
            "idle dask-jobqueue no nanny": lambda: starts.scaled(place, nanny=False),
        }
        for _ in range(rounds):
            for name, measure in ways.items():
                starts.empty(bed)
                figures.add(name, measure())
    return {
        "idle": {
            "median_s": figures.median("idle"), "p95_s": figures.p95("idle"),
            "ratio_to_srun_python": figures.ratio("idle", "idle srun"),
            "dask_jobqueue_median_s": figures.median("idle dask-jobqueue no nanny"),
        },
        "idle_numpy": {
            "median_s": figures.median("idle numpy"),
            "ratio_to_srun_python": figures.ratio("idle numpy", "idle numpy srun"),
        },
    }  # fmt: skip


def warm(figures: Figures, rounds: int) -> dict[str, Any]:
    """Idle workers of the notebook's own cluster, beside a bare `client.submit(f).result()`."""
    with desk(NODES) as (_, place, book):
        run(
            book,
            "from ihpc_jupyter import Cluster\n"
            "cluster = Cluster('warm', site='bed', lane='interactive', cores=1, memory='500MiB', workers=2)\n"
            "client = cluster.client()\ncluster.wait_for_workers(2, 60)",
        )
        starts.submit(book)
        for _ in range(rounds):
            figures.add("warm", starts.cell(book, "answer = number + 1"))
            starts.expect(place, "idle-workers")
            figures.add("warm submit", starts.submit(book))
    return {
        "warm": {
            "median_s": figures.median("warm"), "p95_s": figures.p95("warm"),
            "ratio_to_submit": figures.ratio("warm", "warm submit"),
        },
    }  # fmt: skip


def full(figures: Figures, rounds: int) -> dict[str, Any]:
    """Machines full of jobs that end on SIGTERM, Slurm at its defaults and tuned, beside `sbatch` on the same."""
    with desk(replace(FULL, scheduler="")) as (slow, there, other), desk(FULL) as (bed, place, book):
        ways: dict[str, tuple[SlurmBed, Callable[[], float]]] = {
            "full default": (slow, lambda: starts.cell(other, "answer = number + 1", starts.FRESH)),
            "full default sbatch": (slow, lambda: starts.sbatch(slow, there)),
            "full tuned": (bed, lambda: starts.cell(book, "answer = number + 1", starts.FRESH)),
            "full tuned sbatch": (bed, lambda: starts.sbatch(bed, place)),
        }
        for each in (slow, bed):
            machine.occupy(each, spare=2)
        for _ in range(rounds):
            for name, (where, measure) in ways.items():
                machine.full(where)
                figures.add(name, measure())
    return {
        "full": {
            "p95_s": max(figures.p95("full default"), figures.p95("full tuned")),
            "max_s": max(figures.most("full default"), figures.most("full tuned")),
            "sbatch_default_p95_s": figures.p95("full default sbatch"),
            "sbatch_tuned_p95_s": figures.p95("full tuned sbatch"),
        },
    }


def stubborn(figures: Figures, rounds: int) -> dict[str, Any]:
    """Victims that ignore SIGTERM: told, but no part of the result."""
    with desk(FULL) as (bed, _, book):
        for _ in range(min(rounds, STUBBORN)):
            machine.occupy(bed, machine.STAYS)
            figures.add("full, victims stay", starts.cell(book, "answer = number + 1", starts.FRESH))
            bed.cancel_all()
    return {}


def full_elastic(figures: Figures, rounds: int) -> dict[str, Any]:
    """A machine full of another user's elastic cluster, which has to compute right all the same."""
    settings = replace(FULL, grace_time=GRACE)
    with (
        desk(settings) as (bed, _, book),
        workplace(bed) as theirs,
        notebook(theirs.environment, REPOSITORY) as victim,
    ):
        trace = theirs.directory / "trace"
        run(victim, ELASTIC.format(cores=settings.cpus, jobs=len(bed.nodes) + 2, trace=trace))
        counts = "cluster.view.groups['main'].counts.working"
        for _ in range(rounds):
            run(victim, "work.busy(200)")
            machine.full(bed)
            wait_until(lambda: int(victim.value(counts)) == len(bed.nodes), "all their workers work", 60)
            figures.add("full elastic", starts.cell(book, "answer = number + 1", starts.FRESH))
        tasks, wrong, again = json.loads(victim.value("list(work.compare())"))
        print(f"the victim: {tasks} tasks, {wrong} wrong, {again} computed again", file=sys.stderr)
        figures.values["full elastic victim"] = [tasks, wrong, again]
        run(victim, "cluster.stop()")
    return {
        "full_elastic": {
            "p95_s": figures.p95("full elastic"), "victim_wrong": wrong, "victim_finished_recomputed": again,
        },
    }  # fmt: skip


PARTS = {part.__name__: part for part in (idle, warm, full, full_elastic, stubborn)}


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.urgent", description=__doc__)
    parser.add_argument("--n", type=int, default=60, help="values of each kind")
    parser.add_argument("--raw", type=Path, default=Path("bench-urgent.json"), help="where all values go")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some parts only")
    chosen = parser.parse_args(argv)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: nothing is compiled when it is urgent
    figures, told = Figures(), {}
    for part in chosen.only:
        told.update(PARTS[part](figures, chosen.n))
        figures.write(chosen.raw)
    print(figures.table(), file=sys.stderr)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
