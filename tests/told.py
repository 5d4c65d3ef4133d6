"""A batch system for tests of whoever asks one."""

import asyncio
import time
from collections.abc import Sequence

from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.why import Evidence
from ihpc_jupyter.scheduler.base import Capacity, Held, Launch, Offers, Submission
from ihpc_jupyter.scheduler.fold import Fold


class Told:
    """A batch system that tells what it is told to tell, as slowly as asked."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobState] = {}
        self.remembered: dict[str, JobState] = {}
        self.delay = 0.0
        self.error: Exception | None = None
        self.began: list[float] = []
        self.lookups: list[list[str]] = []

    @property
    def requests(self) -> int:
        return len(self.began)

    async def query(self) -> list[Job]:
        self.began.append(time.monotonic())
        jobs = [Job(id=key, name="a", state=state) for key, state in self.jobs.items()]
        await asyncio.sleep(self.delay)
        if self.error:
            raise self.error
        return jobs

    async def history(self, ids: Sequence[str]) -> list[Job]:
        self.lookups.append(list(ids))
        return [Job(id=key, name="a", state=self.remembered[key]) for key in ids if key in self.remembered]

    async def submit(self, submission: Submission) -> str:
        raise NotImplementedError

    async def cancel(self, ids: Sequence[str]) -> None:
        raise NotImplementedError

    async def launch(self, launch: Launch) -> Held:
        raise NotImplementedError

    async def sent_away(self, since: float, until: float) -> list[str]:
        raise NotImplementedError

    async def account(self, since: float) -> list[Job]:
        raise NotImplementedError

    async def test_launch(self, launch: Launch) -> str:
        raise NotImplementedError

    async def expected_start(self, launch: Launch) -> tuple[float | None, str]:
        raise NotImplementedError

    async def everybody(self) -> list[Fold]:
        raise NotImplementedError

    async def evidence(self, job_id: str) -> Evidence:
        raise NotImplementedError

    def recollect(self, job: Job, asked_at: float, why: str) -> Evidence:
        raise NotImplementedError

    async def log_path(self, job_id: str) -> str:
        raise NotImplementedError

    def listing(self, *, everybody: bool) -> str:
        raise NotImplementedError

    async def capacity(self) -> Capacity:
        raise NotImplementedError

    async def nodes(self) -> Nodes:
        return Nodes(at=0.0)

    async def cycles(self) -> dict[str, float]:
        raise NotImplementedError

    async def preemptible(self) -> dict[str, int]:
        raise NotImplementedError

    async def offers(self) -> Offers:
        raise NotImplementedError

    async def test_only(self, submission: Submission) -> str:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is held."""
