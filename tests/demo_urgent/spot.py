"""User B beside the demonstration: their program as a process, what it says, what its tasks left in the trace."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

from tests.lab_slurm import REPOSITORY, Workplace
from tests.slurmbed import BedError, users, wait_until

USER = "ihpc-bob"


def neighbour() -> str | None:
    """An ordinary user apart from this one, where root asks and the user can read this checkout; else None."""
    if os.geteuid() != 0:
        return None
    users.ensure_user(USER)
    argv = [sys.executable, "-c", "import tests.demo_urgent.neighbour"]
    told = subprocess.run(
        argv, cwd="/", env={"PYTHONPATH": str(REPOSITORY), **users.environment(USER)}, capture_output=True,
        check=False, timeout=60, **users.identity(USER),
    )  # fmt: skip
    return USER if told.returncode == 0 else None


class Spot:
    """The neighbour's program on *workers* workers; ends with `close`."""

    def __init__(self, place: Workplace, workers: int, tasks: int) -> None:
        self.tasks = tasks
        self.facts: dict[str, Any] = {"done": 0}
        """The latest of each thing that the program told."""
        self.told_at = 0.0
        """When it told something last (`time.monotonic`)."""
        self._trace = place.directory / "trace"
        self._log = place.directory / "neighbour.log"
        argv = [sys.executable, "-m", "tests.demo_urgent.neighbour", str(workers), str(tasks), str(self._trace)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                argv, env=place.environment, cwd=place.directory, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True, **users.identity(place.user),
            )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.facts = {**self.facts, **json.loads(line)}
            self.told_at = time.monotonic()

    def await_(self, fact: str, least: int, timeout: float) -> int:
        """Wait until the program has told at least so much of a fact. Raises BedError when it ends before."""
        return wait_until(lambda: self._told(fact, least), f"the neighbour tells {fact}", timeout)

    def _told(self, fact: str, least: int) -> int:
        ended = self._process.poll() is not None
        told = int(self.facts.get(fact, 0))
        if ended and "primes" not in self.facts:
            raise BedError(f"the neighbour's program ended:\n{self._log.read_text()[-2000:]}")
        return told if told >= least else 0

    def counts(self) -> tuple[int, int]:
        """Tasks that began more than once, and tasks that came to their end more than once."""
        lines = [line.split() for line in self._trace.read_text().splitlines()]
        begun = Counter(number for what, number, _ in lines if what == "begin")
        ended = Counter(number for what, number, _ in lines if what == "end")
        return sum(count > 1 for count in begun.values()), sum(count > 1 for count in ended.values())

    def close(self) -> None:
        """End the program; its cluster goes with the workplace's agent."""
        self._process.terminate()
        self._process.wait(10)
