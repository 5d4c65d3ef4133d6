"""What watching costs the scheduler, and how soon it tells. ``make bench-watch``.

A real Slurm; requests are counted where its commands are started, whoever starts them. Four parts: many clients
on one Jupyter server while a cluster's jobs start and are killed; plain jobs that ring the doorbell as they start
and end, beside some that do not; many users' agents before one snapshot; and the peer, jupyterlab-slurm's way: in
each tab a `squeue` of the whole cluster, every 10 s, its default. The delay until a start or end is seen
(`seen_p95_s`) is that of the slower of the first two parts.
The last line is one JSON object. Everything else is told on standard error; ``--raw FILE`` keeps every value.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import labs
from benchmarks.figures import Figures
from benchmarks.life import Life
from benchmarks.plain import SETTLE, plain_jobs
from tests.lab_slurm import REPOSITORY, Lab, Workplace, workplace
from tests.slurmbed import BedSettings, Call, FaultyCommands, SlurmBed, wait_until
from tests.slurmbed.faulty import COMMANDS

BED = BedSettings(nodes=4, cpus=5)
ACTIONS = {"sbatch", "scancel", "srun", "salloc"}
"""What somebody asked for; the rest is watching."""
QUESTIONS = (*COMMANDS, "sdiag")
"""What is counted."""
TAB_PERIOD = 10.0
"""Seconds between two refreshes of jupyterlab-slurm's table, by default."""
TAB_ARGV = ("squeue", "-o", "%.18i %.9P %j %.8u %.2t %.10M %.6D %R", "-h")
SERVER = ("-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.port=0", "--log-level=50")
EXTENSION = '--ServerApp.jpserver_extensions={"ihpc_jupyter.server": True}'


def rate(figures: Figures, name: str, calls: list[Call], seconds: float) -> float:
    """Questions a second, actions left out; told with what they were."""
    questions = [call for call in calls if call.name not in ACTIONS]
    by_name = {each: sum(call.name == each for call in calls) for each in sorted({call.name for call in calls})}
    print(f"{name}: {len(questions)} questions in {seconds:.1f} s {by_name}", file=sys.stderr, flush=True)
    figures.add(f"{name}, requests a second", len(questions) / seconds)
    return round(len(questions) / seconds, 3)


def clients(figures: Figures, bed: SlurmBed, count: int, kills: int) -> tuple[float, float, float]:
    """Requests a second, and the p95 of both delays: *count* clients see a cluster's jobs start and end."""
    commands = FaultyCommands(bed.directory / "one-server", QUESTIONS)
    with workplace(bed) as place:
        place.environment = commands.env(place.environment)
        life = Life(place)
        with panes(place, count) as heard:
            wait_until(lambda: sum("connected" in line for line in heard()) == count, "all are connected", 60)
            life.begin()
            commands.forget_calls()
            began = time.time()
            for _ in range(kills):
                life.kill_one()
            asked = rate(figures, f"{count} clients", commands.calls(), time.time() - began)
            told = [json.loads(line) for line in heard() if "asked_at" in line]
        for name, delay in life.delays(told):
            figures.values[name].append(delay)
    seen = figures.values["start seen"] + figures.values["end seen"]
    figures.values["start or end seen"] = seen
    return asked, figures.p95("pushed"), figures.p95("start or end seen")


@contextmanager
def panes(place: Workplace, count: int) -> Iterator[Callable[[], list[str]]]:
    """A Jupyter server of the place with so many clients; what they have printed so far."""
    root = f"--ServerApp.root_dir={place.directory}"
    lab = Lab(place, sys.executable, *SERVER, EXTENSION, root, directory=place.directory)
    try:
        told = lab.wait_for_address()
        output = place.directory / "heard"
        with output.open("w") as file:
            argv = [sys.executable, "-m", "benchmarks.panes", told["url"], told["token"], str(count)]
            with subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=file) as process:
                yield lambda: output.read_text().splitlines()
                process.communicate()
    finally:
        lab.stop()


def users(figures: Figures, bed: SlurmBed, count: int, seconds: float, calm: float) -> float:
    """Requests a second of *count* users' agents and the writer together, while all of them wait.

    Before that: nobody looks; all have a Lab open, their jobs wait, run, have gone; all have their jobs in view.
    Each after *calm* seconds without a question.
    """
    commands = FaultyCommands(bed.directory / "shared", QUESTIONS)
    phases = (
        ("nobody looks", None),
        ("Labs open, a job of each waits", labs.open_all),
        ("Labs open, a job of each runs", labs.start),
        ("Labs open, nothing in the queue", labs.clear),
        ("Labs open, jobs in view, nothing in the queue", labs.see),
        ("all wait", labs.wait),
    )
    with labs.opened(bed, commands, count) as all_labs:
        for name, begin in phases:
            if begin is not None:
                begin(bed, all_labs)
            if begin is not labs.wait:
                labs.calm_down(commands, calm)
            commands.forget_calls()
            began = time.time()
            time.sleep(seconds)  # the span over which requests are counted
            asked = rate(figures, f"{count} users, {name}", commands.calls(), time.time() - began)
        figures.values[f"{count} users' refreshes, seconds"] = labs.refreshes(all_labs)
    return asked


async def tabs(argv: tuple[str, ...], environment: dict[str, str], count: int, seconds: float) -> None:
    """So many tabs, each of which asks for the whole cluster again and again."""

    end = time.monotonic() + seconds

    async def tab(number: int) -> None:
        at = time.monotonic() + TAB_PERIOD * number / count
        while at < end:
            await asyncio.sleep(at - time.monotonic())
            process = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=subprocess.DEVNULL)
            await process.wait()
            at = time.monotonic() + TAB_PERIOD

    span = asyncio.sleep(seconds)  # counted to its end, whenever the last tab has asked
    await asyncio.gather(span, *(tab(number) for number in range(count)))


def peer(figures: Figures, bed: SlurmBed, count: int, seconds: float) -> float:
    """Requests a second of the peer's way."""
    commands = FaultyCommands(bed.directory / "peer")
    environment = commands.env(bed.environment())
    argv = (str(commands.directory / TAB_ARGV[0]), *TAB_ARGV[1:])
    began = time.time()
    asyncio.run(tabs(argv, environment, count, seconds))
    return rate(figures, f"{count} tabs of the peer", commands.calls(), time.time() - began)


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=__doc__)
    parser.add_argument("--clients", type=int, default=50, help="on one server; tabs of the peer, too")
    parser.add_argument("--kills", type=int, default=15, help="jobs that are killed and replaced meanwhile")
    parser.add_argument("--plain", type=int, default=6, help="plain jobs that ring, and as many that do not")
    parser.add_argument(
        "--settle", type=float, default=SETTLE, help="seconds of rest before plain jobs start or end"
    )
    parser.add_argument("--users", type=int, default=20, help="agents before one snapshot")
    parser.add_argument("--seconds", type=float, default=40.0, help="for which requests are counted, each time")
    parser.add_argument("--calm", type=float, default=6.0, help="seconds without a question that count as calm")
    parser.add_argument("--raw", type=Path, default=Path("bench-watch.json"), help="where all values go")
    chosen = parser.parse_args(argv)
    figures = Figures()
    with SlurmBed(BED) as bed:
        asked, pushed, seen = clients(figures, bed, chosen.clients, chosen.kills)
        together = users(figures, bed, chosen.users, chosen.seconds, chosen.calm)
        theirs = peer(figures, bed, chosen.clients, chosen.seconds)
    seen = max(seen, plain_jobs(figures, BED, chosen.plain, chosen.settle))
    figures.write(chosen.raw)
    print(figures.table(), file=sys.stderr)
    print(
        json.dumps({
            "clients": chosen.clients, "requests_per_s": asked, "users": chosen.users,
            "users_requests_per_s": together, "push_p95_s": pushed, "seen_p95_s": seen,
            "peer_requests_per_s": theirs,
        })
    )  # fmt: skip


if __name__ == "__main__":
    main()
