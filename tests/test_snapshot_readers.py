"""Who reads a snapshot: no answer is older than its question, and silence is told as what it is."""

import asyncio
import time
from pathlib import Path

import pytest

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.wishes import read_wishes
from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.site import Health, Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.scheduler.slurm_shared import SharedSlurm
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot
from ihpc_jupyter.scheduler.snapshot_files import SnapshotFiles
from ihpc_jupyter.scheduler.snapshot_source import SnapshotSource
from ihpc_jupyter.scheduler.source import Wish
from ihpc_jupyter.scheduler.transport import Transport
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Watcher
from tests.asynchronous import run, until
from tests.publishing import publish, row, waits


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "snapshot")
    made.open(SiteSnapshot(site="bed"))
    return made


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
