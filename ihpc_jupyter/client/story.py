"""A run in plain words: its stages with their times, why it waited, what became of each attempt, its cost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ihpc_jupyter.model.cluster import JobView
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
    reached = [(state, view.stages[state]) for state in PATH if state in view.stages]
    until = [at for _, at in reached[1:]] + [end]
    shown = [
        Stage(state.value, max(0.0, later - at), state is view.state, view.reason if state is view.state else "")
        for (state, at), later in zip(reached, until, strict=True)
    ]
    if ended:
        return (*shown, Stage(ENDS[view.state], max(0.0, end - view.created_at), current=True))
    last = PATH.index(reached[-1][0]) if reached else -1
    return (*shown, *(Stage(state.value, None) for state in PATH[last + 1 :]), Stage(RESULT, None))


def time_left(view: RunView, now: float) -> str:
    """To the deadline, in words; empty where there is none, or the run has ended."""
    if view.deadline_at is None or view.state.ended:
        return ""
    left = view.deadline_at - now
    return f"{seconds_text(left)} left" if left >= 0 else f"{seconds_text(-left)} past the deadline"


def seconds_text(seconds: float) -> str:
    """A duration for people: ``0.41 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
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
    """Core-hours, with two digits that say something."""
    return f"{core_hours:.2g} core-h" if core_hours < 100 else f"{core_hours:.0f} core-h"


def cost_text(view: RunView) -> str:
    """What a run has cost so far."""
    wasted = f", {price_text(view.wasted_core_hours)} of it wasted" if view.wasted_core_hours else ""
    return price_text(view.core_hours) + wasted


def plan_line(plan: Plan) -> str:
    """The plan in one sentence: the chosen way, its start, price, whom it disturbs, and why."""
    way = next((way for way in plan.ways if way.kind is plan.chosen and way.possible), None)
    if way is None:
        return f"No way to start now. {plan.why or '; '.join(way.why for way in plan.ways if way.why)}".strip()
    parts = [way.kind.replace("-", " ") + (f" in lane {way.lane}" if way.lane else ""), f"start {start_text(way)}"]
    parts += [f"at most {price_text(way.price)}", way.disturbs or "disturbs nobody"]
    if way.chance is not None:
        parts.append(f"chance {way.chance:.0%}")
    return ", ".join(parts) + (f" ({plan.why})" if plan.why else "")


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
    yield f"The plan: {plan_line(view.plan)}."
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
    why = f" ({attempt.why.rstrip('.')})" if attempt.why else ""
    yield f"Attempt {attempt.number}{why}, {attempt.way.replace('-', ' ')}{where}: {outcome}."
    began = attempt.allocated_at or attempt.started_at
    if began is not None:
        yield f"  It waited {seconds_text(max(0.0, began - attempt.submitted_at))} for its allocation."
    elif attempt.ended_at is None:
        yield f"  It waits since {seconds_text(max(0.0, now - attempt.submitted_at))}."
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


def why_job(snapshot: Snapshot, id_: str) -> tuple[str, ...] | None:
    """State and reason of a cluster's job; None: no cluster has it."""
    for cluster in snapshot.clusters:
        for group in cluster.groups.values():
            for job in group.jobs:
                if job.id == id_:
                    return tuple(_why_job(cluster.name, job))
    for foreign in snapshot.foreign:
        if foreign.id == id_:
            return (f"Job {id_} has our tag and belongs to no cluster that is known here: {foreign.state}.",)
    return None


def _why_job(cluster: str, job: JobView) -> Iterator[str]:
    where = f" on {job.node}" if job.node else ""
    yield f"Job {job.id} of cluster {cluster!r}, group {job.group}: {job.state}{where}."
    reason = job.reason_text or job.reason
    if reason:
        yield f"Reason: {reason.rstrip('.')}."
    if job.expected_start:
        expected = time.strftime("%H:%M", time.localtime(job.expected_start))
        yield f"The batch system expects it to start at {expected}."
    if job.restarts:
        yield f"It was started again {job.restarts} times."
