"""One contract, two batch systems: `local` and a real Slurm. Then what only Slurm can do wrong."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ihpc_jupyter.errors import IhpcError, InvalidRequest, Rejected, Unavailable
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.scheduler.base import BatchSystem, Submission
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.local import Local
from ihpc_jupyter.scheduler.reasons import explain_reason
from ihpc_jupyter.scheduler.slurm import Slurm
from ihpc_jupyter.scheduler.transport import Transport
from tests.asynchronous import eventually, run
from tests.slurmbed import FaultyCommands, SlurmBed
from tests.slurmbed.fixtures import MakeSlurm
from tests.sshd import running_sshd

LANES = {
    "urgent": Lane(priority=100, partition="urgent"),
    "batch": Lane(priority=10, partition="batch"),
    "spot": Lane(priority=1, partition="spot", preemptible=True),
}
SLEEP = "exec sleep 300"
FILLING = 4  # jobs that fill the machine: 4 nodes of 4 cores, or 4 slots


@dataclass(frozen=True)
class Bench:
    """A batch system to be tested, and what its scripts look like."""

    kind: SiteKind
    open: Callable[[], BatchSystem]
    logs: Path

    def submission(
        self, body: str = SLEEP, lane: str = "batch", *, name: str = "a job", count: int = 1, array: bool = True
    ) -> Submission:
        """*count* jobs, each as wide as a quarter of the machine."""
        header = "#!/bin/bash\n"
        if self.kind is SiteKind.SLURM:
            header += f"#SBATCH -p {lane}\n#SBATCH -c 4\n#SBATCH --mem=100M\n#SBATCH --requeue\n#SBATCH -t 10\n"
        log = str(self.logs / "log {job}%")
        return Submission(name, f"{header}{body}\n", lane, count, array, log)


@pytest.fixture(params=[SiteKind.LOCAL, SiteKind.SLURM])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    if request.param is SiteKind.LOCAL:
        site = Site(name="local", kind=request.param, slots=FILLING, lanes=LANES, shapes={"s": Shape()})
        return Bench(request.param, lambda: Local(site, tmp_path / "state"), tmp_path)
    bed: SlurmBed = request.getfixturevalue("slurm")
    return slurm_bench(bed.env, tmp_path)


def slurm_bench(variables: dict[str, str], logs: Path, timeout: float = 10.0) -> Bench:
    polling = Polling(timeout=timeout)
    site = Site(name="slurm", kind=SiteKind.SLURM, lanes=LANES, shapes={"s": Shape()}, polling=polling)
    environment = {**chosen_environment(), **variables}
    return Bench(SiteKind.SLURM, lambda: Slurm(site, Transport(environment=environment)), logs)


@asynccontextmanager
async def opened(bench: Bench) -> AsyncIterator[BatchSystem]:
    batch = bench.open()
    try:
        yield batch
    finally:
        await batch.cancel([job.id for job in await batch.query() if not job.state.ended])
        await eventually(lambda: _all_ended(batch), "all jobs to end")
        await batch.close()


async def _all_ended(batch: BatchSystem) -> bool:
    return all(job.state.ended and job.state is not JobState.COMPLETING for job in await batch.query())


async def jobs_in(
    batch: BatchSystem, ids: Sequence[str], condition: Callable[[Job], bool], timeout: float = 40.0
) -> list[Job]:
    """Wait until all of *ids* are told and fulfil *condition*."""

    async def ask() -> list[Job] | None:
        found = {job.id: job for job in await batch.query()}
        chosen = [found[job_id] for job_id in ids if job_id in found]
        return chosen if len(chosen) == len(ids) and all(condition(job) for job in chosen) else None

    return await eventually(ask, f"{ids} to become as wanted", timeout)


def elements(root: str, *indices: int) -> list[str]:
    return [f"{root}_{index}" for index in indices]


def test_an_array_is_one_request_and_its_jobs_are_told_each(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            before = batch.requests
            root = await batch.submit(bench.submission("echo here; exec sleep 300", count=6))
            assert batch.requests == before + 1
            running = await jobs_in(batch, elements(root, 0, 1, 2, 3), lambda job: job.state is JobState.RUNNING)
            for job in running:
                assert job.node
                assert job.lane == "batch"
                assert job.started_at is not None
                assert job.ends_at is not None
                assert job.started_at < job.ends_at
                assert job.submitted_at is not None
                log = bench.logs / f"log {job.id}%"
                await eventually(lambda log=log: _says(log, "here"), "the job's log")  # type: ignore[misc]
            waiting = await jobs_in(batch, elements(root, 4, 5), lambda job: job.reason not in {"", "None"})
            assert {job.state for job in waiting} == {JobState.PENDING}
            assert all(explain_reason(job.reason).endswith(".") for job in waiting)
            assert all(job.node == "" and job.started_at is None for job in waiting)

    run(scenario())


async def _says(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


def test_waiting_and_running_jobs_are_cancelled_together(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            root = await batch.submit(bench.submission(count=7))
            await jobs_in(batch, elements(root, 0, 1, 2, 3), lambda job: job.state is JobState.RUNNING)
            before = batch.requests
            await batch.cancel([*elements(root, 0, 5, 6), "99999", "99999_7"])
            assert batch.requests == before + 1
            await jobs_in(batch, elements(root, 0, 5, 6), lambda job: job.state is JobState.CANCELLED)
            await jobs_in(batch, elements(root, 4), lambda job: job.state is JobState.RUNNING)
            await batch.cancel(elements(root, 0, 5))  # again: no error

    run(scenario())


def test_cancelled_before_anyone_looked(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            root = await batch.submit(bench.submission(count=8))
            await batch.cancel(elements(root, 5, 6, 7))
            await jobs_in(batch, elements(root, 5, 6, 7), lambda job: job.state is JobState.CANCELLED)
            whole = await batch.submit(bench.submission(count=3))
            await batch.cancel(elements(whole, 0, 1, 2))
            await jobs_in(batch, elements(whole, 0, 1, 2), lambda job: job.state is JobState.CANCELLED)

    run(scenario())


def test_ended_jobs_say_how(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            good = await batch.submit(bench.submission("exit 0", array=False))
            bad = await batch.submit(bench.submission("exit 3", array=False))
            (job,) = await jobs_in(batch, [good], lambda job: job.state is JobState.COMPLETED)
            assert job.id == good
            (job,) = await jobs_in(batch, [bad], lambda job: job.state is JobState.FAILED)
            assert job.reason == "NonZeroExitCode"

    run(scenario())


@pytest.mark.parametrize(
    "name", ["ihpc a/b|c;d", "$(id) `id` 'x' \"y\"", "-J --help", "ümläut #SBATCH", "n" * 200]
)
def test_a_job_is_found_again_by_its_name(bench: Bench, name: str) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            job_id = await batch.submit(bench.submission(name=name, array=False))
            assert [job.id for job in await batch.query() if job.name == name] == [job_id]

    run(scenario())


def test_a_refusal_has_the_batch_systems_own_words(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            with pytest.raises(IhpcError, match="nope") as caught:
                await batch.submit(bench.submission(lane="nope"))
            assert not isinstance(caught.value, Unavailable)
            assert caught.value.hint

    run(scenario())


def test_preempted_jobs_are_requeued_under_their_id_and_never_told_as_ended(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            spot = await batch.submit(bench.submission(lane="spot", count=FILLING))
            ids = elements(spot, *range(FILLING))
            await jobs_in(batch, ids, lambda job: job.state is JobState.RUNNING)
            urgent = await batch.submit(bench.submission("sleep 1", lane="urgent", array=False))
            seen: set[JobState] = set()

            async def victim_waits() -> Job | None:
                jobs = {job.id: job for job in await batch.query()}
                seen.update(jobs[one].state for one in ids)
                return next((jobs[one] for one in ids if jobs[one].restarts == 1), None)

            victim = await eventually(victim_waits, "one of the spot jobs to be requeued")
            await jobs_in(batch, [urgent], lambda job: job.state is JobState.COMPLETED)
            (job,) = await jobs_in(batch, [victim.id], lambda job: job.state is JobState.RUNNING)
            assert job.restarts == 1
            assert not any(state.ended for state in seen), seen
            others = [job for job in await batch.query() if job.id in ids and job.id != victim.id]
            assert {job.restarts for job in others} == {0}

    run(scenario())


def test_what_would_happen_is_told_without_submitting(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            before = {job.id for job in await batch.query()}
            assert "4" in await batch.test_only(bench.submission())
            # Others that ended long ago may be forgotten meanwhile.
            assert {job.id for job in await batch.query()} <= before

    run(scenario())


def test_lanes_and_shapes_are_offered(bench: Bench) -> None:
    async def scenario() -> None:
        async with opened(bench) as batch:
            offers = await batch.offers()
            assert {"urgent", "batch", "spot"} <= set(offers.lanes)
            assert {name for name, lane in offers.lanes.items() if lane.preemptible} == {"spot"}
            assert offers.shapes
            assert await batch.history(["1", "2_3"]) == []

    run(scenario())


@pytest.mark.parametrize(("name", "log"), [("a\nb", ""), ("a\x00b", ""), ("a", "/tmp/a\nb"), ("a", "/tmp/a\\b")])
def test_control_characters_never_reach_slurm(slurm: SlurmBed, tmp_path: Path, name: str, log: str) -> None:
    async def scenario() -> None:
        async with opened(slurm_bench(slurm.env, tmp_path)) as batch:
            with pytest.raises(InvalidRequest):
                await batch.submit(Submission(name, "#!/bin/sh\n", "batch", log=log))
            with pytest.raises(InvalidRequest, match="no job id"):
                await batch.cancel(["1", "--user=root"])

    run(scenario())


def test_slurms_own_words_of_a_refusal_are_whole(slurm: SlurmBed, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(slurm_bench(slurm.env, tmp_path)) as batch:
            with pytest.raises(Rejected) as caught:
                await batch.submit(Submission("a", "no interpreter line", "batch"))
            assert "This does not look like a batch script" in caught.value.message
            assert "sbatch: error" not in caught.value.message

    run(scenario())


def test_a_submission_whose_answer_is_lost_is_found_by_its_name(
    slurm: SlurmBed, faulty_commands: FaultyCommands, tmp_path: Path
) -> None:
    bench, impatient = (slurm_bench(faulty_commands.env(slurm.env), tmp_path, timeout) for timeout in (10.0, 3.0))

    async def scenario() -> None:
        async with opened(bench) as batch:
            faulty_commands.hang_after("sbatch", times=1)
            with pytest.raises(Unavailable, match="did not answer"):
                await impatient.open().submit(bench.submission(name="ihpc tag-1", count=2))
            assert sum(job.name == "ihpc tag-1" for job in await batch.query()) == 2
            assert len(faulty_commands.calls("sbatch")) == 1

    run(scenario())


@pytest.mark.parametrize(
    "words",
    [
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "squeue: error: Socket timed out on send/recv operation",
    ],
)
def test_silence_is_unavailable(
    slurm: SlurmBed, faulty_commands: FaultyCommands, tmp_path: Path, words: str
) -> None:
    async def scenario() -> None:
        async with opened(slurm_bench(faulty_commands.env(slurm.env), tmp_path)) as batch:
            faulty_commands.fail("squeue", words, times=1)
            with pytest.raises(Unavailable, match="Slurm did not answer"):
                await batch.query()
            assert isinstance(await batch.query(), list)

    run(scenario())


def test_a_query_is_one_command_whatever_the_number_of_jobs(
    slurm: SlurmBed, faulty_commands: FaultyCommands, tmp_path: Path
) -> None:
    bench = slurm_bench(faulty_commands.env(slurm.env), tmp_path)

    async def scenario() -> None:
        async with opened(bench) as batch:
            root = await batch.submit(bench.submission(count=900))
            faulty_commands.forget_calls()
            jobs = await batch.query()
            assert len([job for job in jobs if job.id.startswith(f"{root}_")]) == 900
            await batch.cancel([job.id for job in jobs])
            assert [call.name for call in faulty_commands.calls()] == ["squeue", "scancel"]

    run(scenario())


def test_accounting_tells_accounts_qos_and_history(slurm_accounting: SlurmBed, tmp_path: Path) -> None:
    bench = slurm_bench(slurm_accounting.env, tmp_path)

    async def scenario() -> None:
        async with opened(bench) as batch:
            root = await batch.submit(bench.submission("exit 0", name="with | bars", count=2))
            ids = elements(root, 0, 1)
            await jobs_in(batch, ids, lambda job: job.state is JobState.COMPLETED)

            async def remembered() -> list[Job] | None:
                jobs = await batch.history([*ids, "99999"])
                return jobs if [job.state for job in jobs] == [JobState.COMPLETED] * 2 else None

            jobs = await eventually(remembered, "the accounting to know")
            assert {job.name for job in jobs} == {"with | bars"}
            assert all(job.started_at and job.ends_at and job.partition == "batch" for job in jobs)
            offers = await batch.offers()
            assert {"urgent", "batch", "spot", "interactive"} <= set(offers.lanes)

    run(scenario())


def test_slurm_is_reached_over_ssh_from_a_host_without_its_commands(slurm: SlurmBed, tmp_path: Path) -> None:
    bare = {"HOME": os.environ["HOME"], "PATH": str(tmp_path / "bin")}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").symlink_to("/usr/bin/ssh")
    (tmp_path / "keys").mkdir()

    async def scenario(options: list[str]) -> None:
        transport = Transport("ssh 127.0.0.1", options, tmp_path / "run", environment=bare)
        site = Site(name="far", kind=SiteKind.SLURM, lanes=LANES, shapes={"s": Shape()})
        bench = Bench(SiteKind.SLURM, lambda: Slurm(site, transport), tmp_path)
        async with opened(bench) as batch:
            root = await batch.submit(bench.submission(name="far $(away) it's", count=2))
            jobs = await jobs_in(batch, elements(root, 0, 1), lambda job: job.state is JobState.RUNNING)
            assert {job.name for job in jobs} == {"far $(away) it's"}

    with running_sshd(tmp_path / "keys", "/usr/bin:/bin", slurm.env["SLURM_CONF"]) as options:
        run(scenario(options))


def test_a_victim_that_goes_by_itself_is_told_as_preempted(make_slurm: MakeSlurm, tmp_path: Path) -> None:
    bench = slurm_bench(make_slurm(nodes=1, grace_time=60).env, tmp_path)
    leaves = "#SBATCH --signal=B:USR1@1\ntrap 'exit 0' USR1\necho up\nwhile :; do sleep 0.05; done"

    async def scenario() -> None:
        async with opened(bench) as batch:
            spot = await batch.submit(bench.submission(leaves, lane="spot", array=False))
            await eventually(lambda: _says(tmp_path / f"log {spot}%", "up"), "the victim to be up")
            await batch.submit(bench.submission(lane="urgent", array=False))
            (job,) = await jobs_in(batch, [spot], lambda job: job.state is JobState.PREEMPTED)
            assert (job.reason, job.restarts) == ("Preempted", 0)
            assert explain_reason(job.reason).startswith("Told to go")

    run(scenario())
