"""The snapshot's files: what is refused, whose wishes count; an answer is never older than its question."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.wishes import read_wishes
from ihpc_jupyter.errors import InvalidRequest, Rejected, Unavailable
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.site import Health, Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.scheduler import slurm_text
from ihpc_jupyter.scheduler.slurm_shared import SharedSlurm
from ihpc_jupyter.scheduler.slurm_shares import split_by_owner
from ihpc_jupyter.scheduler.slurm_text import FIELD, RECORD
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, SnapshotPaths
from ihpc_jupyter.scheduler.snapshot_files import SnapshotFiles
from ihpc_jupyter.scheduler.snapshot_reader import Unusable
from ihpc_jupyter.scheduler.snapshot_source import SnapshotSource
from ihpc_jupyter.scheduler.source import Wish
from ihpc_jupyter.scheduler.transport import Transport
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Watcher
from tests.asynchronous import run, until
from tests.slurmbed import wait_until

ME = os.getuid()
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def row(job: str, state: str = "RUNNING", name: str = "a") -> str:
    """One job as Slurm tells it."""
    told = {
        "JobArrayID": job, "State": state, "SubmitTime": "100", "StartTime": "200", "EndTime": "300",
        "Partition": "batch", "NumCPUs": "1", "NumNodes": "1", "TimeLimit": "1:00:00", "UserName": "me",
        "Name": name,
    }  # fmt: skip
    return FIELD.join(told.get(field, "N/A") for field in slurm_text._FIELDS) + RECORD


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "snapshot")
    made.open(SiteSnapshot(site="bed"))
    return made


def publish(publisher: Publisher, text: str = "", **news: object) -> SiteSnapshot:
    """What the writer does with one answer to a question that it asks now, after all marks that are there."""
    if "asked_at" not in news:
        wait_until(lambda: publisher.moment() > waits(publisher), "the clock's next tick", 5)
    told = SiteSnapshot.model_validate({"site": "bed", "asked_at": publisher.moment(), **news})
    publisher.jobs({ME: text}, {ME})
    publisher.site(told)
    publisher.beat()
    return told


def waits(publisher: Publisher) -> float:
    return read_wishes(publisher.paths.wanted, time.time() + 1).waits


def writable(paths: SnapshotPaths) -> None:
    paths.directory.chmod(0o777)


def foreign(paths: SnapshotPaths) -> None:
    os.chown(paths.site, NOBODY, -1)


def half(paths: SnapshotPaths) -> None:
    paths.site.write_text(paths.site.read_text()[:-9])


def linked(paths: SnapshotPaths) -> None:
    paths.site.rename(paths.directory / "other")
    paths.site.symlink_to("other")


def absent(paths: SnapshotPaths) -> None:
    paths.site.unlink()


def stale(paths: SnapshotPaths) -> None:
    then = time.time() - 60
    os.utime(paths.alive, (then, then))


def ahead(paths: SnapshotPaths) -> None:
    then = time.time() + 60
    os.utime(paths.alive, (then, then))


def stopped(paths: SnapshotPaths) -> None:
    paths.alive.unlink()


def newer(paths: SnapshotPaths) -> None:
    paths.site.write_text(paths.site.read_text().replace('"version":1', '"version":2'))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (writable, "others than its owner may write"),
        pytest.param(foreign, "not its writer's own file", marks=as_root),
        (half, "cannot be understood"),
        (linked, "cannot be read"),
        (absent, "there is no"),
        (stale, r"silent for 6\d s"),
        (ahead, "from the future"),
        (stopped, "nobody writes it"),
        (newer, "cannot be understood"),
    ],
)
def test_what_is_not_to_be_trusted_is_not_used(
    publisher: Publisher, harm: Callable[[SnapshotPaths], None], why: str
) -> None:
    publish(publisher)
    files = SnapshotFiles(publisher.paths.directory)
    assert files.site().site == "bed"
    harm(publisher.paths)
    with pytest.raises(Unusable, match=why):
        files.site()


def test_an_answer_from_the_future_is_not_used(publisher: Publisher) -> None:
    publish(publisher, asked_at=time.time() + 60)
    with pytest.raises(Unusable, match="future"):
        SnapshotFiles(publisher.paths.directory).site()


def test_my_jobs_are_mine_and_whole(publisher: Publisher) -> None:
    publish(publisher, row("7"))
    files, path = SnapshotFiles(publisher.paths.directory), publisher.paths.jobs(ME)
    first = files.jobs()
    assert first is not None
    assert first.text == row("7")
    assert files.jobs() is first, "what has not changed is not read again"
    written = path.stat().st_mtime_ns
    publish(publisher, row("7"))
    assert path.stat().st_mtime_ns == written, "nor is it written again"
    publish(publisher, row("8"))
    assert files.jobs() is not first
    whole = path.read_text()
    for broken in (whole[:-5], whole.replace(f'"uid":{ME}', f'"uid":{ME + 1}')):
        path.chmod(0o600)
        path.write_text(broken)
        with pytest.raises(Unusable):
            files.jobs()
    path.unlink()
    assert files.jobs() is None


def test_a_writer_takes_only_a_directory_of_its_own_and_is_alone_there(tmp_path: Path) -> None:
    told = SiteSnapshot(site="bed")
    first, second = Publisher(tmp_path / "a"), Publisher(tmp_path / "a")
    first.open(told)
    with pytest.raises(Rejected, match="Another writer"):
        second.open(told)
    first.jobs({ME: row("7")}, set())
    first.close()
    assert not first.paths.alive.exists()
    second.open(told)
    assert not second.paths.jobs(ME).exists(), "what another writer told may no longer be so"
    second.close()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(InvalidRequest, match="writer's own"):
        Publisher(tmp_path / "link").open(told)
    with pytest.raises(InvalidRequest):
        Publisher(tmp_path / "no" / "where").open(told)


@as_root
def test_each_users_file_is_that_users_alone(publisher: Publisher) -> None:
    publisher.jobs({NOBODY: row("7"), 4711: row("8")}, set())
    for uid in (NOBODY, 4711):
        found = publisher.paths.jobs(uid).stat()
        assert (found.st_uid, found.st_mode & 0o777) == (uid, 0o400)


def test_marks_count_by_their_owner_and_rubbish_is_removed(tmp_path: Path) -> None:
    now = time.time()
    for name, ago in (
        ("0" * 16 + ".looks", 3.0),
        ("1" * 16 + ".waits", 2.0),
        ("2" * 16 + ".waits", -60.0),
        ("3" * 16 + ".looks", 7200.0),
        ("root.waits", 0.0),
        ("4" * 16 + ".room", 0.0),
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - ago, now - ago))
    (tmp_path / ("5" * 16 + ".waits")).symlink_to("/etc/passwd")
    (tmp_path / ("6" * 16 + ".waits")).mkdir()
    wishes = read_wishes(tmp_path, now)
    assert abs(wishes.looks - (now - 3)) < 0.01
    assert abs(wishes.waits - (now - 2)) < 0.01
    assert wishes.readers == {ME}
    left = {path.name[0] for path in tmp_path.iterdir()}
    assert left == {"0", "1", "2"}


def test_too_many_marks_of_one_user_are_removed(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:016x}.waits").touch()
    assert read_wishes(tmp_path, time.time()).waits > 0
    assert len(list(tmp_path.iterdir())) == 64


def test_nobody_writes_into_anothers_part() -> None:
    word = f"{RECORD}unknown{RECORD}"
    hostile = f"x{RECORD}0{FIELD}{row('666')}"
    parts = split_by_owner(f"1000{FIELD}{row('7')[:-1]}{hostile}{word}\n0{FIELD}{row('8')[:-1]}{word}\n", word)
    assert set(parts) == {0, 1000}
    assert parts[0] == row("8")
    assert parts[1000].count(RECORD) == 1


class Reader:
    """A watcher on a snapshot, with a batch system behind it whose commands are not there."""

    def __init__(self, publisher: Publisher, polling: Polling, path: str = "/nonexistent") -> None:
        lanes, shapes = {"batch": Lane(partition="batch")}, {"s": Shape()}
        site = Site(name="bed", kind=SiteKind.SLURM, lanes=lanes, shapes=shapes, polling=polling)
        self.files = SnapshotFiles(publisher.paths.directory)
        self.batch = SharedSlurm(site, Transport(environment={"PATH": path}), self.files)
        self.watcher = Watcher(self.batch, polling, SnapshotSource(self.batch, self.files, polling))

    async def close(self) -> None:
        await self.watcher.close()
        await self.batch.close()


def test_an_answer_is_never_older_than_its_question(publisher: Publisher) -> None:
    async def scenario() -> None:
        reader = Reader(publisher, Polling(busy=0.2, rest=60))
        publish(publisher, row("7"), latency=0.5)
        asking = asyncio.create_task(reader.watcher.fresh())
        await until(lambda: waits(publisher) > 0, "a mark")
        # Published after the question, but asked before it.
        publish(publisher, row("7"), asked_at=waits(publisher) - 0.001)
        await until(lambda: waits(publisher) > 0, "a mark")
        await asyncio.sleep(0.3)
        assert not asking.done()
        began = time.time()
        publish(publisher, row("7") + row("8_[0-2]", "PENDING"), latency=0.5)
        told = await asking
        assert set(told.jobs) == {"7", "8_0", "8_1", "8_2"}
        assert told.jobs["8_0"].state is JobState.PENDING
        assert told.jobs["7"].lane == "batch"
        assert told.latency == 0.5
        assert told.asked_at is not None
        assert began - 0.1 < told.asked_at <= time.time()
        assert reader.batch.requests == 0
        assert (told.health, told.note) == (Health.UP, "")
        await reader.close()
        assert not list(publisher.paths.wanted.iterdir()), "marks are taken away"

    run(scenario())


def test_a_silence_that_the_writer_met_is_a_silence(publisher: Publisher) -> None:
    async def scenario() -> None:
        reader = Reader(publisher, Polling(busy=0.2, rest=60))
        publish(publisher, row("7"))
        reader.watcher.subscribe()
        await until(lambda: reader.watcher.snapshot.health is Health.UP, "an answer")
        asking = asyncio.create_task(reader.watcher.fresh())
        while not asking.done():
            publish(publisher, row("7"), failures=2, error="Slurm did not answer.")
            await asyncio.sleep(0.1)
        with pytest.raises(Unavailable, match="Slurm did not answer"):
            await asking
        assert reader.watcher.snapshot.jobs["7"].state is JobState.RUNNING
        assert reader.batch.requests == 0
        await reader.close()

    run(scenario())


def test_who_looks_and_is_told_nothing_asks_to_be_told(publisher: Publisher) -> None:
    """As after a long time, or a writer that begins anew, while others keep the snapshot young."""

    async def scenario() -> None:
        reader = Reader(publisher, Polling(busy=0.2, rest=60))
        publish(publisher, row("7"))
        with reader.watcher.subscribe():
            await until(lambda: "7" in reader.watcher.snapshot.jobs, "the first answer")
            reader.watcher._busy_until = 0.0
            publisher.jobs({}, set())
            for mark in publisher.paths.wanted.iterdir():
                mark.unlink()

            def wanted() -> bool:
                publisher.site(SiteSnapshot(site="bed", asked_at=publisher.moment()))
                publisher.beat()
                return any(publisher.paths.wanted.iterdir())

            await until(wanted, "a mark again")
        await reader.close()

    run(scenario())


@pytest.mark.parametrize("step", [20.0, -20.0])
def test_a_clock_that_is_set_is_compared_again(publisher: Publisher, step: float) -> None:
    publish(publisher, row("7"))
    files = SnapshotFiles(publisher.paths.directory)
    files.site()
    assert files._offset is not None
    files._offset += step
    assert files.site().site == "bed"
    assert abs(files.now - time.time()) < 5
    files.close()


def test_news_that_others_wanted_come_without_a_wish_of_ones_own(publisher: Publisher) -> None:
    async def scenario() -> None:
        reader = Reader(publisher, Polling(busy=0.2, rest=60))
        publish(publisher, row("7"))
        with reader.watcher.subscribe():
            await until(lambda: "7" in reader.watcher.snapshot.jobs, "the first answer")
            reader.watcher._busy_until = 0.0

            def told() -> bool:
                publish(publisher, row("9"))
                return "9" in reader.watcher.snapshot.jobs

            await until(told, "the second one")
        assert reader.batch.requests <= 1, "job 7 is looked up in the accounting, nothing else is asked"
        await reader.close()

    run(scenario())


def test_without_a_writer_the_batch_system_is_asked_at_the_pace_of_rest(publisher: Publisher) -> None:
    async def scenario() -> None:
        publish(publisher, row("7"))
        publisher.close()
        reader = Reader(publisher, Polling(busy=0.2, rest=1))
        reader.watcher.subscribe().waiting = True
        began = time.monotonic()
        await until(lambda: reader.batch.requests >= 3, "three questions", 20)
        assert time.monotonic() - began >= 2.0
        assert reader.watcher.snapshot.failures, "its commands are not there"
        publisher.open(SiteSnapshot(site="bed"))

        def again() -> bool:
            publish(publisher, row("7"))
            return reader.watcher.snapshot.health is Health.UP

        await until(again, "the snapshot is used again")
        assert reader.watcher.snapshot.note == ""
        await reader.close()

    run(scenario())


def test_nothing_is_told_that_was_asked_before_the_last_answer(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(row("9"))
    (tmp_path / "squeue").write_text(f"#!/bin/sh\nexec /bin/cat {tmp_path}/answer\n")
    (tmp_path / "squeue").chmod(0o755)

    async def scenario() -> None:
        reader = Reader(publisher, Polling(busy=0.2, rest=1), str(tmp_path))
        publish(publisher, row("7"))
        publisher.paths.directory.chmod(0o777)
        heard: list[set[str]] = []

        def hear(snapshot: JobsSnapshot) -> None:
            heard.append(set(snapshot.jobs))
            reader.watcher._busy_until = 0.0  # who merely looks takes what there is
            publisher.paths.directory.chmod(0o755)

        reader.watcher.subscribe(hear)
        await until(lambda: len(heard) >= 1, "Slurm's own answer")
        await until(lambda: read_wishes(publisher.paths.wanted, time.time() + 1).looks > 0, "a mark", 10)

        def told() -> bool:
            publish(publisher, row("9") + row("10"))
            return len(heard) > 1

        await until(told, "the snapshot's answer", 10)
        assert heard[:2] == [{"9"}, {"9", "10"}], "the snapshot of before is not told any more"
        await reader.close()

    run(scenario())


def test_a_writer_that_lives_but_tells_nothing_new_is_done_without(publisher: Publisher) -> None:
    async def scenario() -> None:
        reader = Reader(publisher, Polling(busy=0.2, rest=1))
        publish(publisher, row("7"), within=0.5, at_rest=0.5)
        reader.watcher.subscribe().waiting = True

        def asked() -> bool:
            publisher.beat()
            return reader.batch.requests > 0

        await until(asked, "a question of its own", 20)
        await until(lambda: reader.watcher.snapshot.failures > 0, "its end: the commands are not there")
        await reader.close()

    run(scenario())


def test_a_wish_is_a_mark_with_the_directorys_time(publisher: Publisher) -> None:
    files = SnapshotFiles(publisher.paths.directory)
    began = time.monotonic()
    before, marked, after = publisher.moment(), files.mark(Wish.WAITS), publisher.moment()
    assert before <= marked <= after
    assert abs(files.now - time.time()) < 0.1 + time.monotonic() - began
