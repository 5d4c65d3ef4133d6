"""What holds a launched job on the `local` site: nothing but the job."""

import shlex
from collections.abc import Awaitable, Callable

from ihpc_jupyter.scheduler.base import Launch, Submission


class LocalHold:
    """A launched job of this host; *ended* waits for the end of all jobs with its id."""

    pid: int | None = None

    def __init__(self, ended: Callable[[str], Awaitable[int]], job_id: str) -> None:
        self._ended = ended
        self.job_id: str | None = job_id

    async def wait(self) -> int:
        """Until its jobs have ended."""
        return await self._ended(self.job_id or "")

    def stop(self) -> None:
        """Nothing to ask: the jobs are cancelled by their ids."""


def as_submission(launch: Launch) -> Submission:
    """A launch as ordinary jobs of this host, one a copy or rank: its number is the array's index."""
    count = max(launch.copies, launch.tasks)
    return Submission(
        name=launch.name,
        script=f"#!/usr/bin/env bash\nexec bash {shlex.quote(str(launch.script))}\n",
        lane=launch.lane,
        count=count,
        array=count > 1,
        log=launch.log.replace("{copy}", "{job}"),
        cores=launch.shape.cores,
        time_limit=launch.time_limit,
    )
