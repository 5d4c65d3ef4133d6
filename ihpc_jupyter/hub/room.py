"""What is free at a site, for all who choose a lane: asked for once for the whole hub, never waited for."""

import asyncio
import time

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.scheduler.base import BatchSystem, Capacity

FRESH = 15.0
"""Seconds for which an answer is good enough."""


class Room:
    """The last answer, its age, and a question under way where it is older than `FRESH`."""

    def __init__(self, batch: BatchSystem) -> None:
        self._batch = batch
        self._capacity: Capacity | None = None
        self._asked_at = float("-inf")
        self._answered_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def look(self) -> tuple[Capacity | None, float]:
        """What was last told and how many seconds ago; None where nobody has told yet. Asks for news."""
        asking = self._task is not None and not self._task.done()
        if not asking and time.monotonic() - self._asked_at > FRESH:
            self._task = asyncio.get_running_loop().create_task(self._ask())
        return self._capacity, time.monotonic() - self._answered_at

    async def _ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            self._capacity = await self._batch.capacity()
        except IhpcError:
            return
        self._answered_at = time.monotonic()
