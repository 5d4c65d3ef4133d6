"""One worker process: registers with the head, and when told to go hands over what it has."""

import asyncio
import signal
import time
from dataclasses import dataclass

import dask
from distributed.core import Status
from distributed.worker import DEFAULT_METRICS, Worker

from ihpc_jupyter.cluster.naming import WorkerName
from ihpc_jupyter.files import read_model
from ihpc_jupyter.head.tls import security_from
from ihpc_jupyter.model.head import LATENCY, SENT, HeadFile
from ihpc_jupyter.model.spool import Spool

DONE = 0
"""Exit code: told to go, and gone."""
TRY_AGAIN = 75
"""Exit code: the head was lost, or took this process for lost; both may find one another again."""

RETIRED = "ihpc-retired"
"""The reason for which the head closes a worker that is no longer wanted."""
TOLD_TO_GO = "ihpc-told-to-go"
"""The reason for which a worker closes that a signal or the clock told to go."""

_MARGIN = 0.7
"""Seconds kept back from the grace for closing connections."""
_TERM_GRACE = 3.0
"""Seconds that a plain SIGTERM is taken to leave before SIGKILL (Slurm's KillWait is 30 s by default)."""
_LOOK = 0.05
"""Seconds between two looks at what still runs, once it is time to go."""
_CONNECT = "5s"
_ONE_HEAD = 20.0
"""Seconds to try one head's address, before it is looked up again: a new head may listen elsewhere."""


@dataclass(frozen=True)
class WorkerOrder:
    """What one process needs to know.

    *grace*: seconds between a notice and the end; *handover*: seconds before *ends_at* (the job's time
    limit, seconds since 1970) at which the worker begins to go by itself.
    """

    spool: Spool
    name: WorkerName
    threads: int
    memory_limit: str
    death_timeout: float
    grace: float
    handover: float
    ends_at: float | None


class GroupWorker(Worker):
    """Dask's worker, remembering why it closed."""

    close_reason = ""

    def start_http_server(self, *_: object, **__: object) -> None:
        """Serve no pages: Dask's have no login. The head's pages show the workers too."""

    async def close(self, *args: object, reason: str = "worker-close", **kwargs: object) -> str | None:
        """Close, keeping the first reason; what still runs is run again elsewhere, so nobody waits for it."""
        self.close_reason = self.close_reason or reason
        kwargs["executor_wait"] = False
        answer: str | None = await super().close(*args, reason=reason, **kwargs)
        return answer


async def run_worker(order: WorkerOrder) -> int:
    """Work until told to go; the exit code for the launcher."""
    worker = await _join(order)
    if worker is None:
        return DONE
    _Leaving(worker, order).listen()
    await worker.finished()
    wanted = worker.close_reason not in (RETIRED, TOLD_TO_GO)
    return TRY_AGAIN if wanted and order.spool.gate.exists() else DONE


async def _join(order: WorkerOrder) -> GroupWorker | None:
    """A registered worker; None when the cluster is closed or no head answers within the death timeout."""
    until = time.monotonic() + order.death_timeout
    while head := await _await_head(order, until):
        worker = GroupWorker(
            head.address,
            name=str(order.name),
            nthreads=order.threads,
            memory_limit=order.memory_limit,
            security=security_from(order.spool.certificate, order.spool.key),
            death_timeout=min(_ONE_HEAD, max(1.0, until - time.monotonic())),
            dashboard=False,
            host=_same_interface(head),
            metrics={**DEFAULT_METRICS, SENT: _sent, LATENCY: _latency},
        )
        try:
            # Dask tries less and less often within one attempt to connect: many short ones find a new head soon.
            with dask.config.set({"distributed.comm.timeouts.connect": _CONNECT}):
                await worker
        except TimeoutError:
            continue
        return worker
    return None


def _sent(worker: Worker) -> int:
    return int(worker.transfer_outgoing_bytes_total)


def _latency(worker: Worker) -> float:
    return float(worker.latency)


async def _await_head(order: WorkerOrder, until: float) -> HeadFile | None:
    """Where the head is; None when the cluster is closed or nobody comes in time."""
    while order.spool.gate.exists() and time.monotonic() < until:
        if head := read_model(order.spool.head, HeadFile):
            return head
        await asyncio.sleep(0.2)
    return None


def _same_interface(head: HeadFile) -> str | None:
    """A head on loopback is reached, and reaches back, on loopback only."""
    return "127.0.0.1" if head.address.startswith("tls://127.") else None


class _Leaving:
    """Goes when a signal or the clock says so: data to survivors, the running task gets the rest."""

    def __init__(self, worker: GroupWorker, order: WorkerOrder) -> None:
        self._worker = worker
        self._order = order
        self._until = float("inf")
        self._task: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """React to SIGUSR1 (the notice), SIGTERM (now) and to the approaching end of the job."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._begin, self._order.grace or _TERM_GRACE)
        loop.add_signal_handler(signal.SIGTERM, self._begin, _TERM_GRACE)
        if self._order.ends_at is not None:
            wait = self._order.ends_at - self._order.handover - time.time()
            loop.call_later(max(0.0, wait), self._begin, self._order.handover)

    def _begin(self, grace: float) -> None:
        self._until = min(self._until, time.monotonic() + grace - _MARGIN)
        if self._task is None:
            # Set by ourselves, it stays so when nobody can take our data: no new task begins here any more.
            self._worker.status = Status.closing_gracefully
            self._task = asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        while time.monotonic() < self._until:
            idle = self._worker.state.executing_count == 0
            if idle:
                await asyncio.sleep(_LOOK)  # the head must have heard of the last result
            if await self._hand_over(remove=False) and idle:
                break
            await asyncio.sleep(_LOOK)
        await self._hand_over(remove=True)
        await self._worker.close(nanny=False, reason=TOLD_TO_GO)

    async def _hand_over(self, *, remove: bool) -> bool:
        """Copy results that only this worker has to others; False where nobody could take them in time."""
        left = max(_MARGIN / 2, self._until - time.monotonic())
        try:
            async with asyncio.timeout(left):
                retired = await self._worker.scheduler.retire_workers(
                    workers=[self._worker.address], close_workers=False, remove=remove
                )
        except (TimeoutError, OSError):
            return False
        return self._worker.address in retired
