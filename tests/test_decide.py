"""Deciding: what to ask for, what to let go, what to give up, and above all what to leave alone."""

import pytest

from ihpc_jupyter.cluster.decide import (
    ABSENT_TWICE,
    LOST_GRACE,
    MAX_ARRAY,
    Decision,
    count,
    decide,
    lead,
    settle_submissions,
)
from ihpc_jupyter.cluster.record import ClusterRecord, Submission
from ihpc_jupyter.cluster.sight import Memory, Sight, look
from ihpc_jupyter.model.cluster import Counts
from ihpc_jupyter.model.head import HeadState
from ihpc_jupyter.model.job import Job, JobState
from tests.records import NOW, head, job, record, worker


def decided(
    known: ClusterRecord,
    jobs: list[Job],
    state: HeadState | None = None,
    memory: Memory | None = None,
    asked_at: float = NOW,
) -> Decision:
    sight = Sight({one.id: one for one in jobs}, asked_at)
    memory = memory or Memory()
    sights = {"main": look(known, "main", sight, state, NOW, memory)}
    return decide(known, sights, sight, state, NOW, memory, {})


def counted(known: ClusterRecord, jobs: list[Job], state: HeadState | None = None) -> Counts:
    sight = Sight({one.id: one for one in jobs}, NOW)
    return count(known.groups["main"], look(known, "main", sight, state, NOW, Memory()), known.abandoned)


def submission(state: str = "accepted", count: int = 2, sent_at: float = NOW - 1, **fields: object) -> Submission:
    return Submission.model_validate(
        {"id": "fedcba", "group": "main", "count": count, "sent_at": sent_at, "state": state, **fields}
    )


def test_what_is_missing_is_asked_for_in_one_piece() -> None:
    assert decided(record(8), []) == Decision(submit={"main": 8})
    assert decided(record(8), [job(0), job(1, JobState.PENDING)]) == Decision(submit={"main": 6})
    assert decided(record(5000), []) == Decision(submit={"main": MAX_ARRAY})


def test_workers_come_in_whole_jobs() -> None:
    assert decided(record(5, processes=2), [job(0)]) == Decision(submit={"main": 2})


def test_nothing_is_done_when_all_is_as_wanted() -> None:
    assert decided(record(2), [job(0), job(1, JobState.PENDING)], head(worker(0))) == Decision()


def test_nothing_is_asked_for_twice() -> None:
    assert decided(record(2, submissions=(submission("sending"),)), []) == Decision()
    assert decided(record(2, submissions=(submission("uncertain"),)), []) == Decision()
    assert decided(record(2, submissions=(submission(sent_at=NOW + 1),)), []) == Decision()


def test_a_surplus_goes_pending_first_then_starting_then_the_idlest() -> None:
    jobs = [job(0), job(1), job(2), job(3, JobState.PENDING)]
    state = head(worker(0, processing=5), worker(1, processing=1))
    assert decided(record(3), jobs, state) == Decision(cancel=["7_3"])
    assert decided(record(2), jobs, state) == Decision(cancel=["7_3", "7_2"])
    assert decided(record(1), jobs, state) == Decision(cancel=["7_3", "7_2"], retire=["7_1"])


def test_of_pending_jobs_the_youngest_that_never_ran_goes_first() -> None:
    jobs = [
        job(0, JobState.PENDING, submitted_at=NOW - 50, restarts=1),
        job(1, JobState.PENDING, submitted_at=NOW - 30),
        job(2, JobState.PENDING, submitted_at=NOW - 20),
    ]
    assert decided(record(2), jobs).cancel == ["7_2"]
    assert decided(record(1), jobs).cancel == ["7_2", "7_1"]


def test_a_preempted_and_requeued_job_keeps_its_place() -> None:
    known = record(2, registered=("7_0", "7_1"))
    assert decided(known, [job(0, JobState.PENDING, restarts=1), job(1)], head(worker(1))) == Decision()


def test_a_job_near_its_end_stays_so_when_one_answer_leaves_it_out() -> None:
    memory, state = Memory(), head(worker(0))
    jobs = [job(0, ends_at=NOW + 20), job(1, JobState.PENDING)]
    assert decided(record(1), jobs, state, memory).cancel == []
    assert decided(record(1), jobs[1:], state, memory) == Decision(ending={"7_0": 20.0})
    forgotten = [job(0, JobState.UNKNOWN, ends_at=NOW + 20), jobs[1]]
    assert decided(record(1), forgotten, state, memory) == Decision(ending={"7_0": 20.0})


LEADS = [(3600, 0, 60), (3600, 100, 230), (60, 0, 30), (60, 900, 30)]


def lost(since: float) -> Memory:
    return Memory(lost_since={"7_0": since})


@pytest.mark.parametrize(
    ("state", "since", "asked_at", "given_up"),
    [
        (JobState.RUNNING, NOW - LOST_GRACE, NOW, True),
        (JobState.RUNNING, NOW - LOST_GRACE + 1, NOW, False),
        (JobState.RUNNING, NOW - 60, NOW - 61, False),
        (JobState.SUSPENDED, NOW - 60, NOW, False),
        (JobState.UNKNOWN, NOW - 60, NOW, False),
    ],
)
def test_a_job_is_given_up_only_when_the_batch_system_says_that_it_runs(
    state: JobState, since: float, asked_at: float, *, given_up: bool
) -> None:
    decision = decided(record(1, registered=("7_0",)), [job(0, state)], head(), lost(since), asked_at)
    assert decision.abandon == (["7_0"] if given_up else [])
    assert decision.submit == ({"main": 1} if given_up else {})
    assert decision.cancel == []


def test_what_was_given_up_is_cancelled_while_it_runs_and_used_when_it_comes_back() -> None:
    known = record(1, registered=("7_0",), abandoned=("7_0",))
    assert decided(known, [job(0), job(1)], head(worker(1))) == Decision(cancel=["7_0"])
    suspended = [job(0, JobState.SUSPENDED), job(1)]
    assert decided(known, suspended, head(worker(1))) == Decision()
    requeued = [job(0, JobState.PENDING, restarts=1), job(1)]
    assert decided(known, requeued, head(worker(1))) == Decision(cancel=["7_0"]), "the surplus, pending first"


def test_a_job_near_its_end_is_replaced_in_time_and_told_of() -> None:
    ending = job(0, ends_at=NOW + 40)
    decision = decided(record(1), [ending], head(worker(0)))
    assert decision == Decision(submit={"main": 1}, ending={"7_0": 40.0})
    both = decided(record(1), [ending, job(1, JobState.PENDING)], head(worker(0)))
    assert both == Decision(ending={"7_0": 40.0}), "the successor is not taken for a surplus"


@pytest.mark.parametrize(("limit", "wait", "seconds"), LEADS)
def test_how_early_a_successor_is_asked_for(limit: float, wait: float, seconds: float) -> None:
    assert lead(limit, wait) == seconds


def test_a_job_that_completes_keeps_its_place_but_displaces_nobody() -> None:
    known = record(1, registered=("7_0",))
    completing = job(0, JobState.COMPLETING, ends_at=NOW)
    assert decided(known, [completing], head()) == Decision()
    assert decided(known, [completing, job(1)], head(worker(1))) == Decision()


def test_leaving_jobs_do_not_count() -> None:
    known = record(1, leaving=("7_0",))
    assert decided(known, [job(0)], head(worker(0, leaving=True))) == Decision(submit={"main": 1})


def test_counts_add_up() -> None:
    jobs = [job(0), job(1), job(2, JobState.PENDING), job(3)]
    state = head(worker(0, 0), worker(0, 1), worker(1, 0))
    known = record(12, processes=2, registered=("7_3",))
    assert counted(known, jobs, state) == Counts(requested=4, pending=2, starting=1, working=3, lost=2)
    given_up = known.model_copy(update={"abandoned": ("7_3",)})
    assert counted(given_up, jobs, state) == Counts(requested=6, pending=2, starting=1, working=3, lost=0)


def settled(known: ClusterRecord, asked_at: float, jobs: list[Job] | None = None) -> tuple[Submission, ...]:
    return settle_submissions(known, Sight({one.id: one for one in jobs or []}, asked_at)).submissions


def test_an_accepted_submission_is_done_with_after_the_next_answer() -> None:
    known = record(submissions=(submission(),))
    assert settled(known, NOW - 2) == known.submissions
    assert settled(known, NOW) == ()


def test_an_uncertain_submission_is_found_by_its_tag() -> None:
    known = record(submissions=(submission("uncertain"),))
    assert settled(known, NOW, [job(0, submission="fedcba")]) == ()


def test_an_uncertain_submission_is_absent_only_after_two_answers_far_enough_apart() -> None:
    known = record(submissions=(submission("uncertain"),))
    once = settle_submissions(known, Sight({}, NOW))
    assert once.submissions[0].absent_since == NOW
    assert settled(once, NOW + ABSENT_TWICE - 0.1)
    assert settled(once, NOW + ABSENT_TWICE) == ()


def test_without_an_answer_nothing_is_settled() -> None:
    known = record(submissions=(submission("uncertain"), submission()))
    assert settle_submissions(known, Sight()) is known
