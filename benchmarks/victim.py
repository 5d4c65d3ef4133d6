"""Somebody's elastic cluster that computes a long list of tasks with known answers, and keeps every answer.

Runs in a notebook of its own; the tasks leave traces, so that each computation can be counted.
"""

import time
from collections import Counter
from pathlib import Path

from distributed import Client, Future

SECONDS = 0.5
"""How long a task takes."""
SIZE = 1000
"""Bytes of an answer."""


def compute(trace: str, number: int) -> bytes:
    """Take some time, leave *number* in the file at the end, give the answer."""
    time.sleep(SECONDS)  # the work
    with Path(trace).open("a") as file:
        file.write(f"{number}\n")
    return answer(number)


def answer(number: int) -> bytes:
    """What `compute` gives."""
    return number.to_bytes(4, "big") * (SIZE // 4)


class Work:
    """The list, its answers held by the cluster until they are compared."""

    def __init__(self, client: Client, trace: Path) -> None:
        self._client = client
        self._trace = trace
        self._futures: list[Future] = []

    def busy(self, tasks: int) -> None:
        """See to it that at least so many tasks are still to be done."""
        left = sum(not future.done() for future in self._futures[-2 * tasks :])
        if left < tasks:
            numbers = range(len(self._futures), len(self._futures) + 2 * tasks - left)
            self._futures += self._client.map(compute, [str(self._trace)] * len(numbers), numbers, pure=False)

    def compare(self) -> tuple[int, int, int]:
        """Wait for all: how many tasks, how many answers are wrong, how many computations were made again."""
        answers = self._client.gather(self._futures)
        wrong = sum(told != answer(number) for number, told in enumerate(answers))
        traces = Counter(int(line) for line in self._trace.read_text().split())
        return len(answers), wrong, sum(traces.values()) - len(traces)
