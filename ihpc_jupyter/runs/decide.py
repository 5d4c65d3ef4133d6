"""What to do next about a run. Pure: from the record and what is seen to the new record and a few acts."""

from dataclasses import dataclass

from ihpc_jupyter.model.run import Attempt, RunState, WayKind
from ihpc_jupyter.runs.judge import Verdict, ends_itself, judge
from ihpc_jupyter.runs.record import MAX_ATTEMPTS, RunRecord
from ihpc_jupyter.runs.sight import AttemptSight, ResultSight, RunSight

MAX_SILENCES = 100
"""More questions in a row than this without an answer: nobody is there."""

RANKS_TOGETHER = 10.0
"""Seconds that the other ranks of a parallel program have to end once the first has answered."""

LONGEST_PAUSE = 30.0
"""Seconds at most between two questions to a batch system that does not answer; the first pause is one."""


@dataclass(frozen=True)
class Again:
    """Make a further attempt."""

    why: str
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The record as it is now, what to start, and the attempts whose jobs have to go."""

    record: RunRecord
    again: Again | None = None
    cancel: tuple[int, ...] = ()


def decide(record: RunRecord, seen: RunSight) -> Decision:
    """The next step. Ends are looked at first: a result that is there wins over everything else."""
    record = _follow(record, seen)
    if seen.result is not None:
        go_on = _ranks_go_on(record, seen, seen.result)
        return Decision(_with_state(record, seen)) if go_on else _answered(record, seen)
    if record.cancelled:
        return _end(record, seen, RunState.CANCELLED)
    if _too_late(record, seen.now):
        missed = record.model_copy(update={
            "problem": "The deadline passed without an answer.",
            "hint": "Nothing more is asked of the machine. With --go-on a late answer would still be waited for.",
        })  # fmt: skip
        return _end(missed, seen, RunState.MISSED)
    judged = {attempt.number: judge(attempt, _sight(seen, attempt), seen) for attempt in record.live}
    failed = {number: verdict for number, verdict in judged.items() if verdict is not None}
    for number, verdict in failed.items():
        record = record.with_attempt(verdict.applied(record.attempts[number - 1], seen.now))
    if record.live:
        return Decision(_with_state(record, seen), cancel=tuple(failed))
    return _next(record, seen, [*failed.values()][-1] if failed else None, tuple(failed))


def _follow(record: RunRecord, seen: RunSight) -> RunRecord:
    """Take into the record what the drivers and the batch system tell of each attempt."""
    for attempt in record.attempts:
        sight = seen.attempts.get(attempt.number)
        if sight is not None:
            record = record.with_attempt(_followed(attempt, sight))
    return record


def _followed(attempt: Attempt, sight: AttemptSight) -> Attempt:
    started = [copy.started_at for copy in sight.copies if copy.started_at]
    running = [copy.running_at for copy in sight.copies if copy.running_at]
    allocated = [job.started_at for job in sight.jobs if job.started_at]
    hosts = tuple(dict.fromkeys(copy.host for copy in sight.copies if copy.host))
    told = [job.id for job in sight.jobs] + [copy.job for copy in sight.copies if copy.job]
    update: dict[str, object] = {
        "started_at": attempt.started_at or min(started, default=None),
        "running_at": attempt.running_at or min(running, default=None),
        "allocated_at": attempt.allocated_at or min([*allocated, *started], default=None),
        "nodes": hosts or attempt.nodes,
        "job_id": attempt.job_id or sight.command.job_id or next(iter(told), None),
    }
    return attempt.model_copy(update=update)


def _ranks_go_on(record: RunRecord, seen: RunSight, result: ResultSight) -> bool:
    """Whether other ranks, who may still write their part, are let end by themselves after the first's answer."""
    attempt = next((one for one in record.live if one.number == result.attempt), None)
    if record.order.tasks == 1 or record.cancelled or attempt is None or _too_late(record, seen.now):
        return False
    sight = _sight(seen, attempt)
    held = sight.command.known and sight.command.code is None
    answered_at = (attempt.running_at or attempt.submitted_at) + result.seconds
    return held and not all(copy.ended for copy in sight.copies) and seen.now - answered_at < RANKS_TOGETHER


def _answered(record: RunRecord, seen: RunSight) -> Decision:
    """There is a result: its attempt won, the others go. After the deadline it counts only if still wanted."""
    assert seen.result is not None  # noqa: S101 (for the type checker; the caller has looked)
    result = seen.result
    for attempt in record.live:
        won = attempt.number == result.attempt
        verdict = Verdict("won", "") if won else Verdict("cancelled", "Another attempt answered first.")
        record = record.with_attempt(verdict.applied(attempt, seen.now))
    late = next((one for one in record.attempts if one.number == result.attempt), None)
    if late is not None and late.outcome != "won":
        # One that had been given up (frozen, silent) answered after all, before any other did.
        record = record.with_attempt(late.model_copy(update={"outcome": "won", "detail": late.detail}))
    state = RunState.SUCCEEDED if result.ok else RunState.FAILED
    update = {"winner": result.attempt, "seconds": result.seconds, "problem": result.error, "hint": ""}
    record = _with_passed(record.model_copy(update=update), result.attempt).reached(state, seen.now)
    return Decision(record, cancel=tuple(attempt.number for attempt in record.attempts))


def _with_passed(record: RunRecord, winner: int) -> RunRecord:
    """With the stages that went by between two looks: an answer within a moment has passed them all the same."""
    attempt = next((one for one in record.attempts if one.number == winner), None)
    if attempt is None:
        return record
    passed = {
        RunState.ALLOCATED: attempt.allocated_at,
        RunState.STARTED: attempt.started_at,
        RunState.RUNNING: attempt.running_at,
    }
    known = {str(state): at for state, at in passed.items() if at is not None}
    return record.model_copy(update={"stages": {**record.stages, **known}})


def _end(record: RunRecord, seen: RunSight, state: RunState) -> Decision:
    for attempt in record.live:
        record = record.with_attempt(Verdict("cancelled", "").applied(attempt, seen.now))
    return Decision(record.reached(state, seen.now), cancel=tuple(one.number for one in record.attempts))


def _too_late(record: RunRecord, now: float) -> bool:
    return record.deadline_at is not None and now >= record.deadline_at and not record.order.go_on


def _sight(seen: RunSight, attempt: Attempt) -> AttemptSight:
    return seen.attempts.get(attempt.number, AttemptSight())


def _next(record: RunRecord, seen: RunSight, verdict: Verdict | None, cancel: tuple[int, ...]) -> Decision:
    """No attempt is left: another one, now or when it is due, or the end."""
    if not record.attempts:
        return Decision(record, Again("The first attempt."))
    last = record.attempts[-1]
    silences = _silences(record)
    tried = sum(attempt.outcome != "unanswered" for attempt in record.attempts)
    itself = ends_itself(record.attempts)
    if itself or (verdict is not None and not verdict.retry) or tried >= MAX_ATTEMPTS or silences >= MAX_SILENCES:
        hint = "Look at the logs of its attempts in its mailbox." if last.outcome == "lost" else ""
        if hint and not any(attempt.started_at for attempt in record.attempts):
            hint = f"Nothing of it began on a node: %runs check looks whether nodes see the spool. {hint}"
        if itself:
            hint = f"It did so twice while your code ran: a crash, os._exit, or too little memory? {hint}"
        record = record.model_copy(update={"problem": _problem(record), "hint": hint})
        return Decision(record.reached(RunState.LOST, seen.now), cancel=cancel)
    record = record.reached(RunState.PLANNED, seen.now)
    due = (last.ended_at or seen.now) + (min(LONGEST_PAUSE, 2.0 ** (silences - 1)) if silences else 0.0)
    if seen.now < due:
        return Decision(record, cancel=cancel)
    if verdict is not None and verdict.anywhere:
        return Decision(record, Again(last.detail), cancel)
    lost = {node for attempt in record.attempts if attempt.outcome == "lost" for node in attempt.nodes}
    nodes = tuple(sorted(lost | set(verdict.nodes if verdict else ())))
    return Decision(record, Again(last.detail, nodes), cancel)


def _problem(record: RunRecord) -> str:
    """Why nothing came of it: the last word from a node, then what kept the last attempt from getting to one."""
    last = record.attempts[-1]
    began = next((one for one in reversed(record.attempts) if one.started_at and one.outcome == "lost"), last)
    return last.detail if began.detail in {"", last.detail} else f"{began.detail} The last attempt: {last.detail}"


def _silences(record: RunRecord) -> int:
    """How many of the latest attempts, one after the other, the batch system did not answer."""
    count = 0
    for attempt in reversed(record.attempts):
        if attempt.outcome != "unanswered":
            break
        count += 1
    return count


def _with_state(record: RunRecord, seen: RunSight) -> RunRecord:
    """The state of the furthest attempt that may still answer."""
    best = RunState.PLANNED
    for attempt in record.live:
        best = max(best, _stage(attempt, _sight(seen, attempt)), key=_ORDER.index)
    at = {
        RunState.RUNNING: [attempt.running_at for attempt in record.live],
        RunState.STARTED: [attempt.started_at for attempt in record.live],
        RunState.ALLOCATED: [attempt.allocated_at for attempt in record.live],
    }.get(best, [])
    moments = [moment for moment in at if moment is not None]
    return record.reached(best, min(moments, default=seen.now))


_ORDER = [
    RunState.PLANNED, RunState.SUBMITTED, RunState.QUEUED, RunState.ALLOCATED, RunState.STARTED, RunState.RUNNING,
]  # fmt: skip


def _stage(attempt: Attempt, sight: AttemptSight) -> RunState:
    if attempt.running_at is not None:
        return RunState.RUNNING
    if attempt.started_at is not None:
        return RunState.STARTED
    if any(job.state.active for job in sight.jobs):
        return RunState.ALLOCATED
    if any(job.state.waiting for job in sight.jobs) or sight.command.job_id:
        return RunState.QUEUED
    return RunState.SUBMITTED


def first_way(record: RunRecord) -> WayKind:
    """The way of the next attempt: the plan's, but a fresh allocation after a loss on own workers, and where the
    reservation did not take the run (it is full, over, or gone)."""
    if record.plan.otherwise is not None and _not_idle_any_more(record):
        return record.plan.otherwise
    chosen = record.plan.chosen or WayKind.ALLOCATION
    of_no_use = {WayKind.IDLE_WORKERS, WayKind.OWN_WORKERS} if record.attempts else set()
    if any(_not_let_in(attempt) for attempt in record.attempts):
        of_no_use.add(WayKind.RESERVATION)
    return fresh_way(record) if chosen in of_no_use else chosen


def _not_idle_any_more(record: RunRecord) -> bool:
    """Whether nothing but idle workers was tried, and none of them began."""
    return [(one.way, one.started_at) for one in record.attempts] == [(WayKind.IDLE_WORKERS, None)]


def _not_let_in(attempt: Attempt) -> bool:
    waited = attempt.started_at is None and attempt.allocated_at is None
    return attempt.way is WayKind.RESERVATION and waited and attempt.outcome in {"lost", "refused"}


def fresh_way(record: RunRecord) -> WayKind:
    """A fresh allocation, by the name that the plan has for it: whoever has to go for it is noted."""
    disturbs = any(way.kind is WayKind.PREEMPTION and way.possible for way in record.plan.ways)
    return WayKind.PREEMPTION if disturbs else WayKind.ALLOCATION
