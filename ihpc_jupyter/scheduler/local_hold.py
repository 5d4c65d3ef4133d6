"""What holds a launched job on the `local` site: nothing but the job."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ihpc_jupyter.scheduler.base import Launch, Submission
from ihpc_jupyter.scheduler.local_queue import INDEX


class LocalHold:
    """A launched job of this host, by its id; *ended* waits for the end of all its parts, *cancel* ends them."""

    pid: int | None = None
    job_id: str | None = None
    """Told by the job itself, once it runs."""

    def __init__(
        self,
        id_: str,
        ended: Callable[[str], Awaitable[int]],
        cancel: Callable[[list[str]], Coroutine[Any, Any, None]],
    ) -> None:
        self._id = id_
        self._ended = ended
        self._cancel = cancel
        self._stopping: asyncio.Task[None] | None = None

    async def wait(self) -> int:
        """Until its jobs have ended."""
        return await self._ended(self._id)

    def stop(self) -> None:
        """Cancel it."""
        self._stopping = asyncio.get_running_loop().create_task(self._cancel([self._id]))


def as_submission(launch: Launch) -> Submission:
    """A launch as ordinary jobs of this host, one a copy or rank: its number is the array's index."""
    count = max(launch.copies, launch.tasks)
    return Submission(
        name=launch.name,
        script=f"#!/usr/bin/env bash\nexec bash {shlex.quote(str(launch.script))}\n",
        lane=launch.lane,
        count=count,
        array=count > 1,
        log=launch.log.replace("{copy}", INDEX),
        cores=launch.shape.cores,
        time_limit=launch.time_limit,
    )
