"""Seeing: jobs of the batch system and workers of the head become one picture."""

from itertools import pairwise

import pytest

from ihpc_jupyter.agent.view import notes_on
from ihpc_jupyter.cluster.record import ClusterRecord, Submission
from ihpc_jupyter.cluster.sight import COMPLETING_GRACE, SILENT, GroupSight, Memory, Sight, look
from ihpc_jupyter.model.cluster import JobView, WorkerState
from ihpc_jupyter.model.head import HeadState
from ihpc_jupyter.model.job import Job, JobState
from tests.records import NOW, UID, head, job, record, worker


def seen(
    jobs: list[Job],
    state: HeadState | None = None,
    known: ClusterRecord | None = None,
    memory: Memory | None = None,
    now: float = NOW,
) -> GroupSight:
    sight = Sight({one.id: one for one in jobs}, NOW)
    return look(known or record(), "main", sight, state, now, memory or Memory())


def only(sight: GroupSight) -> JobView:
    assert len(sight.jobs) == 1
    return sight.jobs[0]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (JobState.PENDING, WorkerState.PENDING),
        (JobState.REQUEUED, WorkerState.PENDING),
        (JobState.CONFIGURING, WorkerState.STARTING),
        (JobState.RUNNING, WorkerState.STARTING),
    ],
)
def test_before_its_workers_have_registered(state: JobState, expected: WorkerState) -> None:
    assert only(seen([job(0, state)])).worker_state is expected


def test_with_workers_it_works() -> None:
    view = only(seen([job(0)], head(worker(0))))
    assert (view.worker_state, view.workers) == (WorkerState.WORKING, 1)


def test_once_registered_a_job_without_workers_is_lost_and_remembered() -> None:
    memory = Memory()
    assert only(seen([job(0)], head(), record(registered=("7_0",)), memory)).worker_state is WorkerState.LOST
    assert memory.lost_since == {"7_0": NOW}
    assert only(seen([job(0)], head(worker(0)), None, memory)).worker_state is WorkerState.WORKING
    assert memory.lost_since == {}


def test_before_a_head_is_heard_no_worker_is_lost() -> None:
    assert only(seen([job(0)], None, record(registered=("7_0",)))).worker_state is WorkerState.STARTING


def test_silent_workers_are_lost_but_one_that_is_heard_is_enough() -> None:
    silent, heard = worker(0, 0, silent=SILENT), worker(0, 1, silent=SILENT - 0.1)
    assert only(seen([job(0)], head(silent))).worker_state is WorkerState.LOST
    view = only(seen([job(0)], head(silent, heard), record(processes=2)))
    assert (view.worker_state, view.workers) == (WorkerState.WORKING, 1)


def test_a_worker_that_was_replaced_between_two_looks_was_lost_once() -> None:
    pair = record(processes=2)
    whole, gone, back = (
        {"7_0": only(seen([job(0)], head(worker(0), *others), pair))}
        for others in ([worker(0, 1)], [], [worker(0, 1, attempt=1)])
    )
    assert (back["7_0"].workers, back["7_0"].replaced) == (2, 1)
    for told in ([whole, back], [whole, gone, back]):
        notes = [note.text for before, after in pairwise(told) for note in notes_on(before, after, pair, ())]
        assert notes == ["Job 7_0 lost 1 of its workers."]


def test_a_requeued_job_waits_and_is_not_lost() -> None:
    view = only(seen([job(0, JobState.PENDING, restarts=1)], head(), record(registered=("7_0",))))
    assert (view.worker_state, view.restarts) == (WorkerState.PENDING, 1)


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT, JobState.PREEMPTED])
def test_an_ended_job_has_no_place_unless_its_workers_still_speak(state: JobState) -> None:
    assert seen([job(0, state)]).jobs == ()
    assert only(seen([job(0, state)], head(worker(0)))).worker_state is WorkerState.WORKING


@pytest.mark.parametrize("state", [JobState.COMPLETING, JobState.UNKNOWN])
def test_what_completes_or_is_not_told_of_keeps_its_place_for_a_while(state: JobState) -> None:
    memory = Memory()
    assert seen([job(0, state)], memory=memory).jobs
    assert seen([job(0, state)], memory=memory, now=NOW + COMPLETING_GRACE - 1).jobs
    assert not seen([job(0, state)], memory=memory, now=NOW + COMPLETING_GRACE).jobs


def test_a_worker_proves_its_job_before_the_batch_system_tells_of_it() -> None:
    view = only(seen([], head(worker(0))))
    assert (view.id, view.state, view.worker_state) == ("7_0", JobState.RUNNING, WorkerState.WORKING)
    silent = only(seen([], head(worker(0, silent=60.0))))
    assert (silent.state, silent.worker_state) == (JobState.UNKNOWN, WorkerState.LOST)


def test_other_clusters_groups_and_names_are_not_ours() -> None:
    others = [
        job(0).model_copy(update={"name": f"ihpc-{UID}-other-abcdef"}),
        job(1).model_copy(update={"name": "ihpc-ffffffffff-main-abcdef"}),
        job(2).model_copy(update={"name": "my-own-job"}),
    ]
    assert seen(others).jobs == ()


@pytest.mark.parametrize(
    ("state", "sent_at", "expected"),
    [
        ("sending", NOW - 1, 2),
        ("uncertain", NOW - 1, 2),
        ("accepted", NOW - 1, 0),
        ("accepted", NOW + 1, 2),
    ],
)
def test_what_was_asked_for_and_is_not_to_be_seen(state: str, sent_at: float, expected: int) -> None:
    submission = Submission.model_validate(
        {"id": "fedcba", "group": "main", "count": 3, "sent_at": sent_at, "state": state}
    )
    assert seen([job(0, submission="fedcba")], known=record(submissions=(submission,))).unseen == expected


def test_a_job_whose_worker_is_here_is_not_asked_for_any_more() -> None:
    submission = Submission(id="fedcba", group="main", count=3, sent_at=NOW + 1, state="accepted", job_id="7")
    known = record(submissions=(submission,))
    assert seen([job(0, submission="fedcba")], head(worker(0), worker(1)), known).unseen == 1
    assert (
        seen([], head(worker(0)), record(submissions=(submission.model_copy(update={"job_id": "8"}),))).unseen == 3
    )


def test_while_the_batch_system_is_silent_its_last_word_stays_and_workers_prove_more() -> None:
    waiting = [job(i, JobState.PENDING, reason="Resources", expected_start=NOW + 5) for i in range(2)]
    told = seen(waiting, head(worker(0)))
    views = {view.id: view for view in told.unanswered().jobs}
    proved, last_word = views["7_0"], views["7_1"]
    assert (proved.worker_state, proved.state) == (WorkerState.WORKING, JobState.RUNNING)
    assert (proved.reason, proved.expected_start) == ("", None)
    assert (last_word.worker_state, last_word.state) == (WorkerState.PENDING, JobState.PENDING)
    assert (last_word.reason, last_word.expected_start) == ("Resources", NOW + 5)


def test_memory_forgets_what_is_gone() -> None:
    memory = Memory(lost_since={"1": NOW, "2": NOW}, completing_since={"1": NOW})
    memory.keep({"2"})
    assert memory == Memory(lost_since={"2": NOW})
