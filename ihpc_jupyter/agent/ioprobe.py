"""How long tiny operations on a file system take. A hanging one holds a thread of its own and nothing else."""

import asyncio
import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ihpc_jupyter.files import private_directory
from ihpc_jupyter.model.site import Site

_BLOCK = os.urandom(4096)


@dataclass(frozen=True)
class IoTimes:
    """Seconds of one write with sync, one read and one round of metadata (create, stat, unlink)."""

    write: float
    read: float
    metadata: float


def measure(directory: Path) -> IoTimes:
    """Write 4 KiB, read it back, remove it. Raises OSError where the file system refuses."""
    path = directory / f".ihpc-probe-{socket.gethostname()}-{os.getpid()}"
    clock = time.perf_counter
    moments = [clock()]
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
    try:
        moments.append(clock())
        os.write(descriptor, _BLOCK)
        os.fsync(descriptor)
        moments.append(clock())
        # What is synced may leave this host's cache, so that the read is one where the file system allows it.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.pread(descriptor, len(_BLOCK), 0)
        moments.append(clock())
        path.stat()
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
    moments.append(clock())
    opened, written, read, removed = (after - before for before, after in itertools.pairwise(moments))
    return IoTimes(write=written, read=read, metadata=opened + removed)


def probes_of(sites: Iterable[Site]) -> dict[str, "IoProbe"]:
    """One probe for each directory that the sites name, however many name it."""
    probes: dict[str, IoProbe] = {}
    for site in sites:
        for path in (site.spool,) if site.io_probes is None else site.io_probes:
            probes.setdefault(path, IoProbe(path, make=path == site.spool))
    return probes


class IoProbe:
    """Measures one directory, *name* being what people call it; *make*: a directory of ours, made when missing."""

    def __init__(self, name: str, make: bool = False, operation: Callable[[Path], IoTimes] = measure) -> None:
        self.name = name
        self.began_at: float | None = None
        """When the measurement that has not ended yet began, seconds since 1970."""
        self._directory = Path(name).expanduser()
        self._make = make
        self._operation = operation

    async def take(self) -> IoTimes:
        """Measure once, however long it takes. Raises OSError where the file system refuses."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[IoTimes] = loop.create_future()

        def settle(outcome: IoTimes | OSError) -> None:
            if future.done():
                return
            if isinstance(outcome, OSError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        def work() -> None:
            try:
                outcome: IoTimes | OSError = self._measure()
            except OSError as error:
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop has gone meanwhile
                loop.call_soon_threadsafe(settle, outcome)

        self.began_at = time.time()
        # Not the loop's own threads: a file system that hangs would take them all, and hold up the agent's end.
        threading.Thread(target=work, name=f"probe {self.name}", daemon=True).start()
        try:
            return await future
        finally:
            self.began_at = None

    def _measure(self) -> IoTimes:
        if self._make:
            private_directory(self._directory)
        return self._operation(self._directory)
