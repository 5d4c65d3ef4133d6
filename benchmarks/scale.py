"""From 0 to n workers: ours beside dask-jobqueue, on the same real Slurm, interleaved. ``make bench-scale``.

Both have their Dask scheduler up before the clock starts; the clock stops when n workers are registered with it.
The peer gets a new cluster object each time: after some rounds of scaling up and down one may never fill again.
The peer runs at its defaults (a nanny) and at its best tuning (no nanny). Slurm is set as the test bed sets it.
The last line is one JSON object: medians in seconds, ratios to the peer's best, `sbatch` requests for n workers.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from distributed import Client

from tests.lab_slurm import Workplace, workplace
from tests.slurmbed import BedSettings, FaultyCommands, SlurmBed, wait_until

PATIENCE = 120
Measure = Callable[[int], float]
Way = Callable[[], AbstractContextManager[Measure]]


@contextmanager
def ours(place: Workplace) -> Iterator[Measure]:
    """Our cluster, its head up, its agent warm."""
    os.environ.update(place.environment)
    from ihpc_jupyter import Cluster  # noqa: PLC0415 - reads the environment of the workplace

    cluster = Cluster("bench", site="bed", lane="interactive", cores=1, memory="500MiB")
    with cluster.client() as client:
        yield lambda workers: _timed(client, workers, cluster.scale)
    cluster.stop()


@contextmanager
def peer(place: Workplace, *, nanny: bool) -> Iterator[Measure]:
    """dask-jobqueue's cluster, its scheduler up in this process."""
    os.environ.update(place.environment)
    from dask_jobqueue import SLURMCluster  # noqa: PLC0415 - reads the environment of the workplace

    loopback = {"host": "tcp://127.0.0.1:0", "dashboard_address": "127.0.0.1:0"}
    with (
        SLURMCluster(
            queue="interactive", cores=1, memory="500MiB", processes=1, nanny=nanny, walltime="01:00:00",
            python=sys.executable, scheduler_options=loopback, log_directory=str(place.directory / "logs"),
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield lambda workers: _timed(client, workers, lambda jobs: cluster.scale(jobs=jobs))


def _timed(client: Client, workers: int, scale: Callable[[int], object]) -> float:
    """Seconds from the request to n registered workers; back to none afterwards."""
    began = time.perf_counter()
    scale(workers)
    wait_until(lambda: _registered(client) == workers, f"{workers} workers", PATIENCE)
    took = time.perf_counter() - began
    scale(0)
    wait_until(lambda: _registered(client) == 0, "no workers", PATIENCE)
    return took


def _registered(client: Client) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


def _empty(bed: SlurmBed) -> bool:
    return not bed.run("squeue", "--noheader").stdout.strip()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with SlurmBed(BedSettings(nodes=8, cpus=4)) as bed, workplace(bed) as place:
        commands = FaultyCommands(Path(place.directory) / "commands")
        place.environment = commands.env(place.environment)
        with ours(place) as mine:
            ways: dict[str, Way] = {
                "ihpc_jupyter": lambda: nullcontext(mine),
                "dask_jobqueue": lambda: peer(place, nanny=True),
                "dask_jobqueue_no_nanny": lambda: peer(place, nanny=False),
            }
            sizes = [_size(bed, commands, ways, size, chosen.rounds) for size in chosen.sizes]
            print(json.dumps({"scale": sizes}))


def _size(
    bed: SlurmBed, commands: FaultyCommands, ways: dict[str, Way], size: int, rounds: int
) -> dict[str, object]:
    """One size: each way once a round, an empty queue before each."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    requests: dict[str, int] = {}
    for _ in range(rounds):
        for way, open_way in ways.items():
            wait_until(lambda: _empty(bed), "an empty queue", PATIENCE)
            with open_way() as measure:
                commands.forget_calls()
                taken[way].append(measure(size))
            requests[way] = len(commands.calls("sbatch"))
            print(
                f"{size:3d} workers  {way:24s} {taken[way][-1]:6.2f} s  {requests[way]:3d} sbatch", file=sys.stderr
            )
    medians = {way: round(statistics.median(values), 3) for way, values in taken.items()}
    best = min(value for way, value in medians.items() if way != "ihpc_jupyter")
    return {
        "workers": size, "n": rounds, "median_s": medians, "sbatch": requests,
        "raw_s": {way: [round(value, 3) for value in values] for way, values in taken.items()},
        "ratio_to_best_peer": round(medians["ihpc_jupyter"] / best, 3),
    }  # fmt: skip


if __name__ == "__main__":
    main()
