"""Trying again, later and later, up to a minute."""

import time
from dataclasses import dataclass

FIRST = 1.0
LONGEST = 60.0


@dataclass
class Backoff:
    """When the next try is due. Times: *due* on the monotonic clock, *retry_at* in seconds since 1970."""

    pause: float = 0.0
    due: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether the next try may be made."""
        return time.monotonic() >= self.due

    @property
    def retry_at(self) -> float:
        """When it may be, for people."""
        return time.time() + max(0.0, self.due - time.monotonic())

    def failed(self) -> None:
        """Wait twice as long as last time."""
        self.pause = min(LONGEST, max(FIRST, self.pause * 2))
        self.due = time.monotonic() + self.pause

    def reset(self) -> None:
        """It worked, or a person wants it now."""
        self.pause = 0.0
        self.due = 0.0
