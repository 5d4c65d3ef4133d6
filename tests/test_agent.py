"""The agent's own book-keeping, in this process: namesakes, slow readers."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ihpc_jupyter.agent.agent import FAR_BEHIND, Agent
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.cluster.naming import new_uid
from ihpc_jupyter.cluster.record import ClusterRecord
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.protocol import Change
from ihpc_jupyter.model.site import SiteKind
from ihpc_jupyter.scheduler.watcher import JobsSnapshot
from ihpc_jupyter.sites.file import default_local_site
from tests.asynchronous import run
from tests.records import record


@asynccontextmanager
async def agent(root: Path) -> AsyncIterator[Agent]:
    """An agent with the embedded site, on directories of its own."""
    runtime = root / "run"
    runtime.mkdir()
    site = default_local_site().model_copy(update={"spool": str(root / "spool")})
    made = Agent({"local": site}, root / "state", runtime, idle=60)
    try:
        yield made
    finally:
        await made.close()


def test_of_two_namesakes_one_is_listed_and_stays_so(tmp_path: Path) -> None:
    async def look() -> None:
        store = Store(tmp_path / "state" / "clusters", "cluster.json", ClusterRecord)
        for _ in range(2):
            store.create(record(uid=new_uid(), site="local", name="demo"))
        async with agent(tmp_path) as made:
            await made.find()
            first = made.keepers["demo"]
            for _ in range(3):
                await made.find()
            assert made.keepers == {"demo": first}

    run(look())


def test_a_reader_far_behind_is_told_everything_once(tmp_path: Path) -> None:
    async def look() -> None:
        async with agent(tmp_path) as made:
            stream = made.changes()
            assert (await anext(stream)).kind == "snapshot"
            for _ in range(FAR_BEHIND * 3):
                made._tell(Change(revision=0, kind="foreign", foreign=()))
            told = [await anext(stream) for _ in range(FAR_BEHIND - 5)]
            assert len([change for change in told if change.kind == "snapshot"]) == 1
            revisions = [change.revision for change in told]
            assert revisions == list(range(revisions[0], revisions[0] + len(revisions)))
            await stream.aclose()

    run(look())


def test_the_job_of_a_server_is_looked_at_when_people_are_about_to_be_warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ihpc_jupyter.agent.agent.PING", 0.05)

    async def looked(root: Path, left: float) -> bool:
        """Whether a Lab that is merely open, in a job with so many seconds left, has its site looked at."""
        root.mkdir()
        async with agent(root) as made:
            desk, looks = made.desks["local"], []
            monkeypatch.setattr(desk, "look", lambda: looks.append(1))
            job = Job(id="7", name="lab", state=JobState.RUNNING, ends_at=time.time() + left)
            desk.watcher.snapshot = JobsSnapshot({"7": job}, time.time(), time.time())
            stream = made.changes((SiteKind.LOCAL, "7"))
            told = [(await anext(stream)).kind for _ in range(4)]
            await stream.aclose()
            assert "here" in told
            return bool(looks)

    assert run(looked(tmp_path / "soon", 600))
    assert not run(looked(tmp_path / "late", 8 * 3600))
    assert not run(looked(tmp_path / "over", -5))
