"""The `local` site's agent leaves while a job is being started: nothing runs that nobody knows of."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.scheduler import local_process
from ihpc_jupyter.scheduler.base import Submission
from ihpc_jupyter.scheduler.local import Local
from ihpc_jupyter.scheduler.local_process import Leader
from tests.asynchronous import run, until
from tests.test_local import SITE, SLEEP, _processes, opened

START = local_process.start
JOB = Submission(name="a", script=SLEEP, lane="batch", array=False)


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Starts take a moment; the ids of those that have begun, and of those that are done."""
    begun: list[str] = []
    done: list[str] = []

    def slowly(script: Path, log: str, exit_file: Path, environment: Mapping[str, str]) -> Leader:
        begun.append(environment["IHPC_JOB_ID"])
        time.sleep(0.3)  # as on a machine that is busy
        try:
            return START(script, log, exit_file, environment)
        finally:
            done.append(environment["IHPC_JOB_ID"])

    monkeypatch.setattr(local_process, "start", slowly)
    return begun, done


Starting = tuple[list[str], list[str]]


async def left_in(directory: Path, starting: Starting, *, cancel: bool) -> str:
    """A job that was being started when who looked after it left; cancelled before, if so wished."""
    local = Local(SITE, directory)
    job = await local.submit(JOB)
    await until(lambda: starting[0] == [job], "it is being started")
    if cancel:
        await local.cancel([job])
    await local.close()
    return job


def test_a_job_that_is_cancelled_while_it_is_started_ends_though_we_leave(
    tmp_path: Path, starting: Starting
) -> None:
    async def scenario() -> None:
        job = await left_in(tmp_path, starting, cancel=True)
        await until(lambda: starting[1] == [job], "its process is there")
        async with opened(tmp_path) as later:
            (told,) = await later.query()
            assert told.state in {JobState.COMPLETING, JobState.CANCELLED}
            await until(lambda: not _processes(tmp_path), "it has ended", 20)

    run(scenario())


def test_a_job_that_is_being_started_when_we_leave_is_known_to_who_comes(
    tmp_path: Path, starting: Starting
) -> None:
    async def scenario() -> None:
        job = await left_in(tmp_path, starting, cancel=False)
        async with opened(tmp_path) as later:
            (told,) = await later.query()
            assert told.state is JobState.RUNNING
            # Each start is a session of its own; what one forks has its words for a moment.
            assert len({os.getsid(one.pid) for one in _processes(tmp_path)}) == 1, "and it runs once"
        assert starting[0] == [job]

    run(scenario())
