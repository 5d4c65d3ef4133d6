"""The watcher: a bounded rate, nothing without interest, and unknown is never gone."""

import asyncio
import time
from itertools import pairwise
from statistics import median

import pytest

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.site import Health, Polling
from ihpc_jupyter.scheduler import watcher as watcher_module
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Watcher
from tests.asynchronous import run, until
from tests.told import Told

POLLING = Polling(busy=0.2, rest=1.0, timeout=5.0)


def test_nobody_is_asked_without_interest() -> None:
    async def scenario() -> None:
        told = Told()
        watcher = Watcher(told, POLLING)
        watcher.poke()
        await asyncio.sleep(0.5)
        assert told.requests == 0
        with watcher.subscribe():
            assert watcher.interest == 1
            await until(lambda: told.requests == 2, "two questions")
        asked = told.requests
        await asyncio.sleep(0.6)
        assert told.requests == asked
        await watcher.close()

    run(scenario())


def test_who_only_hears_is_asked_for_while_a_job_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "BUSY_FOR", 0.0)

    async def scenario() -> None:
        told = Told()
        watcher = Watcher(told, POLLING)
        heard: list[JobsSnapshot] = []
        watcher.subscribe(heard.append, hears=True)
        await until(lambda: told.requests == 1, "the first answer")
        await asyncio.sleep(1.5 * POLLING.rest)
        assert told.requests == 1, "nothing of the user's is there that could change"
        told.jobs = {"7": JobState.PENDING}
        with watcher.subscribe():
            await until(lambda: "7" in watcher.snapshot.jobs, "somebody looks")
        assert heard[-1] is watcher.snapshot
        asked = told.requests
        await until(lambda: told.requests >= asked + 2, "it may start")
        told.error = Unavailable("away")
        await until(lambda: watcher.snapshot.failures == 2, "whether it is gone is not known")
        told.error = None
        told.jobs = {"7": JobState.COMPLETED}
        await until(lambda: watcher.snapshot.jobs["7"].state.ended, "it has ended")
        asked = told.requests
        await asyncio.sleep(1.5 * POLLING.rest)
        assert told.requests == asked
        await watcher.fresh()
        assert told.requests == asked + 1
        await watcher.close()

    run(scenario())


@pytest.mark.parametrize("subscribers", [1, 50])
def test_any_number_of_pokes_is_no_more_than_the_busy_rate(subscribers: int) -> None:
    async def scenario() -> None:
        told = Told()
        watcher = Watcher(told, POLLING)
        for _ in range(subscribers):
            watcher.subscribe().waiting = True
        end = time.monotonic() + 30.0
        while told.requests < 9 and time.monotonic() < end:
            watcher.poke()
            await asyncio.sleep(0.001)
        gaps = [later - earlier for earlier, later in pairwise(told.began)]
        assert len(gaps) >= 8
        assert min(gaps) >= POLLING.busy * 0.99
        assert median(gaps) <= 2.0 / 7, "and no less"
        await watcher.close()

    run(scenario())


def test_the_rate_falls_to_rest_and_rises_while_someone_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "BUSY_FOR", 0.0)

    async def scenario() -> None:
        told = Told()
        watcher = Watcher(told, POLLING)
        subscription = watcher.subscribe()
        await until(lambda: told.requests == 2, "the first questions")
        assert told.began[1] - told.began[0] >= POLLING.rest
        subscription.waiting = True
        asked = told.requests
        await until(lambda: told.requests >= asked + 3, "the busy rate")
        assert min(later - earlier for earlier, later in pairwise(told.began[asked:])) < POLLING.rest / 2
        await watcher.close()

    run(scenario())


def test_a_slow_batch_system_is_asked_less_often() -> None:
    async def scenario() -> None:
        told = Told()
        told.delay = 0.2
        watcher = Watcher(told, POLLING)
        watcher.subscribe().waiting = True
        await until(lambda: told.requests >= 3, "three questions")
        assert told.began[2] - told.began[1] >= 5 * 0.2
        await watcher.close()

    run(scenario())


def test_silence_keeps_the_last_answer_says_so_once_and_recovers() -> None:
    async def scenario() -> None:
        told = Told()
        told.jobs["1"] = JobState.RUNNING
        watcher = Watcher(told, POLLING)
        heard: list[JobsSnapshot] = []
        watcher.subscribe(heard.append).waiting = True
        await until(lambda: watcher.snapshot.health is Health.UP, "the first answer")
        answered = watcher.snapshot.answered_at
        told.error = Unavailable("silent", "wait")
        await until(lambda: watcher.snapshot.failures >= 3, "three failures")
        snapshot = watcher.snapshot
        assert snapshot.health is Health.UNKNOWN
        assert snapshot.jobs["1"].state is JobState.RUNNING
        assert snapshot.error == "silent wait"
        assert (answered or 0) <= (snapshot.answered_at or 0) < time.time()
        bad = [one.health for one in heard if one.failures]
        assert bad == [Health.DEGRADED, Health.UNKNOWN]
        told.error = None
        await until(lambda: watcher.snapshot.health is Health.UP, "recovery")
        assert watcher.snapshot.failures == 0
        await watcher.close()

    run(scenario())


def test_failures_are_backed_off() -> None:
    async def scenario() -> None:
        told = Told()
        told.error = Unavailable("silent")
        watcher = Watcher(told, POLLING)
        watcher.subscribe().waiting = True
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            watcher.poke()
            await asyncio.sleep(0.01)
        assert told.requests <= 5
        await watcher.close()

    run(scenario())


def test_after_a_silence_it_asks_as_soon_as_another_question_was_answered() -> None:
    async def scenario() -> None:
        told = Told()
        told.error = Unavailable("silent")
        watcher = Watcher(told, Polling(busy=0.2, rest=3600))
        watcher.subscribe().waiting = True
        await until(lambda: watcher.snapshot.failures >= 5, "it is asked every six seconds only")
        told.error = None
        began = time.monotonic()
        watcher.heard(0.01)
        await until(lambda: watcher.snapshot.failures == 0, "it is asked")
        assert time.monotonic() - began < 5
        asked = told.requests
        told.error = Unavailable("silent")
        await until(lambda: watcher.snapshot.failures >= 3, "it is silent again")
        assert told.requests - asked == 3, "what was heard before counts no more"
        await watcher.close()

    run(scenario())


def test_after_a_slow_answer_it_asks_as_soon_as_another_question_was_answered_quickly() -> None:
    async def scenario() -> None:
        told = Told()
        told.delay = 0.5
        watcher = Watcher(told, Polling(busy=0.2, rest=3600))
        watcher.subscribe().waiting = True
        await until(lambda: watcher.snapshot.answered_at is not None, "it is answered slowly")
        told.delay = 0.0
        asked, began = told.requests, time.monotonic()
        watcher.heard(0.5)
        await asyncio.sleep(0.5)  # that was no quicker
        assert told.requests == asked
        watcher.heard(0.01)
        await until(lambda: told.requests > asked, "it is asked")
        assert time.monotonic() - began < 5 * 0.5
        await watcher.close()

    run(scenario())


def test_an_answer_that_makes_no_sense_is_a_failure_not_an_end() -> None:
    async def scenario() -> None:
        told = Told()
        told.error = ValueError("odd")
        watcher = Watcher(told, POLLING)
        watcher.subscribe()
        await until(lambda: watcher.snapshot.failures == 1, "a failure")
        assert "ValueError: odd" in watcher.snapshot.error
        told.error = None
        await until(lambda: watcher.snapshot.health is Health.UP, "recovery")
        await watcher.close()

    run(scenario())


def test_slowness_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "SLOW", 0.05)

    async def scenario() -> None:
        told = Told()
        told.delay = 0.1
        watcher = Watcher(told, POLLING)
        watcher.subscribe()
        await until(lambda: watcher.snapshot.health is Health.DEGRADED, "slowness to be seen")
        assert (watcher.snapshot.latency or 0) >= 0.1
        await watcher.close()

    run(scenario())


def test_jobs_that_left_are_looked_up_once_and_are_unknown_otherwise() -> None:
    async def scenario() -> None:
        told = Told()
        told.jobs = {"1": JobState.RUNNING, "2": JobState.PENDING, "3": JobState.COMPLETED, "4": JobState.RUNNING}
        told.remembered = {"1": JobState.TIMEOUT}
        watcher = Watcher(told, POLLING)
        watcher.subscribe().waiting = True
        await until(lambda: len(watcher.snapshot.jobs) == 4, "all jobs")
        told.jobs = {"4": JobState.RUNNING}
        await until(lambda: "3" not in watcher.snapshot.jobs, "what had ended to go")
        await until(lambda: told.requests >= 5, "some more questions")
        states = {key: job.state for key, job in watcher.snapshot.jobs.items()}
        assert states == {"1": JobState.TIMEOUT, "2": JobState.UNKNOWN, "4": JobState.RUNNING}
        assert told.lookups == [["1", "2"]]
        told.jobs["2"] = JobState.PENDING
        await until(lambda: watcher.snapshot.jobs["2"].state is JobState.PENDING, "the job to be told again")
        await watcher.close()

    run(scenario())


def test_fresh_waits_for_a_question_that_began_later() -> None:
    async def scenario() -> None:
        told = Told()
        told.delay = 0.3
        watcher = Watcher(told, POLLING)
        first = asyncio.create_task(watcher.fresh())
        await until(lambda: told.requests == 1, "the first question")
        told.jobs["1"] = JobState.PENDING  # the question that is under way cannot know
        second = asyncio.create_task(watcher.fresh())
        third = asyncio.create_task(watcher.fresh(time.time()))
        assert "1" not in (await first).jobs
        assert "1" in (await second).jobs
        assert "1" in (await third).jobs
        assert (await watcher.fresh(after=0.0)).jobs.keys() == {"1"}
        assert told.requests == 2
        told.error = Unavailable("silent")
        with pytest.raises(Unavailable, match="silent"):
            await watcher.fresh()
        await watcher.close()

    run(scenario())


def test_a_reader_sees_each_answer_or_the_latest_and_one_bad_callback_harms_nobody() -> None:
    async def scenario() -> None:
        told = Told()
        watcher = Watcher(told, POLLING)
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))

        def bad(_: JobsSnapshot) -> None:
            raise RuntimeError("mine")

        watcher.subscribe(bad)
        seen = []
        with watcher.subscribe() as subscription:
            async for snapshot in subscription:
                seen.append(len(snapshot.jobs))
                told.jobs[str(len(seen))] = JobState.PENDING
                if len(seen) == 3:
                    break
        assert seen == [0, 1, 2]
        assert len(errors) >= 3
        await watcher.close()

    run(scenario())


def test_closing_ends_readers_and_waiters() -> None:
    async def scenario() -> None:
        told = Told()
        told.delay = 60
        watcher = Watcher(told, POLLING)

        async def read() -> int:
            return len([snapshot async for snapshot in watcher.subscribe()])

        reader, waiter = asyncio.create_task(read()), asyncio.create_task(watcher.fresh())
        await until(lambda: told.requests == 1, "the question")
        await watcher.close()
        assert await reader == 0
        with pytest.raises(Unavailable):
            await waiter

    run(scenario())
