"""Urgent runs on the cluster's own workers: before every task that waits, on an idle worker at once."""

import asyncio
from pathlib import Path
from time import time
from typing import Any

from distributed import Client, fire_and_forget
from distributed.core import Status
from distributed.scheduler import Scheduler, WorkerState
from pydantic import ValidationError

from ihpc_jupyter.driver import run_here
from ihpc_jupyter.head.api import HeadHandler
from ihpc_jupyter.model.head import RunTask

BEFORE_ALL = 1_000_000
"""The priority of an urgent task: it is first wherever it waits."""

_CLIENT = "ihpc_urgent_client"


class RunHandler(HeadHandler):
    """``POST /ihpc/run`` {mailbox, attempt, let_go} → 202 {worker}; 409 where no worker can take it now."""

    async def post(self) -> None:
        """Hand it to a worker, without waiting for its end."""
        try:
            task = RunTask.model_validate_json(self.request.body)
        except ValidationError as error:
            self.set_status(422)
            self.finish({"error": "invalid", "message": str(error)})
            return
        idle = _idle(self.scheduler)
        victim = _least_to_lose(self.scheduler) if task.let_go and idle is None else None
        if idle is None and victim is None and not (task.wait and self.scheduler.workers):
            self.set_status(409)
            self.finish({"error": "rejected", "message": "No worker is idle."})
            return
        await _submit(self.scheduler, task, idle)
        if victim is not None:
            # The urgent task waits already, before all others: the worker takes it first when it is back.
            await self.scheduler.remove_worker(victim.address, stimulus_id=f"ihpc-urgent-{time()}")
        self.set_status(202)
        self.finish({"worker": idle.address if idle else None})


def _idle(scheduler: Scheduler) -> WorkerState | None:
    """A worker with nothing to do, the one with the least data."""
    able = [one for one in scheduler.workers.values() if one.status is Status.running and not one.processing]
    return min(able, key=lambda one: one.nbytes, default=None)


def _least_to_lose(scheduler: Scheduler) -> WorkerState | None:
    """The worker to break off where none is idle: its launcher starts it again, its tasks run again."""
    busy = [one for one in scheduler.workers.values() if one.status is Status.running]
    return min(busy, key=lambda one: (len(one.has_what), one.occupancy), default=None)


async def _submit(scheduler: Scheduler, task: RunTask, idle: WorkerState | None) -> None:
    client = await _client(scheduler)
    future = client.submit(
        run_here,
        task.mailbox,
        task.attempt,
        0,
        key=f"urgent-{Path(task.mailbox).name}-{task.attempt}",
        workers=[idle.address] if idle else None,
        priority=BEFORE_ALL,
        pure=False,
        retries=0,
    )
    fire_and_forget(future)


async def _client(scheduler: Scheduler) -> Client:
    """The head's own client: one, made on first need, closed with the scheduler."""
    pending: asyncio.Future[Any] | None = getattr(scheduler, _CLIENT, None)
    if pending is None:
        opening = Client(scheduler.address, security=scheduler.security, asynchronous=True, set_as_default=False)
        pending = asyncio.ensure_future(_opened(opening))
        setattr(scheduler, _CLIENT, pending)
    client: Client = await asyncio.shield(pending)
    return client


async def _opened(client: Client) -> Client:
    return await client
