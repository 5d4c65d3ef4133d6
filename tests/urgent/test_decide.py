"""What to do next about a run: the pure part, over told stories."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.run import Attempt, Plan, RunOrder, RunState, WayKind
from ihpc_jupyter.model.site import Shape
from ihpc_jupyter.runs.decide import RANKS_TOGETHER, Decision, decide
from ihpc_jupyter.runs.judge import BEGIN_WITHIN, LOST_AFTER, STUCK_AFTER, UNSEEN_FOR
from ihpc_jupyter.runs.record import MAX_ATTEMPTS, RunRecord
from ihpc_jupyter.runs.sight import AttemptSight, CommandSight, CopySight, ResultSight, RunSight

NOW = 1_000_000.0
NAME = "ihpc-0123456789-run1-abcdef"


def record(*attempts: Attempt, **changes: Any) -> RunRecord:
    made = RunRecord(
        id="0123456789", order=RunOrder(), site="bed", lane="urgent", shape=Shape(), time_limit=600,
        environment=Environment(python="/usr/bin/python3"), created_at=NOW, begun=True,
        plan=Plan(at=NOW, ways=(), chosen=WayKind.ALLOCATION), attempts=attempts or (attempt(1),),
    )  # fmt: skip
    return made.model_copy(update=changes)


def attempt(number: int, **fields: Any) -> Attempt:
    return Attempt(**{"way": WayKind.ALLOCATION} | fields, number=number, name=NAME, submitted_at=NOW)


def seen(attempts: Mapping[int, AttemptSight] | None = None, **fields: Any) -> RunSight:
    return RunSight(now=fields.pop("now", NOW + 1), attempts=attempts or {}, **fields)


def copy(silent: float = 0.0, host: str = "n1", **fields: Any) -> CopySight:
    return CopySight(started_at=NOW + 0.1, running_at=NOW + 0.2, host=host, silent=silent, **fields)


def job(state: JobState, **fields: Any) -> Job:
    return Job(id="7", name=NAME, state=state, **fields)


HELD = CommandSight()
NOT_YET = CopySight()


def one(*copies: CopySight, command: CommandSight = HELD, jobs: tuple[Job, ...] = ()) -> Decision:
    """What is decided about a run with one attempt that looks so."""
    return decide(record(), seen({1: AttemptSight(copies or (NOT_YET,), command, jobs)}))


def test_it_waits_while_a_command_holds_the_job() -> None:
    decision = one()
    assert decision.record.state is RunState.SUBMITTED
    assert (decision.again, decision.cancel) == (None, ())


@pytest.mark.parametrize(
    ("copies", "jobs", "state"),
    [
        ((NOT_YET,), (job(JobState.PENDING),), RunState.QUEUED),
        ((NOT_YET,), (job(JobState.RUNNING),), RunState.ALLOCATED),
        ((CopySight(started_at=NOW),), (), RunState.STARTED),
        ((copy(),), (), RunState.RUNNING),
    ],
)
def test_each_stage_shows(copies: tuple[CopySight, ...], jobs: tuple[Job, ...], state: RunState) -> None:
    assert one(*copies, jobs=jobs).record.state is state


def test_a_result_ends_it_and_everything_else_goes() -> None:
    result = ResultSight(ok=True, attempt=1, copy=0, seconds=2.5)
    two = record(attempt(1), attempt(2))
    decision = decide(two, seen({}, result=result))
    assert decision.record.state is RunState.SUCCEEDED
    assert [one.outcome for one in decision.record.attempts] == ["won", "cancelled"]
    assert decision.cancel == (1, 2)
    assert (decision.record.winner, decision.record.seconds) == (1, 2.5)


def test_an_answer_of_one_given_up_counts_while_there_is_no_other() -> None:
    two = record(attempt(1, outcome="lost", detail="silent"), attempt(2))
    result = ResultSight(ok=True, attempt=1, copy=0, seconds=1)
    decision = decide(two, seen({}, result=result))
    assert [one.outcome for one in decision.record.attempts] == ["won", "cancelled"]


def test_an_exception_of_the_users_code_is_an_answer() -> None:
    result = ResultSight(ok=False, attempt=1, copy=0, seconds=1, error="ValueError: no")
    decision = decide(record(), seen({}, result=result))
    assert decision.record.state is RunState.FAILED
    assert decision.again is None
    assert decision.record.problem == "ValueError: no"


def test_other_ranks_end_by_themselves_within_reason() -> None:
    result = ResultSight(ok=True, attempt=1, copy=0, seconds=1)
    done, there = copy(ended=True), NOW + 2
    ranks = record(order=RunOrder(tasks=2))

    def ends(sight: AttemptSight, now: float = there, run: RunRecord = ranks) -> bool:
        decision = decide(run, seen({1: sight}, result=result, now=now))
        assert decision.record.state.ended is bool(decision.cancel)
        return decision.record.state.ended

    for other in (NOT_YET, copy()):
        assert not ends(AttemptSight((done, other), HELD))
        assert ends(AttemptSight((done, other), HELD), now=there + RANKS_TOGETHER)
        assert ends(AttemptSight((done, other), CommandSight(code=0)))
        assert ends(AttemptSight((done, other), HELD), run=record(order=RunOrder(copies=2)))
        assert ends(AttemptSight((done, other), HELD), run=ranks.model_copy(update={"cancelled": True}))
        assert ends(AttemptSight((done, other), HELD), run=ranks.model_copy(update={"deadline_at": there}))
    assert ends(AttemptSight((done, done), HELD))


def test_a_silent_copy_is_lost_and_its_node_avoided() -> None:
    decision = one(copy(silent=LOST_AFTER + 0.1))
    assert decision.again is not None
    assert decision.again.exclude == ("n1",)
    assert decision.cancel == (1,)
    assert decision.record.attempts[0].outcome == "lost"


def test_a_further_attempt_begins_its_stages_anew() -> None:
    decision = decide(record(), seen({1: AttemptSight((copy(),), HELD, (job(JobState.RUNNING, started_at=NOW),))}))
    assert set(decision.record.stages) >= {"running"}
    lost = AttemptSight((copy(silent=LOST_AFTER + 1),))
    again = decide(decision.record, seen({1: lost}, now=NOW + 9)).record
    assert again.stages == {"planned": NOW + 9}
    assert again.attempts[0].running_at == NOW + 0.2


@pytest.mark.parametrize(
    ("number", "since", "state", "given_up"),
    [
        (1, BEGIN_WITHIN + 1, JobState.RUNNING, True),
        (1, BEGIN_WITHIN - 1, JobState.RUNNING, False),
        (1, BEGIN_WITHIN + 1, JobState.CONFIGURING, False),
        (2, BEGIN_WITHIN + 1, JobState.RUNNING, False),
        (2, 2 * BEGIN_WITHIN + 1, JobState.RUNNING, True),
        (MAX_ATTEMPTS, 1000 * BEGIN_WITHIN, JobState.RUNNING, False),
    ],
)
def test_a_node_on_which_nothing_begins_is_given_up(
    number: int, since: float, state: JobState, given_up: bool
) -> None:
    before = [attempt(one, outcome="lost") for one in range(1, number)]
    sight = AttemptSight((NOT_YET,), HELD, (job(state, node="n1", started_at=NOW),))
    decision = decide(record(*before, attempt(number)), seen({number: sight}, now=NOW + since))
    assert (decision.again is not None) is given_up
    if decision.again is not None:
        assert decision.again.exclude == ("n1",)


def test_of_two_copies_one_may_die() -> None:
    assert one(copy(silent=60), copy(host="n2")).again is None
    assert one(copy(silent=60), copy(silent=60, host="n2")).again is not None


def test_a_copy_that_is_still_to_begin_is_waited_for_while_somebody_holds_the_job() -> None:
    assert one(copy(silent=60), NOT_YET).again is None
    assert one(copy(silent=60), NOT_YET, command=CommandSight(code=1)).again is not None


def test_a_refusal_is_final_and_in_the_systems_words() -> None:
    decision = one(command=CommandSight(refused="Slurm refused: Invalid qos specification"))
    assert decision.record.state is RunState.LOST
    assert "Invalid qos" in decision.record.problem
    assert decision.again is None


def test_a_request_that_kept_away_from_nodes_and_was_refused_is_made_again_for_any() -> None:
    two = record(attempt(1, outcome="lost", nodes=("n1",)), attempt(2, exclude=("n1",)))
    refused = AttemptSight((NOT_YET,), CommandSight(refused="Requested node configuration is not available"))
    decision = decide(two, seen({2: refused}))
    assert decision.again is not None
    assert decision.again.exclude == ()
    third = decision.record.with_attempt(attempt(3))
    assert decide(third, seen({3: refused})).record.state is RunState.LOST


def test_what_a_node_said_is_not_hidden_by_the_refusal_of_the_last_attempt() -> None:
    said = "The payload differs from what was sent."
    began = attempt(1, outcome="lost", started_at=NOW, detail=said, nodes=("n1",))
    refused = AttemptSight((NOT_YET,), CommandSight(refused="Invalid qos specification"))
    ended = decide(record(began, attempt(2)), seen({2: refused})).record
    assert ended.state is RunState.LOST
    assert ended.problem.startswith(said)
    assert "Invalid qos" in ended.problem
    same = decide(
        record(attempt(1, outcome="lost", detail="Invalid qos specification"), attempt(2)), seen({2: refused})
    )
    assert same.record.problem == "Invalid qos specification"


def test_no_answer_is_no_refusal_and_asked_again_later_and_later() -> None:
    run, now, pauses = record(), NOW, []
    for _ in range(4):
        sight = {one.number: AttemptSight((NOT_YET,), CommandSight(unanswered="silence")) for one in run.live}
        decision = decide(run, seen(sight, now=now))
        began = now
        while decision.again is None:
            assert decision.record.state is RunState.PLANNED
            now += 0.5
            decision = decide(decision.record, seen({}, now=now))
        pauses.append(now - began)
        assert decision.again.exclude == ()
        run = decision.record.with_attempt(attempt(len(run.attempts) + 1))
    assert pauses == [1, 2, 4, 8]


def test_silence_does_not_use_up_the_attempts() -> None:
    silent = [attempt(number, outcome="unanswered", ended_at=NOW) for number in range(1, 3 * MAX_ATTEMPTS)]
    decision = decide(record(*silent), seen({}, now=NOW + 100))
    assert decision.again is not None


def test_a_run_whose_first_attempt_was_never_written_down_begins() -> None:
    assert decide(record().model_copy(update={"attempts": ()}), seen()).again is not None


def test_stuck_behind_a_held_node_it_is_asked_again_a_few_times() -> None:
    waiting = AttemptSight((NOT_YET,), HELD, (job(JobState.PENDING, reason="Resources"),))
    late = NOW + STUCK_AFTER + 1
    assert decide(record(), seen({1: waiting}, now=late, room=False)).again is None
    assert decide(record(), seen({1: waiting}, now=late, room=True)).again is not None
    limited = AttemptSight((NOT_YET,), HELD, (job(JobState.PENDING, reason="QOSMaxJobsPerUserLimit"),))
    assert decide(record(), seen({1: limited}, now=late, room=True)).again is None
    second = record(attempt(1, outcome="lost"), attempt(2))
    assert decide(second, seen({2: waiting}, now=late, room=True)).again is None
    assert decide(second, seen({2: waiting}, now=NOW + 2 * STUCK_AFTER + 1, room=True)).again is not None
    fourth = record(*(attempt(number, outcome="lost") for number in (1, 2, 3)), attempt(4))
    assert decide(fourth, seen({4: waiting}, now=NOW + 1000, room=True)).again is None


def test_what_waited_beside_free_nodes_is_asked_again_without_keeping_away_from_any() -> None:
    waiting = AttemptSight((NOT_YET,), HELD, (job(JobState.PENDING, reason="Resources"),))
    second = record(attempt(1, outcome="lost", nodes=("n1",)), attempt(2, exclude=("n1",)))
    again = decide(second, seen({2: waiting}, now=NOW + 2 * STUCK_AFTER + 1, room=True)).again
    assert again is not None
    assert again.exclude == ()


def test_a_command_killed_while_its_job_waits_leaves_no_orphan() -> None:
    decision = one(command=CommandSight(code=-9), jobs=(job(JobState.PENDING),))
    assert decision.cancel == (1,)
    assert decision.again is not None


def test_a_command_killed_while_the_cell_runs_changes_nothing() -> None:
    decision = one(copy(), command=CommandSight(code=-9), jobs=(job(JobState.RUNNING),))
    assert (decision.again, decision.cancel) == (None, ())


def test_a_job_that_nobody_tells_of_proves_nothing_until_asked_well_after() -> None:
    sight = {1: AttemptSight((NOT_YET,), CommandSight(known=False))}
    assert decide(record(), seen(sight, answered_at=NOW + 5)).again is None
    assert decide(record(), seen(sight)).again is None
    late = seen(sight, answered_at=NOW + UNSEEN_FOR + 1, now=NOW + UNSEEN_FOR + 1)
    assert decide(record(), late).again is not None


def test_a_time_limit_is_not_tried_again() -> None:
    decision = one(copy(), command=CommandSight(known=False), jobs=(job(JobState.TIMEOUT),))
    assert decision.record.state is RunState.LOST
    assert "time limit" in decision.record.problem


@pytest.mark.parametrize("final", [True, False])
def test_what_a_driver_says_of_its_failure_is_told_and_tried_again_only_where_that_may_help(final: bool) -> None:
    told = copy(ended=True, complaint="The result could not be written: No space left on device.", final=final)
    decision = one(told, command=CommandSight(code=4))
    assert decision.record.attempts[0].detail == told.complaint
    assert (decision.again is None) is final
    assert (decision.record.state is RunState.LOST) is final


def test_the_deadline_ends_it_at_once_unless_told_to_go_on() -> None:
    sight = {1: AttemptSight((copy(),), HELD)}
    late = seen(sight, now=NOW + 61)
    decision = decide(record(deadline_at=NOW + 60), late)
    assert decision.record.state is RunState.MISSED
    assert (decision.cancel, decision.again) == ((1,), None)
    patient = record(deadline_at=NOW + 60, order=RunOrder(go_on=True))
    assert decide(patient, late).record.state is RunState.RUNNING


def test_a_result_that_found_no_room_nor_its_driver_words_is_not_tried_again() -> None:
    decision = one(copy(), command=CommandSight(code=4))
    assert decision.record.state is RunState.LOST
    assert "spool may be full" in decision.record.problem
    assert one(command=CommandSight(code=4)).again is not None, "no driver: the script's own code"


@pytest.mark.parametrize(
    ("code", "ran", "goes_on"), [(139, True, False), (7, True, False), (137, True, True), (139, False, True)]
)
def test_code_that_ends_its_process_is_run_twice_at_most(code: int, ran: bool, goes_on: bool) -> None:
    detail = f"The job ended without an answer (exit code {code})."
    times: dict[str, Any] = {"started_at": NOW, "running_at": NOW if ran else None}
    two = record(attempt(1, outcome="lost", detail=detail, **times), attempt(2))
    sight = AttemptSight((CopySight(**times),), CommandSight(code=code))
    decision = decide(two, seen({2: sight}))
    assert (decision.again is not None) is goes_on
    assert (decision.record.state is RunState.LOST) is not goes_on
    first = decide(record(), seen({1: sight}))
    assert first.again is not None, "once may be the node's fault"


def test_there_is_an_end_to_trying() -> None:
    tried = record(*(attempt(number, outcome="lost") for number in range(1, MAX_ATTEMPTS)), attempt(MAX_ATTEMPTS))
    decision = decide(tried, seen({MAX_ATTEMPTS: AttemptSight((copy(silent=60),), HELD)}))
    assert decision.record.state is RunState.LOST
    assert decision.again is None


def test_a_cancelled_run_ends_and_its_jobs_go() -> None:
    decision = decide(record(cancelled=True), seen({1: AttemptSight((copy(),), HELD)}))
    assert decision.record.state is RunState.CANCELLED
    assert decision.cancel == (1,)


COPIES = st.builds(
    CopySight,
    started_at=st.none() | st.just(NOW),
    running_at=st.none() | st.just(NOW),
    ended=st.booleans(),
    host=st.sampled_from(["n1", "n2"]),
    silent=st.sampled_from([0.0, 1.0, 10.0]),
)
COMMANDS = st.builds(
    CommandSight,
    known=st.booleans(),
    code=st.none() | st.sampled_from([-9, 0, 1]),
    refused=st.sampled_from(["", "no"]),
    unanswered=st.sampled_from(["", "silence"]),
)
JOBS = st.lists(st.builds(job, st.sampled_from(list(JobState))), max_size=2).map(tuple)
SIGHTS = st.builds(AttemptSight, st.lists(COPIES, min_size=1, max_size=3).map(tuple), COMMANDS, JOBS)
RESULTS = st.none() | st.builds(
    ResultSight, ok=st.booleans(), attempt=st.just(1), copy=st.just(0), seconds=st.just(1.0)
)


@given(
    st.lists(st.tuples(SIGHTS, RESULTS, st.floats(0, 100)), max_size=12),
    st.none() | st.floats(1, 60),
    st.booleans(),
)
def test_whatever_happens_one_attempt_lives_at_a_time_and_an_end_is_for_good(
    story: list[tuple[AttemptSight, ResultSight | None, float]], deadline: float | None, cancelled: bool
) -> None:
    now = NOW
    run = record(deadline_at=None if deadline is None else NOW + deadline, cancelled=cancelled)
    for sight, result, pause in story:
        now += pause
        told = seen({one.number: sight for one in run.live}, now=now, result=result, answered_at=now)
        decision = decide(run, told)
        run = decision.record
        assert len(run.live) <= 1
        if run.state.ended:
            assert decision.again is None
            assert not run.live
            assert set(decision.cancel) >= {one.number for one in run.attempts if one.outcome == "cancelled"}
            assert (run.state in {RunState.SUCCEEDED, RunState.FAILED}) == (result is not None)
            return
        assert result is None
        assert not cancelled
        if decision.again is not None:
            assert not run.live
            run = run.with_attempt(attempt(len(run.attempts) + 1))
        elif not run.live:
            assert run.attempts[-1].outcome == "unanswered", "nothing lives and nothing is done about it"
