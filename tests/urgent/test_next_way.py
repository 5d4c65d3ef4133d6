"""By which way the next attempt goes: the pure part, over told stories."""

import pytest

from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.run import Plan, RunState, Way, WayKind
from ihpc_jupyter.runs.decide import decide, first_way
from ihpc_jupyter.runs.judge import STUCK_AFTER
from ihpc_jupyter.runs.sight import AttemptSight, CommandSight
from tests.urgent.test_decide import HELD, NOT_YET, NOW, attempt, job, record, seen

RESERVED = Plan(at=NOW, ways=(), chosen=WayKind.RESERVATION)


@pytest.mark.parametrize("reason", ["Resources", "Reservation", "ReservationDeleted"])
def test_a_full_reservation_is_left_where_there_is_room_elsewhere(reason: str) -> None:
    waiting = AttemptSight((NOT_YET,), HELD, (job(JobState.PENDING, reason=reason),))
    reserved = record(attempt(1, way=WayKind.RESERVATION), plan=RESERVED)
    late = NOW + STUCK_AFTER + 1
    assert decide(reserved, seen({1: waiting}, now=late, room=False)).again is None
    decision = decide(reserved, seen({1: waiting}, now=late, room=True))
    assert decision.again is not None
    assert "reservation" in decision.again.why
    assert first_way(decision.record) is WayKind.ALLOCATION


def test_a_reservation_that_is_over_is_no_refusal_of_the_run() -> None:
    refused = AttemptSight((NOT_YET,), CommandSight(refused="Requested reservation is invalid"))
    decision = decide(record(attempt(1, way=WayKind.RESERVATION), plan=RESERVED), seen({1: refused}))
    assert decision.again is not None
    elsewhere = decision.record.with_attempt(attempt(2, way=first_way(decision.record)))
    assert decide(elsewhere, seen({2: refused})).record.state is RunState.LOST


def test_a_node_lost_in_a_reservation_is_replaced_in_it() -> None:
    ran = attempt(1, way=WayKind.RESERVATION, started_at=NOW, running_at=NOW, outcome="lost")
    assert first_way(record(ran, plan=RESERVED)) is WayKind.RESERVATION


def test_workers_that_are_not_idle_any_more_take_it_next_where_the_plan_says_so() -> None:
    busy = AttemptSight((NOT_YET,), CommandSight(unanswered="No worker is idle any more."))
    plan = Plan(at=NOW, ways=(), chosen=WayKind.IDLE_WORKERS, otherwise=WayKind.OWN_WORKERS)
    decision = decide(record(attempt(1, way=WayKind.IDLE_WORKERS), plan=plan), seen({1: busy}))
    assert decision.again is not None
    assert first_way(decision.record) is WayKind.OWN_WORKERS
    second = decision.record.with_attempt(attempt(2, way=WayKind.OWN_WORKERS, outcome="lost"))
    assert first_way(second) is WayKind.ALLOCATION, "they had their time"
    began = attempt(1, way=WayKind.IDLE_WORKERS, started_at=NOW, outcome="lost")
    assert first_way(record(began, plan=plan)) is WayKind.ALLOCATION


def test_who_has_to_go_for_a_further_attempt_is_noted_too() -> None:
    ways = (Way(kind=WayKind.PREEMPTION, possible=True),)
    for chosen in (WayKind.IDLE_WORKERS, WayKind.RESERVATION):
        plan = Plan(at=NOW, ways=ways, chosen=chosen)
        assert first_way(record(attempt(1, way=chosen, outcome="lost"), plan=plan)) is WayKind.PREEMPTION
