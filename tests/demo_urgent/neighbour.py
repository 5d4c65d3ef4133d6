"""User B's program: a long computation on an elastic `spot` cluster that fills the machine.

``python -m tests.demo_urgent.neighbour WORKERS TASKS TRACE`` counts the primes below 10^8. Each task leaves a
line in the file TRACE when it begins and when it has ended. Progress and the result are JSON lines.
"""

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from distributed import Client, as_completed

from ihpc_jupyter import Cluster

BELOW = 10**8
PRIMES = 5_761_455
"""The known answer: primes below `BELOW`."""
PACE = 0.3
"""Seconds that a task takes by the clock: the bed's cores are counted, not real."""
CLUSTER = "primes"


def primes(
    number: int, low: int, high: int, trace: str, pace: float
) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    """The primes from *low* to below *high*, by a sieve."""
    over = time.monotonic() + pace

    def note(what: str) -> None:
        with Path(trace).open("a") as file:  # one short write to a file opened for appending is never mixed
            file.write(f"{what} {number} {os.getpid()}\n")

    note("begin")
    is_prime = np.ones(high - low, bool)
    small = np.ones(int(high**0.5) + 1, bool)
    for divisor in range(2, len(small)):
        if small[divisor]:
            small[divisor * divisor :: divisor] = False
            is_prime[max(divisor * divisor, -(-low // divisor) * divisor) - low :: divisor] = False
    found = (np.flatnonzero(is_prime) + low).astype(np.uint32)
    time.sleep(max(0.0, over - time.monotonic()))  # the rest of the work: pretended cores make nothing quicker
    note("end")
    return found


def compute(client: Client, tasks: int, trace: str) -> int:
    """Find them on the cluster, where they stay until all are there; then their number."""
    edges = [max(2, number * BELOW // tasks) for number in range(tasks + 1)]
    found = [
        client.submit(primes, number, low, high, trace, PACE, key=f"primes-{number}")
        for number, (low, high) in enumerate(pairwise(edges))
    ]
    for done, _ in enumerate(as_completed(found), 1):
        tell(done=done, tasks=tasks)
    return sum(client.gather(client.map(len, found, pure=False)))


def tell(**facts: object) -> None:
    """One line for whoever reads this program's output."""
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


def main(workers: int, tasks: int, trace: str) -> None:
    """Fill the machine, compute, let go."""
    cluster = Cluster(CLUSTER, site="bed", lane="spot", workers=workers)
    try:
        with cluster.client() as client:
            cluster.wait_for_workers(workers, timeout=60)
            tell(working=workers)
            tell(primes=compute(client, tasks, trace))
    finally:
        cluster.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
