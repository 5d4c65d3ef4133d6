"""A cluster's past: bounded, honest about what was not heard, as its head tells it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.head.report import Sent
from ihpc_jupyter.metrics.timeline import EACH, MAX_CLUSTERS, MAX_MOMENTS, MAX_POINTS, Timelines
from ihpc_jupyter.model.cluster import ClusterState, ClusterView, Counts, GroupView, HeadView, Load
from ihpc_jupyter.model.site import Shape
from ihpc_jupyter.model.timeline import Timeline
from tests.world import Agent, World, until


def view(name: str = "demo", *, up: bool = True, uid: str = "a", **load: int) -> ClusterView:
    group = GroupView(
        name="main", lane="batch", shape=Shape(), target=4, maximum=8, time_limit=60,
        counts=Counts(working=3, pending=1),
    )  # fmt: skip
    return ClusterView(
        name=name, uid=uid, site="bed", state=ClusterState.RUNNING, created_at=0,
        head=HeadView(state="up" if up else "unknown"), groups={"main": group, "more": group}, load=Load(**load),
    )  # fmt: skip


def test_groups_are_added_up_and_transfer_is_a_rate() -> None:
    lines = Timelines()
    for at, sent in ((0.0, 1000), (1.0, 1500), (4.0, 5000), (8.0, 100)):
        lines.note(view(sent=sent, tasks=7), at)
    told = lines.tell("demo", 100, 10)
    assert told.moments == (0.0, 4.0, 8.0), "what comes sooner than each two seconds is no news"
    assert (told.working, told.pending) == ((6, 6, 6), (2, 2, 2))
    assert told.transfer == (None, 1000.0, None), "a head that counts anew tells nothing of the time before"
    assert told.tasks == (7, 7, 7)


def test_of_a_silent_head_nothing_is_made_up() -> None:
    lines = Timelines()
    lines.note(view(sent=10, memory=5), 0)
    lines.note(view(up=False), 2)
    lines.note(view(sent=30, memory=6), 4)
    told = lines.tell("demo", 100, 5)
    assert (told.memory, told.transfer) == ((5, None, 6), (None, None, None))
    assert told.working == (6, 6, 6)


def test_a_namesake_has_a_past_of_its_own_and_who_is_gone_has_none() -> None:
    lines = Timelines()
    lines.note(view(), 0)
    lines.note(view(uid="b"), 2)
    assert lines.tell("demo", 100, 3).moments == (2.0,)
    lines.forget("demo")
    assert lines.tell("demo", 100, 3).moments == ()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.floats(1, 86400))
def test_memory_and_answers_are_bounded(pauses: list[float], window: float) -> None:
    lines, now = Timelines(), 0.0
    for pause in pauses * 8:
        now += pause
        lines.note(view(), now)
    told = lines.tell("demo", window, now)
    assert len(told.moments) <= MAX_POINTS
    assert list(told.moments) == sorted(told.moments)
    assert all(moment >= now - window for moment in told.moments)
    everything = lines.tell("demo", 1e7, now)
    assert len(everything.moments) <= MAX_POINTS <= MAX_MOMENTS
    assert everything.moments[-1] > now - EACH - 1e-6


def test_clusters_that_come_and_go_are_bounded_too() -> None:
    lines = Timelines()
    for number in range(MAX_CLUSTERS + 5):
        lines.note(view(f"c{number}"), float(number))
    assert [bool(lines.tell(f"c{number}", 100, 50).moments) for number in range(6)] == [False] * 5 + [True]


def test_what_gone_workers_sent_still_counts() -> None:
    sent = Sent()
    assert sent.total({"a": 10, "b": 5}) == 15
    assert sent.total({"a": 20}) == 25
    assert sent.total({"a": 3, "c": 1}) == 29, "a began anew"


def told(agent: Agent, query: str = "") -> Timeline | None:
    answer = agent.request("GET", f"/api/clusters/past/timeline{query}")
    return Timeline.model_validate_json(answer) if answer else None


def test_a_real_clusters_past(world: World) -> None:
    agent = world.agent()
    agent.create("past", 2)
    agent.working("past", 2)
    with agent.client("past") as client:
        parts = client.map(bytearray, [4 << 20] * 4, pure=False)
        whole = client.submit(lambda parts: sum(len(part) for part in parts), parts)
        assert whole.result(timeout=30) == 16 << 20

        def moved() -> Timeline | None:
            past = told(agent)
            return past if past and any(rate for rate in past.transfer if rate) else None

        past = until(moved, "what workers sent is told", 20)
    assert past.working[0] < past.working[-1] == 2
    assert max(tasks or 0 for tasks in past.tasks) >= 5
    assert (past.memory_limit[-1] or 0) > (past.memory[-1] or 0) > 0
    assert all(0 <= (rate or 0.0) < 1 << 30 for rate in past.transfer)
    assert past.moments[-1] == pytest.approx(time.time(), abs=10)
    now = told(agent)
    assert now is not None
    assert now.revision >= past.revision
    assert told(agent, f"?after={now.revision}") is None or told(agent) != now
    agent.stop("past")
