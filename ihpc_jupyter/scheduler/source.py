"""Where a watcher's answers come from: the batch system itself, or somebody who asks it for everybody."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.scheduler.base import BatchSystem


class Wish(IntEnum):
    """What is wanted of a source: nothing, to be kept informed, or to hear soon."""

    NOTHING = 0
    LOOKS = 1
    WAITS = 2


Rest = Callable[[float], Awaitable[None]]
"""Waits so many seconds at most, and less where the wish may have changed."""


@dataclass(frozen=True)
class Told:
    """One answer: all jobs of this user.

    *asked_at*: when the batch system was asked, by this host's clock, or earlier (seconds since 1970); *latency*:
    seconds it took to answer; *note*: what people should know of where this comes from.
    """

    jobs: list[Job]
    asked_at: float
    latency: float
    note: str = ""


class Source(Protocol):
    """Answers to a watcher's questions. *paced*: it waits for the right moment itself."""

    @property
    def paced(self) -> bool:
        """Whether `ask` may be called again at once: the source bounds the rate."""

    async def ask(self, wish: Callable[[], Wish], rest: Rest) -> Told | None:
        """The next answer; where the wish is WAITS when called, to a question that began afterwards.

        None once nothing is wished any more. Raises what the batch system's `query` raises.
        """


class Direct:
    """The batch system itself, asked when the watcher says so."""

    paced = False

    def __init__(self, batch: BatchSystem) -> None:
        self._batch = batch

    async def ask(self, wish: Callable[[], Wish], rest: Rest) -> Told:
        """One `query`."""
        began, clock = time.time(), time.monotonic()
        jobs = await self._batch.query()
        return Told(jobs, began, time.monotonic() - clock)
