"""What jobs tell by themselves: those that ring the user's doorbell as they start or end.

Slurm tells nobody of a job that starts. Clusters' jobs, runs and servers say it themselves; so does any other job
where the centre has Slurm run `centre/doorbell.sh` around it, or its own script does.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

LOOK = 0.5
"""Seconds between two looks at the doorbell."""


class Doorbell:
    """A file of no content in the user's state: who rings sets its time. *rung* is called in the loop for each
    look that finds a new one. A home that takes no files, or does not answer, has no doorbell: then the batch
    system is asked at its usual rate.
    """

    def __init__(self, path: Path, rung: Callable[[], None]) -> None:
        self._path = path
        self._rung = rung

    async def listen(self) -> None:
        """Hang it up, and listen for ever."""
        last = await asyncio.to_thread(self._last_rung)
        while True:
            await asyncio.sleep(LOOK)
            now = await asyncio.to_thread(self._last_rung)
            if None not in (last, now) and now != last:
                self._rung()
            last = now

    def _last_rung(self) -> int | None:
        """Nanoseconds; None where the file is new or cannot be read."""
        try:
            # Opened, as a home's server is then asked anew (NFS).
            with self._path.open("rb") as file:
                return os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                self._path.touch(mode=0o600)
        except OSError:
            pass
        return None
