"""Urgent runs under faults: each ends with one right answer, or with a clear miss. ``make bench-faults``.

Each run gets one random fault at a random moment: the driver's process, the worker (of the notebook's own
cluster), the node, the agent or the kernel is killed or frozen, or the controller says nothing for 20 s. A run
whose kernel was killed is attached to from a new one.
Several machines of their own work side by side. The last line is one JSON object; ``--raw FILE`` keeps every run.
"""

import argparse
import json
import statistics
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random

from benchmarks.injection import KINDS, Fault
from benchmarks.trial import WORK, Outcome, bench
from tests.lab_slurm import workplace
from tests.slurmbed import BedSettings, SlurmBed

MACHINE = BedSettings(nodes=3, cpus=2)
START = 0.3
"""Seconds after the cell was executed in which half of the faults come: while it is ordered and started."""


class Tally:
    """What came of all runs; machines report side by side."""

    def __init__(self, runs: int) -> None:
        self.outcomes: list[Outcome] = []
        self.quiet: list[float] = []
        self._runs = runs
        self._turn = threading.Lock()

    def add(self, outcome: Outcome) -> None:
        """One run, told on standard error."""
        fault = outcome.fault
        with self._turn:
            self.outcomes.append(outcome)
            print(
                f"{len(self.outcomes):4d}/{self._runs} {outcome.verdict:7s} {fault.how:6s} {fault.what:10s} "
                f"at {fault.after:4.2f} s hit {outcome.hit or 'nothing':20s} {outcome.seconds:6.2f} s "
                f"{outcome.attempts} attempts {outcome.why} {outcome.orphans or ''}",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def result(self) -> dict[str, int]:
        """The counts."""
        told = {"runs": len(self.outcomes)}
        told |= {word: sum(one.verdict == word for one in self.outcomes) for word in ("right", "missed", "wrong")}
        return {**told, "orphans": sum(len(one.orphans) for one in self.outcomes)}


def faults(runs: int, random: Random) -> list[Fault]:
    """As many of each kind as can be, in random order, at random moments: half of them while the run starts."""
    kinds = [KINDS[number % len(KINDS)] for number in range(runs)]
    random.shuffle(kinds)
    return [Fault(what, how, random.uniform(0, random.choice((START, WORK)))) for what, how in kinds]


def work(todo: "SimpleQueue[Fault]", deadline: float, tally: Tally, seed: int) -> None:
    """One machine: first a run without a fault, then one after the other."""
    with SlurmBed(MACHINE) as bed, workplace(bed) as place, bench(bed, place, Random(seed)) as table:  # noqa: S311 - no secrets
        table.run(None, deadline)
        tally.quiet.append(table.run(None, deadline).seconds)
        while True:
            try:
                fault = todo.get_nowait()
            except Empty:
                return
            tally.add(table.run(fault, deadline))


def main(argv: list[str] | None = None) -> None:
    """Hurt, count and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--deadline", type=float, default=45.0, help="seconds of each run")
    parser.add_argument("--machines", type=int, default=4, help="so many side by side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--raw", type=Path, default=Path("bench-faults.json"), help="where every run goes")
    chosen = parser.parse_args(argv)
    todo: SimpleQueue[Fault] = SimpleQueue()
    for fault in faults(chosen.runs, Random(chosen.seed)):  # noqa: S311 - no secrets
        todo.put(fault)
    tally = Tally(chosen.runs)
    with ThreadPoolExecutor(chosen.machines) as pool:
        waiting = [
            pool.submit(work, todo, chosen.deadline, tally, chosen.seed + number)
            for number in range(chosen.machines)
        ]
        for one in waiting:
            one.result()
    chosen.raw.write_text(json.dumps([asdict(outcome) for outcome in tally.outcomes], indent=1) + "\n")
    taken = [outcome.seconds for outcome in tally.outcomes]
    print(
        f"deadline {chosen.deadline:g} s, fault-free {statistics.median(tally.quiet):.2f} s, "
        f"with a fault {statistics.median(taken):.2f} s (maximum {max(taken):.2f} s)",
        file=sys.stderr,
    )
    print(json.dumps(tally.result()))


if __name__ == "__main__":
    main()
