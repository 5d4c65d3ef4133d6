"""The `local` site: real processes, lanes, preemption, time limits, and jobs that outlive who holds them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import psutil
import pytest

from ihpc_jupyter.errors import InvalidRequest, NotFound, Rejected, Unavailable
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Lane, Shape, Site, SiteKind
from ihpc_jupyter.scheduler import local as local_module
from ihpc_jupyter.scheduler.base import Submission
from ihpc_jupyter.scheduler.local import Local
from tests.asynchronous import eventually, run, until

SLEEP = "#!/bin/bash\nexec sleep 60\n"
SITE = Site(
    name="local",
    kind=SiteKind.LOCAL,
    slots=2,
    lanes={
        "urgent": Lane(priority=100),
        "batch": Lane(priority=10, max_time=86400),
        "spot": Lane(priority=1, preemptible=True, grace=0.5),
    },
    shapes={"small": Shape()},
)


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Local]:
    """A `Local` in *directory* whose jobs are all cancelled at the end."""
    local = Local(SITE, directory)
    try:
        yield local
    finally:
        await local.cancel([job.id for job in await local.query()])
        await jobs_in(local, [job.id for job in await local.query()], lambda job: job.state.ended)
        await eventually(lambda: _nobody_runs(directory), "all processes to be gone", 20)
        await local.close()


async def _nobody_runs(directory: Path) -> bool:
    return not _processes(directory)


def _processes(directory: Path) -> list[psutil.Process]:
    """Wrappers of jobs of that directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):  # of one moment: the next one may be without it
        words = process.info["cmdline"] or ()
        if any(word.startswith(f"{directory}/") for word in words):
            found.append(process)
    return [process for process in found if process.info["status"] != psutil.STATUS_ZOMBIE]


def _titled(directory: Path) -> list[psutil.Process]:
    """Those that carry their title, as a process does a moment after it has been started."""
    return [one for one in _processes(directory) if "ihpc-job" in one.info["cmdline"]]


def _sleeping(seconds: int) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", str(seconds)]]


async def jobs_in(
    local: Local, ids: Sequence[str], condition: Callable[[Job], bool], timeout: float = 20.0
) -> list[Job]:
    """Wait until all of *ids* fulfil *condition*."""

    async def ask() -> list[Job] | None:
        found = {job.id: job for job in await local.query()}
        chosen = [found[job_id] for job_id in ids]
        return chosen if all(condition(job) for job in chosen) else None

    return await eventually(ask, f"{ids} to become as wanted", timeout) if ids else []


def test_output_environment_and_end_are_a_jobs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    script = "#!/bin/bash\nenv\necho err >&2\nexit ${IHPC_JOB_ID#*_}\n"

    async def scenario() -> None:
        async with opened(tmp_path / "state") as local:
            log = str(tmp_path / "logs" / "{job}.log")
            root = await local.submit(Submission("a", script, "batch", count=2, log=log))
            good, bad = await jobs_in(local, [f"{root}_0", f"{root}_1"], lambda job: job.state.ended)
            assert (good.state, bad.state, bad.reason) == (JobState.COMPLETED, JobState.FAILED, "NonZeroExitCode")
            assert good.ends_at is not None
            text = (tmp_path / "logs" / f"{root}_1.log").read_text()
            assert {f"IHPC_JOB_ID={root}_1", "IHPC_RESTARTS=0", "err"} <= set(text.splitlines())
            assert "secret" not in text

    run(scenario())


def test_a_free_slot_is_used_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            script = "#!/bin/bash\ndate +%s.%N\n"
            log = str(tmp_path / "{job}.log")
            root = await local.submit(Submission("chain", script, "batch", count=20, log=log))
            ids = [f"{root}_{index}" for index in range(20)]
            jobs = await jobs_in(local, ids, lambda job: job.state is JobState.COMPLETED)
            assert len(jobs) == 20
            moments = sorted(float((tmp_path / f"{job_id}.log").read_text()) for job_id in ids)
            # Two at a time: from each to the next but one a slot was left, its end seen, and the slot taken.
            assert median(later - earlier for earlier, later in zip(moments, moments[2:], strict=False)) < 0.5

    run(scenario())


def test_reasons_and_order_while_full(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            first = await local.submit(Submission("a", SLEEP, "batch", count=3))
            running = await jobs_in(local, [f"{first}_0", f"{first}_1"], lambda job: job.state.active)
            assert [job.cores for job in running] == [1, 1]
            later = await local.submit(Submission("b", SLEEP, "urgent", array=False))
            (job,) = await jobs_in(local, [later], lambda job: job.reason != "")
            assert (job.state, job.reason) == (JobState.PENDING, "Resources")
            (job,) = await jobs_in(local, [f"{first}_2"], lambda job: job.reason == "Priority")
            await local.cancel([f"{first}_0"])
            await jobs_in(local, [later], lambda job: job.state is JobState.RUNNING)
            (job,) = await jobs_in(local, [f"{first}_2"], lambda job: job.reason == "Resources")

    run(scenario())


def until_there(path: Path, then: str = "") -> str:
    """A job that ends when the test says so."""
    return f"#!/bin/bash\nwhile [ ! -e '{path}' ]; do sleep 0.02; done\n{then}\n"


TELLS = "#!/bin/bash\ntrap 'echo told' USR1\ntrap 'echo end; exit 0' TERM\necho up\nwhile :; do sleep 0.02; done\n"


def test_preempted_jobs_are_told_given_grace_and_requeued_under_their_id(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "state") as local:
            log = tmp_path / "log"
            spot = await local.submit(Submission("spot", TELLS, "spot", cores=2, array=False, log=str(log)))
            await eventually(lambda: _says(log, "up"), "the victim to be up")
            began, go = time.monotonic(), tmp_path / "go"
            urgent = await local.submit(Submission("u", until_there(go), "urgent", array=False))
            (job,) = await jobs_in(local, [spot], lambda job: job.state.waiting and job.reason != "")
            assert time.monotonic() - began >= 0.5, "the grace of the lane"
            assert (job.restarts, job.reason, job.node, job.started_at) == (1, "Resources", "", None)
            go.touch()
            await jobs_in(local, [urgent], lambda job: job.state is JobState.COMPLETED)
            (job,) = await jobs_in(local, [spot], lambda job: job.state is JobState.RUNNING)
            await eventually(lambda: _says(log, "up told end up"), "the second run")

    run(scenario())


async def _says(path: Path, text: str) -> bool:
    return path.exists() and text in " ".join(word for word in path.read_text().split() if word != "Terminated")


def test_a_victim_that_ignores_everything_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_module, "KILL_WAIT", 0.3)
    script = "#!/bin/bash\ntrap '' USR1 TERM\n(trap '' TERM; exec setsid sleep 61) &\necho up\nwait\nsleep 60\n"

    async def scenario() -> None:
        async with opened(tmp_path / "state") as local:
            log = tmp_path / "log"
            spot = await local.submit(Submission("spot", script, "spot", cores=2, array=False, log=str(log)))
            await eventually(lambda: _says(log, "up"), "the victim to be up")
            urgent = await local.submit(Submission("u", SLEEP, "urgent", array=False))
            await jobs_in(local, [urgent], lambda job: job.state is JobState.RUNNING)
            await jobs_in(local, [spot], lambda job: job.state.waiting)
            # Killed with the others, yet each goes by itself.
            await until(lambda: not _sleeping(61), "what had left the group is gone", 20)

    run(scenario())


def test_time_limits_are_announced_and_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "state") as local:
            log = tmp_path / "log"
            limited = Submission("t", TELLS, "batch", array=False, log=str(log), time_limit=3.0)
            job_id = await local.submit(limited)
            (job,) = await jobs_in(local, [job_id], lambda job: job.state.active)
            assert job.ends_at == pytest.approx((job.started_at or 0) + 3.0)
            (job,) = await jobs_in(local, [job_id], lambda job: job.state is JobState.TIMEOUT)
            assert await _says(log, "up told end")
            assert job.reason == "TimeLimit"

    run(scenario())


def test_cancelling_waiting_running_unknown_and_whole_arrays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            root = await local.submit(Submission("a", SLEEP, "batch", count=4))
            await jobs_in(local, [f"{root}_1"], lambda job: job.state.active)
            await local.cancel([f"{root}_3", f"{root}_0", "77", "77_1", "; rm"])
            ids = [f"{root}_{index}" for index in (3, 0)]
            await jobs_in(local, ids, lambda job: job.state is JobState.CANCELLED)
            await jobs_in(local, [f"{root}_2"], lambda job: job.state.active)
            await local.cancel([root])
            await jobs_in(local, [f"{root}_{index}" for index in range(4)], lambda job: job.state.ended)

    run(scenario())


@pytest.mark.parametrize(
    ("submission", "error", "words"),
    [
        (Submission("a", SLEEP, "nope"), NotFound, "no lane 'nope'.*urgent, batch, spot"),
        (Submission("a", SLEEP, "batch", cores=3), Rejected, "3 cores, this host gives 2"),
        (Submission("a", SLEEP, "batch", cores=0), Rejected, "0 cores"),
        (Submission("a", SLEEP, "batch", count=0), Rejected, "at most"),
        (Submission("a", SLEEP, "batch", count=10**9), Rejected, "at most"),
        (Submission("a", SLEEP, "batch", time_limit=1e9), Rejected, "allows 86400 s"),
        (Submission("a", "x" * (5 << 20), "batch"), InvalidRequest, "4 MiB"),
        (Submission("a", "a\0b", "batch"), InvalidRequest, "zero byte"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    tmp_path: Path, submission: Submission, error: type[Exception], words: str
) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            with pytest.raises(error, match=words):
                await local.submit(submission)
            assert await local.query() == []

    run(scenario())


def test_a_log_that_cannot_be_opened_fails_the_job_with_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            job_id = await local.submit(Submission("a", SLEEP, "batch", array=False, log="/proc/nope/x"))
            (job,) = await jobs_in(local, [job_id], lambda job: job.state.ended)
            assert job.state is JobState.FAILED
            assert "could not be started" in job.reason

    run(scenario())


def test_jobs_outlive_a_holder_and_are_adopted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as first:
            go = tmp_path / "go"
            quick = await first.submit(Submission("q", until_there(go, "exit 7"), "batch", array=False))
            long = await first.submit(Submission("l", SLEEP, "batch", array=False))
            waits = await first.submit(Submission("w", SLEEP, "batch", array=False))
            before = await jobs_in(first, [quick, long], lambda job: job.state.active)
            await first.close()
            go.touch()
            second = Local(SITE, tmp_path)
            (job,) = await jobs_in(second, [long], lambda job: job.state.active)
            assert job.started_at == before[1].started_at
            (job,) = await jobs_in(second, [quick], lambda job: job.state.ended)
            assert (job.state, job.reason) == (JobState.FAILED, "NonZeroExitCode")
            await jobs_in(second, [waits], lambda job: job.state.active)
            newer = await second.submit(Submission("n", SLEEP, "batch", array=False))
            assert newer not in {quick, long, waits}
            await second.close()

    run(scenario())


HOLDER = """
import asyncio, sys
from pathlib import Path
from ihpc_jupyter.scheduler.base import Submission
from ihpc_jupyter.scheduler.local import Local
from tests.test_local import SITE, SLEEP

async def main():
    local = Local(SITE, Path(sys.argv[1]))
    await local.submit(Submission("kept", SLEEP, "batch", count=3))
    while len([job for job in await local.query() if job.state.active]) < 2:
        await asyncio.sleep(0.01)
    print("up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_killed_holder_loses_nothing_and_starts_nothing_twice(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"

        async def scenario() -> None:
            with pytest.raises(Unavailable, match="Another process"):
                await Local(SITE, tmp_path).query()
            holder.kill()
            holder.wait(10)
            async with opened(tmp_path) as local:
                jobs = await jobs_in(local, ["1_0", "1_1"], lambda job: job.state.active)
                assert {job.name for job in jobs} == {"kept"}
                await until(lambda: len(_titled(tmp_path)) >= 2, "both have their title")
                assert len(_titled(tmp_path)) == 2

        run(scenario())
    finally:
        holder.kill()
        holder.wait(10)
        assert holder.stdout is not None
        holder.stdout.close()


def test_a_job_started_but_not_recorded_is_found(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as first:
            job_id = await first.submit(Submission("a", SLEEP, "batch", array=False))
            await jobs_in(first, [job_id], lambda job: job.state.active)
            await first.close()
            state = tmp_path / "state.json"
            job = first._jobs[job_id].model_copy(update={"state": JobState.PENDING, "pid": None, "identity": ""})
            state.write_text(f'{{"last_id": 1, "jobs": [{job.model_dump_json()}]}}')
            second = Local(SITE, tmp_path)
            await jobs_in(second, [job_id], lambda job: job.state.active)
            await until(lambda: len(_titled(tmp_path)) >= 1, "it has its title")
            assert len(_titled(tmp_path)) == 1
            await second.close()

    run(scenario())


def test_a_wrapper_killed_from_outside_is_a_failure_and_its_rest_is_swept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            job_id = await local.submit(Submission("a", "#!/bin/bash\nexec sleep 62\n", "batch", array=False))
            await jobs_in(local, [job_id], lambda job: job.state.active)
            await until(lambda: len(_titled(tmp_path)) >= 1 and len(_sleeping(62)) >= 1, "both have begun")
            (wrapper,) = _titled(tmp_path)
            os.kill(wrapper.pid, signal.SIGKILL)
            (job,) = await jobs_in(local, [job_id], lambda job: job.state.ended)
            assert job.state is JobState.FAILED
            await until(lambda: not _sleeping(62), "the rest to be swept", 20)

    run(scenario())


def test_a_broken_state_file_is_put_aside_and_ids_are_not_reused(tmp_path: Path) -> None:
    async def scenario() -> None:
        tmp_path.joinpath("state.json").write_text("{not json")
        tmp_path.joinpath("41.sh").write_text("")
        async with opened(tmp_path) as local:
            assert await local.submit(Submission("a", "#!/bin/bash\n", "batch", array=False)) == "42"
            assert (tmp_path / "state.unreadable").exists()
            assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600

    run(scenario())


def test_ended_jobs_are_told_for_a_while_then_forgotten_with_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as local:
            job_id = await local.submit(Submission("a", "#!/bin/bash\n", "batch", array=False))
            await jobs_in(local, [job_id], lambda job: job.state is JobState.COMPLETED)
            monkeypatch.setattr(local_module, "TOLD_FOR", 0.1)
            await asyncio.sleep(0.2)
            await local.cancel([])  # anything wakes the pump

            async def empty() -> bool:
                return not await local.query()

            await eventually(empty, "the job to be forgotten")
            assert not list(tmp_path.glob("*.sh")) + list(tmp_path.glob("*.exit"))

    run(scenario())
