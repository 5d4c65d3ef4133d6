"""The snapshot's readers over HTTP as the writer keeps them: sessions, wishes, who waits, who asks too much."""

import asyncio
import time

import pytest

from ihpc_jupyter.centre import visitors as visiting
from ihpc_jupyter.centre.visitors import Visitors
from ihpc_jupyter.centre.wishes import MARKS_OF_ONE
from ihpc_jupyter.errors import NotAllowed, Unavailable
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot
from ihpc_jupyter.scheduler.snapshot_web import News
from ihpc_jupyter.scheduler.source import Wish
from tests.asynchronous import run

MOMENT = SiteSnapshot(site="bed", asked_at=100.0)


def test_who_has_heard_everything_waits_for_news() -> None:
    jobs: dict[int, str] = {1: "one"}
    visitors = Visitors(jobs.get)

    async def news(token: str, last: News | None, seconds: float) -> News:
        visitor, mine = visitors.who(token), last.jobs_revision if last else ""
        await visitors.wait(visitor, last.revision if last else "", mine, seconds)
        return visitors.news(visitor, mine, 1.0)

    async def story() -> None:
        alice, bob = visitors.admit(1), visitors.admit(2)
        with pytest.raises(Unavailable):
            await news(alice, None, 0)
        visitors.tell(MOMENT)
        visitors.beat(1.0)
        first = await news(alice, None, 60)
        assert first.jobs == "one"
        assert (await news(bob, None, 60)).jobs is None, "nobody told of bob"
        again = await news(alice, first, 0.05)
        assert (again.jobs, again.jobs_revision) == (None, first.jobs_revision), "she has it"
        waiting = asyncio.create_task(news(alice, first, 60))
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        jobs[1] = "two"
        visitors.tell(MOMENT.model_copy(update={"asked_at": 101.0}))
        async with asyncio.timeout(5):
            second = await waiting
        assert (second.jobs, second.site.asked_at) == ("two", 101.0)
        visitors.beat(None)
        with pytest.raises(Unavailable, match="Nobody writes"):
            await news(alice, second, 0)

    run(story())


def test_wishes_of_sessions_count_as_those_of_files_do() -> None:
    visitors = Visitors(lambda _: None)
    now = time.time()
    first, second = visitors.admit(1), visitors.admit(2)
    assert visitors.wishes(now).readers == frozenset()
    visitors.who(first).marks[Wish.WAITS] = now - 5
    visitors.who(second).marks[Wish.LOOKS] = now - 7
    told = visitors.wishes(now)
    assert (told.waits, told.looks, told.readers) == (now - 5, now - 7, frozenset({1, 2}))
    assert visitors.wishes(now + 4000).latest == 0.0, "long ago"
    visitors.leave(first)
    assert visitors.wishes(now).waits == 0.0


def test_sessions_end_and_one_user_has_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = Visitors(lambda _: None)
    other = visitors.admit(2)
    tokens = [visitors.admit(1) for _ in range(MARKS_OF_ONE + 1)]
    with pytest.raises(NotAllowed):
        visitors.who(tokens[0])
    assert visitors.who(tokens[1]).uid == 1
    assert visitors.who(other).uid == 2, "others keep theirs"
    monkeypatch.setattr(visiting, "MOST", MARKS_OF_ONE + 1)
    with pytest.raises(Unavailable, match="too many"):
        visitors.admit(3)
    monkeypatch.setattr(visiting, "LASTS", -1.0)
    monkeypatch.setattr(visiting, "MOST", 1000)
    with pytest.raises(NotAllowed, match="over"):
        visitors.who(visitors.admit(4))


def test_one_user_does_not_ask_too_much_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "AT_ONCE", 2)
    monkeypatch.setattr(visiting, "PACE", 1000)

    async def story() -> None:
        visitors = Visitors(lambda _: None)
        mine, also_mine, other = (visitors.who(visitors.admit(uid)) for uid in (1, 1, 2))
        visitors.ask(mine)
        visitors.ask(also_mine)
        with pytest.raises(Unavailable, match="too many"):
            visitors.ask(mine)
        visitors.ask(other)
        visitors.answered(mine, 0)
        visitors.answered(also_mine, 10**9)  # that was a long answer
        await asyncio.sleep(0.05)
        visitors.ask(mine)
        with pytest.raises(Unavailable, match="too many"):
            visitors.ask(also_mine)

    run(story())
