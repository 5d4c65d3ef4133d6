"""Who looks after a cluster: one agent at a time, whatever the number of hosts that share the home.

A lease is a file ``lease-GENERATION.json`` in the cluster's directory. The highest generation holds; taking
over is creating the next one, which only one can do (exclusive creation); an owner that finds a higher
generation than its own has been fenced out and must neither write, submit nor cancel.
"""

import os
import time
from pathlib import Path

from ihpc_jupyter.files import read_model, write_model
from ihpc_jupyter.identity import proved_dead
from ihpc_jupyter.model.base import Model, Time
from ihpc_jupyter.model.process import Process

RENEW = 5.0
"""Seconds between two renewals."""
EXPIRY = 30.0
"""Seconds without a renewal after which another may take over."""


class LeaseFile(Model):
    """What stands in a lease's file."""

    owner: Process
    renewed_at: Time


class Lease:
    """One agent's view of one cluster's lease."""

    def __init__(self, directory: Path, me: Process) -> None:
        self._directory = directory
        self._me = me
        self._generation = 0
        self._seen: tuple[int, float, float] = (0, 0.0, 0.0)
        self._renewed_at = 0.0

    @property
    def held(self) -> bool:
        """Whether we hold it, and nobody has taken over."""
        return self._generation > 0 and self._highest() == self._generation

    def keep(self) -> bool:
        """Whether we hold it still; renewed when that is due. Raises OSError where the file cannot be written."""
        if not self.held:
            return False
        if time.monotonic() - self._renewed_at > RENEW:
            self._renewed_at = time.monotonic()
            return self.renew()
        return True

    def holder(self) -> LeaseFile | None:
        """Who holds it now, as far as the files say."""
        highest = self._highest()
        return read_model(self._path(highest), LeaseFile) if highest else None

    def acquire(self) -> bool:
        """Take it if it is free, expired or its owner is proved dead. True when we hold it."""
        if self.held:
            return True
        self._generation = 0
        highest = self._highest()
        if highest and not self._vacant(highest):
            return False
        return self._create(highest + 1)

    def renew(self) -> bool:
        """Say that we are still here; False when we have been fenced out.

        Raises OSError where the file cannot be written (disk full, read-only).
        """
        if not self.held:
            return False
        write_model(self._path(self._generation), self._mine(), durable=False)
        return self.held

    def release(self) -> None:
        """Let go: the next agent need not wait for the expiry."""
        if self.held:
            self._path(self._generation).unlink(missing_ok=True)
            self._generation = 0

    def _vacant(self, generation: int) -> bool:
        current = read_model(self._path(generation), LeaseFile)
        if current is None:
            return self._unchanged_for(generation, 0.0) >= EXPIRY
        if current.owner == self._me or proved_dead(current.owner):
            return True
        # Judged by our own clock, from when we first saw this very renewal: hosts' clocks differ and step.
        return self._unchanged_for(generation, current.renewed_at) >= EXPIRY

    def _unchanged_for(self, generation: int, renewed_at: float) -> float:
        now = time.monotonic()
        if self._seen[:2] != (generation, renewed_at):
            self._seen = (generation, renewed_at, now)
        return now - self._seen[2]

    def _create(self, generation: int) -> bool:
        # Written elsewhere and linked: it appears whole or, on a full disk, not at all.
        draft = self._directory / f".lease-{self._me.host}-{self._me.pid}"
        try:
            write_model(draft, self._mine(), durable=False)  # after a crash nobody holds it anyway
            os.link(draft, self._path(generation))
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
        self._generation = generation
        self._renewed_at = time.monotonic()
        self._path(generation - 1).unlink(missing_ok=True)
        return True

    def _highest(self) -> int:
        numbers = [int(path.stem.split("-")[1]) for path in self._directory.glob("lease-*.json")]
        return max(numbers, default=0)

    def _path(self, generation: int) -> Path:
        return self._directory / f"lease-{generation:08d}.json"

    def _mine(self) -> LeaseFile:
        return LeaseFile(owner=self._me, renewed_at=time.time())
