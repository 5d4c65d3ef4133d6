"""What every reader of a centre's snapshot does alike, wherever it lies: its clock, and when it is refused."""

import time
from abc import ABC, abstractmethod

from ihpc_jupyter.scheduler.snapshot import HEARTBEAT, SiteSnapshot, UserJobs
from ihpc_jupyter.scheduler.source import Wish

SILENT = 8 * HEARTBEAT
"""Seconds without a sign of life after which the writer counts as gone."""

AHEAD = 1.0
"""Seconds by which a time in the snapshot may lie ahead: more is a mistake, or somebody's doing."""

LARGEST = 256 << 20
"""Bytes of one answer or file."""

_GRAIN = 0.02
"""Seconds by which a file's time may lie behind: kernels write that of their last tick."""
_COARSE = 2.0
"""The same where a file system keeps whole seconds."""


class Unusable(Exception):
    """The snapshot cannot be used; its text says why, in half a sentence."""


class SnapshotReader(ABC):
    """One reader of one snapshot. Its methods wait for files or a network: call them in a thread.

    All times are the snapshot's own, so that hosts' clocks need not agree.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._grain = _GRAIN

    @abstractmethod
    def mark(self, wish: Wish) -> float:
        """Ask for news: the moment of it, by the snapshot's clock. Raises `Unusable`."""

    @abstractmethod
    def site(self, patience: float = 0.0) -> SiteSnapshot:
        """How the batch system is, where somebody keeps that up to date.

        *patience*: seconds for which this may wait for something newer than what was told last. Raises `Unusable`.
        """

    @abstractmethod
    def jobs(self) -> UserJobs | None:
        """This user's jobs; the same object while nothing changes, None while there is none. Raises `Unusable`."""

    @abstractmethod
    def close(self) -> None:
        """Nothing is wanted any more."""

    @property
    def now(self) -> float:
        """This moment by the snapshot's clock, as of the last mark."""
        return time.time() - (self._offset or 0.0)

    def here(self, moment: float) -> float:
        """A moment of the snapshot's by this host's clock, or a little earlier."""
        return min(moment + (self._offset or 0.0) - self._grain, time.time())

    def there(self, moment: float) -> float:
        """A moment of this host's by the snapshot's clock, or a little later."""
        return moment - (self._offset or 0.0) + self._grain

    def _compare_clocks(self, before: float, stamp: float) -> None:
        """*before* by this host's clock, it was *stamp* by the snapshot's, or a little later."""
        self._grain = _COARSE if stamp.is_integer() else _GRAIN
        self._offset = before - stamp

    def _not_gone(self, told: SiteSnapshot, alive: float, now: float) -> SiteSnapshot:
        """*told*, where its writer gave a sign of life lately: at *alive*, and it is *now*. Raises `Unusable`."""
        if max(told.asked_at, alive) > now + max(AHEAD, self._grain):
            raise Unusable("it comes from the future: clocks differ")
        if (silence := now - alive) > SILENT:
            raise Unusable(f"its writer is silent for {silence:.0f} s")
        return told
