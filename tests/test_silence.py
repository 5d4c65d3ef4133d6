"""While a batch system is silent: the last word with its age, at once; nothing that nobody said."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from ihpc_jupyter.agent import explainer
from ihpc_jupyter.agent.asked import AT_ONCE, Asked
from ihpc_jupyter.agent.explainer import Explainer, telling
from ihpc_jupyter.agent.offers import OfferDesk
from ihpc_jupyter.client.heard import unproved, when_last_heard
from ihpc_jupyter.client.queue import offers_lines, rows, summary, why_lines
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.explain.answer import explain
from ihpc_jupyter.model.cluster import JobView, WorkerState
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.offer import OffersRequest
from ihpc_jupyter.model.queue import Queue, QueueRow
from ihpc_jupyter.model.site import Health, Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.model.why import Category, Evidence
from ihpc_jupyter.scheduler import slurm_why
from ihpc_jupyter.scheduler.base import Launch
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.local_why import recollect
from ihpc_jupyter.scheduler.slurm import Slurm
from ihpc_jupyter.scheduler.slurm_why import Inquiry
from ihpc_jupyter.scheduler.transport import Completed, Transport
from ihpc_jupyter.scheduler.watcher import JobsSnapshot, Watcher
from tests.asynchronous import run
from tests.test_why import MAINTENANCE
from tests.told import Told

NOW = 1_700_000_000.0
SITE = Site(name="bed", kind=SiteKind.SLURM, lanes={"batch": Lane()}, shapes={"s": Shape()})
SILENCE = Unavailable("Site bed does not answer: squeue did not answer within 10 s.")


class Silent(Told):
    """A batch system that answers about jobs and starts, until it hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.questions = 0

    async def evidence(self, job_id: str) -> Evidence:
        await self._say()
        job = Job(id=job_id, name="a", state=JobState.PENDING, reason="Resources")
        return Evidence(job=job, category=Category.RESOURCES, asked_at=time.time(), priority=self.questions)

    async def expected_start(self, launch: Launch) -> tuple[float | None, str]:
        await self._say()
        return NOW, "to start then"

    async def _say(self) -> None:
        self.questions += 1
        await self.speaks.wait()

    def recollect(self, job: Job, asked_at: float, why: str) -> Evidence:
        return recollect(job, asked_at, why)


class Desk:
    """An explainer before a batch system whose silence is told, or not known yet."""

    def __init__(self) -> None:
        self.batch = Silent()
        self.watcher = Watcher(self.batch, Polling())
        self.known: IhpcError | None = None
        self.reasons = Explainer(SITE, self.batch, self.watcher, lambda: self.known)
        self.offers = OfferDesk(SITE, self.batch, lambda: self.known)

    def saw(self, **jobs: JobState) -> None:
        """What the watcher was told last."""
        told = {key[1:]: Job(id=key[1:], name="a", state=state, reason="Priority") for key, state in jobs.items()}
        self.watcher.snapshot = JobsSnapshot(told, NOW, NOW, failures=2, health=Health.UNKNOWN)

    def fall_silent(self, *, known: bool) -> None:
        self.batch.speaks.clear()
        self.known = SILENCE if known else None

    def come_back(self, *, known: bool) -> None:
        self.batch.speaks.set()
        self.known = None if known else SILENCE


def test_what_waits_and_what_is_left_stands_still_and_says_when_that_was() -> None:
    job = QueueRow(id="7", name="a", state=JobState.RUNNING, started_at=NOW - 60, ends_at=NOW + 600, cores=1)
    queue = Queue(site="bed", everybody=False, at=NOW, health=Health.UNKNOWN, silent=True, rows=(job,))

    def cell(queue: Queue, now: float, heading: str) -> str:
        head, line = rows(queue, now)
        return line[next(place for place, name in enumerate(head) if name.startswith(heading))]

    assert cell(queue, NOW + 90, "time") == cell(queue, NOW + 500, "time") == "1 min 00 s, 10 min 00 s left"
    heading = rows(queue, NOW + 90)[0]
    assert "state when last heard" in heading
    assert f"time at {time.strftime('%H:%M:%S', time.localtime(NOW))}" in heading
    assert summary(queue, NOW + 90)[0].startswith("bed, your jobs, when last heard, 1 min 30 s ago: ")
    slow = queue.model_copy(update={"health": Health.DEGRADED, "silent": False})
    assert cell(slow, NOW + 90, "time") == "2 min 30 s, 8 min 30 s left", "it is slow, and answers"
    assert "state" in rows(slow, NOW)[0]


def test_a_state_is_followed_by_its_age_but_where_workers_vouch_for_it() -> None:
    assert when_last_heard(NOW, NOW + 40, silent=True) == " when last heard, 40 s ago"
    assert when_last_heard(NOW, NOW + 40, silent=False) == ""
    job = JobView(id="7", group="main", state=JobState.RUNNING, worker_state=WorkerState.STARTING)
    assert unproved(job, silent=True)
    assert not unproved(job, silent=False)
    assert not unproved(job.model_copy(update={"worker_state": WorkerState.WORKING}), silent=True)


def test_an_explanation_of_a_silent_site_says_when_it_was_so_and_what_was_not_read() -> None:
    slurm = Slurm(SITE, Transport(environment=chosen_environment()))
    job = Job(id="7", name="a", state=JobState.PENDING, reason="Resources", cores=4, submitted_at=NOW - 60)
    read = slurm.recollect(job, NOW, "the batch system does not answer")
    assert slurm.requests == 0
    told = explain(read.model_copy(update={"silence": str(SILENCE)}))
    then = time.strftime("%H:%M:%S", time.localtime(NOW))
    assert told.sentence == f"When last heard ({then}): Not enough is free at once for 4 cores."
    assert (told.category, told.at, told.silence) == (Category.RESOURCES, NOW, str(SILENCE))
    unread = {fact.label for fact in told.facts if not fact.read}
    assert unread == {"jobs ahead", "nodes", "reservations", "priority is made of"}
    lines = why_lines("bed", told, NOW + 40)
    assert lines[:2] == ["Job 7 (a) on bed: PENDING when last heard, 40 s ago, resources.", str(SILENCE)]


def test_what_was_read_counts_while_the_job_was_last_seen_so() -> None:
    pending = Job(id="7", name="a", state=JobState.PENDING, reason="Resources")
    read = Evidence(job=pending, category=Category.RESOURCES, asked_at=NOW, priority=3)
    same = recollect(pending, NOW + 20, "silence")
    runs = recollect(pending.model_copy(update={"state": JobState.RUNNING}), NOW + 20, "silence")
    assert telling(read, same) is read
    assert telling(read, runs) is runs
    assert telling(read.model_copy(update={"asked_at": NOW + 30}), runs).priority == 3  # type: ignore[union-attr]
    assert telling(None, same) is same
    assert telling(None, None) is None


def test_a_known_silence_is_answered_at_once_and_the_next_answer_is_fresh() -> None:
    async def scenario() -> None:
        desk = Desk()
        first = await desk.reasons.why("7")
        assert not first.silence
        desk.fall_silent(known=True)
        desk.saw(_7=JobState.PENDING, _8=JobState.PENDING)
        for job in ("7", "7", "8"):
            began = time.monotonic()
            told = await desk.reasons.why(job)
            assert time.monotonic() - began < 2 * AT_ONCE
            assert (told.job.id, told.silence) == (job, str(SILENCE))
        assert desk.batch.questions == 2, "one question is under way, whoever asks"
        with pytest.raises(Unavailable, match="does not answer") as nothing:
            await desk.reasons.why("9")
        assert "nothing was heard" in nothing.value.hint
        desk.come_back(known=False)
        again = await desk.reasons.why("7")
        assert not again.silence, "it answers, before the watcher has noticed"
        assert again.at > first.at
        await desk.watcher.close()

    run(scenario())


def test_a_silence_that_is_not_known_yet_is_waited_for_so_long_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explainer, "PATIENCE", 0.3)

    async def scenario() -> None:
        desk = Desk()
        desk.fall_silent(known=False)
        desk.saw(_7=JobState.PENDING)
        began = time.monotonic()
        told = await desk.reasons.why("7")
        assert 0.3 <= time.monotonic() - began < 1.5
        assert told.silence.startswith("Site bed has not answered within")
        assert told.at == NOW
        desk.come_back(known=True)
        assert not (await desk.reasons.why("7")).silence
        assert desk.batch.questions == 1, "the question that was under way is the answer"
        await desk.watcher.close()

    run(scenario())


def test_an_answer_of_before_a_silence_is_not_taken_for_one_after_it() -> None:
    async def scenario() -> None:
        desk = Desk()
        first = await desk.reasons.why("7")
        desk.fall_silent(known=True)
        desk.saw()
        await desk.reasons.why("7")
        desk.come_back(known=True)
        second = await desk.reasons.why("7")
        assert second.at > first.at
        assert [fact.value for fact in second.facts if fact.label == "priority"] == ["2"]
        await desk.watcher.close()

    run(scenario())


def test_what_was_not_read_for_a_silence_is_read_by_the_next_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explainer, "SLOW", -1.0)

    async def scenario() -> None:
        desk = Desk()
        whole = desk.batch.evidence

        async def with_a_hole(job_id: str) -> Evidence:
            return (await whole(job_id)).model_copy(update={"unread": {"peak_memory": "no answer within 4 s"}})

        desk.batch.evidence = with_a_hole  # type: ignore[method-assign]
        assert any(not fact.read for fact in (await desk.reasons.why("7")).facts)
        desk.batch.evidence = whole  # type: ignore[method-assign]
        assert all(fact.read for fact in (await desk.reasons.why("7")).facts)
        await desk.reasons.why("7")
        assert desk.batch.questions == 2, "what is whole is kept"
        await desk.watcher.close()

    run(scenario())


def test_offers_of_a_silent_site_are_the_last_ones_or_a_refusal_at_once() -> None:
    async def scenario() -> None:
        desk = Desk()
        first = await desk.offers.ask(OffersRequest())
        assert first.offers[0].expected_start == NOW
        asked_once = desk.batch.questions
        desk.fall_silent(known=True)
        began = time.monotonic()
        told = await desk.offers.ask(OffersRequest())
        assert (told.offers, told.at, told.silence) == (first.offers, first.at, str(SILENCE))
        with pytest.raises(Unavailable, match="does not answer") as refused:
            await desk.offers.ask(OffersRequest(workers=2))
        assert refused.value.hint
        assert time.monotonic() - began < 3 * AT_ONCE
        assert desk.batch.questions <= asked_once + 1
        heading = offers_lines(told, told.at + 40)
        assert heading[0] == str(SILENCE)
        assert "submitted then, as bed said at " in heading[1]
        assert ", 40 s ago" in heading[1]
        desk.come_back(known=True)
        assert not (await desk.offers.ask(OffersRequest())).silence
        await desk.watcher.close()

    run(scenario())


def test_offers_end_with_the_first_question_that_nobody_answers() -> None:
    async def scenario() -> None:
        desk = Desk()

        async def unanswered(launch: Launch) -> tuple[float | None, str]:
            desk.batch.questions += 1
            raise Unavailable("srun did not answer within 10 s.")

        desk.batch.expected_start = unanswered  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="srun did not answer"):
            await desk.offers.ask(OffersRequest())
        assert desk.batch.questions == 1
        await desk.watcher.close()

    run(scenario())


def test_a_question_that_takes_longer_goes_on_for_the_next_who_asks() -> None:
    async def scenario() -> None:
        answers: Asked[str] = Asked(age=5.0)
        go = asyncio.Event()

        async def ask() -> str:
            await go.wait()
            return "so"

        assert answers.asks("a")
        assert await answers.within(0.05, "a", ask) is None
        assert answers.asks("a")
        assert not answers.asks("b")
        go.set()
        assert await answers.within(5.0, "a", ask) == "so"

        async def fail() -> str:
            raise Unavailable("away")

        with pytest.raises(Unavailable, match="away"):
            await answers.within(5.0, "c", fail)
        assert answers.asks("b")

    run(scenario())


def test_one_silent_question_does_not_hold_up_what_the_others_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_why, "BESIDE", 0.2)

    async def answer(argv: Sequence[str]) -> Completed:
        if argv[0] == "sprio":
            await asyncio.Event().wait()
        return Completed(0, MAINTENANCE if argv[:4] == ["scontrol", "-o", "show", "job"] else "", "", 0.0)

    async def scenario() -> None:
        read = await Inquiry(answer, "8").evidence()
        assert read.unread == {"factors": "no answer within 0 s"}
        assert read.job.reason.startswith("ReqNodeNotAvail")

    run(scenario())
