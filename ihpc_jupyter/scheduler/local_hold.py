"""What holds a launched job on the `local` site: nothing but the job."""

from collections.abc import Awaitable, Callable


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
