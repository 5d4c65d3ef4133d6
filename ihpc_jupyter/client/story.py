"""A run in plain words: its stages with their times, why it waited, what became of each attempt, its cost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from ihpc_jupyter.model.protocol import Snapshot
from ihpc_jupyter.model.run import Attempt, Plan, RunState, RunView, Way

PATH = (
    RunState.PLANNED, RunState.SUBMITTED, RunState.QUEUED, RunState.ALLOCATED, RunState.STARTED, RunState.RUNNING,
)  # fmt: skip
RESULT = "result"
ENDS = {
    RunState.SUCCEEDED: "result",
    RunState.FAILED: "failed",
    RunState.MISSED: "deadline missed",
    RunState.CANCELLED: "cancelled",
    RunState.LOST: "lost",
}
OUTCOMES = {
    "won": "it brought the result",
    "answered": "it answered, another was first",
    "lost": "it was lost",
    "unanswered": "the batch system did not answer",
    "refused": "the batch system refused it",
    "cancelled": "it was cancelled",
    "preempted": "it was preempted",
    None: "it goes on",
}


@dataclass(frozen=True)
class Stage:
    """One step of the way: its name, the seconds spent in it (None: not reached), whether it is the current."""

    name: str
    seconds: float | None
    current: bool = False
    detail: str = ""


def stages(view: RunView, now: float) -> tuple[Stage, ...]:
    """The steps of a run as they look at *now*: those passed, the current, those that may come."""
    ended = view.state.ended
    end = view.stages.get(view.state, now) if ended else now
    known = _moments(view)
    passed = [state for state in PATH if state in known]
    # Batch systems count whole seconds: no stage begins before the one ahead of it, so that the times add up.
    reached = list(zip(passed, accumulate((known[state] for state in passed), max), strict=True))
    until = [at for _, at in reached[1:]] + [end]
    shown = [
        Stage(state.value, max(0.0, later - at), state is view.state, view.reason if state is view.state else "")
        for (state, at), later in zip(reached, until, strict=True)
    ]
    if ended:
        return (*shown, Stage(ENDS[view.state], max(0.0, end - view.created_at), current=True))
    last = PATH.index(reached[-1][0]) if reached else -1
    return (*shown, *(Stage(state.value, None) for state in PATH[last + 1 :]), Stage(RESULT, None))


def _moments(view: RunView) -> dict[str, float]:
    """When each state was reached; of a run that was over before the agent looked, as its drivers told."""
    if not view.attempts:
        return view.stages
    last = next((attempt for attempt in view.attempts if attempt.number == view.winner), view.attempts[-1])
    told = {
        RunState.ALLOCATED: last.allocated_at,
        RunState.STARTED: last.started_at,
        RunState.RUNNING: last.running_at,
    }
    passed = [state for state in PATH if view.state.ended or PATH.index(state) <= PATH.index(view.state)]
    return {state.value: at for state, at in told.items() if at is not None and state in passed} | view.stages


def time_left(view: RunView, now: float) -> str:
    """To the deadline, in words; empty where there is none, or the run has ended."""
    if view.deadline_at is None or view.state.ended:
        return ""
    left = view.deadline_at - now
    return f"{seconds_text(left)} left" if left >= 0 else f"{seconds_text(-left)} past the deadline"


def seconds_text(seconds: float) -> str:
    """A duration for people: ``8 ms``, ``0.41 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def price_text(core_hours: float) -> str:
    """Core-hours, or core-seconds where they are few, with two digits that say something."""
    if core_hours < 0.01:
        return f"{core_hours * 3600:.2g} core-s"
    return f"{core_hours:.2g} core-h" if core_hours < 100 else f"{core_hours:.0f} core-h"


def cost_text(view: RunView) -> str:
    """What a run has cost so far."""
    if not view.wasted_core_hours:
        return price_text(view.core_hours)
    share = price_text(view.wasted_core_hours) if view.wasted_core_hours < view.core_hours else "all"
    return f"{price_text(view.core_hours)}, {share} of it wasted"


def plan_line(plan: Plan) -> str:
    """The plan in one sentence: the chosen way, its start, price, whom it disturbs, and why."""
    way = next((way for way in plan.ways if way.kind is plan.chosen and way.possible), None)
    if way is None:
        return f"No way to start now. {plan.why or '; '.join(way.why for way in plan.ways if way.why)}".strip()
    parts = [way.kind.replace("-", " ") + (f" in lane {way.lane}" if way.lane else ""), f"start {start_text(way)}"]
    parts += [
        f"at most {price_text(way.price)}" if way.price else "at no further cost",
        way.disturbs or "disturbs nobody",
    ]
    if way.chance is not None:
        parts.append(f"chance {way.chance:.0%}")
    return ", ".join(parts) + (f" ({plan.why.rstrip('.')})" if plan.why else "")


PLAN_HEAD = ("", "way", "expected start (p50, p95)", "price", "disturbs", "chance", "why")


def plan_rows(plan: Plan) -> list[tuple[str, ...]]:
    """The ways to start, with a heading; the chosen one is marked and says why."""
    return [PLAN_HEAD, *(_way_row(way, plan) for way in plan.ways)]


def _way_row(way: Way, plan: Plan) -> tuple[str, ...]:
    chosen = way.possible and way.kind is plan.chosen
    why = "; ".join(text.rstrip(".") for text in (plan.why if chosen else "", way.why) if text)
    name = way.kind.replace("-", " ") + (f" ({way.lane})" if way.lane else "")
    if not way.possible:
        return "", name, "not possible", "-", "-", "-", why
    chance = "-" if way.chance is None else f"{way.chance:.0%}"
    return (
        "→" if chosen else "", name, start_text(way), price_text(way.price), way.disturbs or "nobody", chance, why,
    )  # fmt: skip


def start_text(way: Way) -> str:
    """When a way is expected to start: median and p95, with how many starts that rests on."""
    start = way.start
    if start is None:
        return "unknown"
    return f"{seconds_text(start.p50)} (p95 {seconds_text(start.p95)}, n={start.count})"


def why_run(view: RunView, now: float) -> tuple[str, ...]:
    """What happened to a run and why: one sentence a line."""
    return tuple(_why_run(view, now))


def _why_run(view: RunView, now: float) -> Iterator[str]:
    lane = f"{view.site}, lane {view.lane}"
    yield f"Run {view.id} ({view.title or view.kind}) on {lane}: {ENDS.get(view.state, view.state.value)}."
    if view.urgency:
        yield f"Why it is urgent: {view.urgency}."
    yield f"The plan: {plan_line(view.plan).rstrip('.')}."
    if not view.state.ended and view.reason:
        since = view.stages.get(view.state)
        waited = f" for {seconds_text(now - since)}" if since else ""
        yield f"It is {view.state}{waited}: {view.reason.rstrip('.')}."
    for attempt in view.attempts:
        yield from _why_attempt(attempt, now)
    if view.problem:
        yield f"{view.problem.message} {view.problem.hint}".strip()
    if left := time_left(view, now):
        yield f"Deadline: {left}."
    elif view.deadline_at is not None:
        yield f"The deadline was {time.strftime('%H:%M:%S', time.localtime(view.deadline_at))}."
    yield f"Cost so far: {cost_text(view)}."


def _why_attempt(attempt: Attempt, now: float) -> Iterator[str]:
    where = f", job {attempt.job_id}" if attempt.job_id else ""
    where += f" on {', '.join(attempt.nodes)}" if attempt.nodes else ""
    outcome = OUTCOMES[attempt.outcome] + (f": {attempt.detail.rstrip('.')}" if attempt.detail else "")
    why = f" ({attempt.why.rstrip('.')})" if attempt.why and attempt.number > 1 else ""
    yield f"Attempt {attempt.number}{why}, {attempt.way.replace('-', ' ')}{where}: {outcome}."
    began = attempt.allocated_at or attempt.started_at
    if began is not None:
        yield f"  It waited {seconds_text(max(0.0, began - attempt.submitted_at))} for its allocation."
    elif attempt.ended_at is None:
        yield f"  It has waited {seconds_text(max(0.0, now - attempt.submitted_at))} so far."
    if attempt.preempted:
        yield f"  These had to go for it: {', '.join(attempt.preempted)}."
    if attempt.exclude:
        yield f"  Not on {', '.join(attempt.exclude)}, where an earlier attempt was lost."


def find_run(snapshot: Snapshot, id_: str) -> RunView | None:
    """The run of that id, or the run that has a job of that id."""
    for view in snapshot.runs:
        if view.id == id_ or any(attempt.job_id == id_ for attempt in view.attempts):
            return view
    return None
