"""From a run's record to what is shown of it."""

from collections.abc import Sequence

from ihpc_jupyter.model.cluster import Problem
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import RunState, RunView
from ihpc_jupyter.runs.account import core_hours, wasted_core_hours
from ihpc_jupyter.runs.record import RunRecord
from ihpc_jupyter.scheduler.reasons import explain_reason


def run_view(record: RunRecord, mailbox: Mailbox, jobs: Sequence[Job], holder: str | None) -> RunView:
    """The run as it is now; *jobs*: its attempts' jobs as the batch system last told."""
    order = record.order
    since = record.stages.get(str(record.state), record.created_at)
    problem = Problem(message=record.problem, hint=record.hint, since=since) if record.problem else None
    return RunView(
        id=record.id,
        kind=order.kind,
        title=order.title,
        site=record.site,
        lane=record.lane,
        cluster=order.cluster,
        account=record.account,
        shape=record.shape,
        tasks=order.tasks,
        copies=order.copies,
        state=record.state,
        reason=_reason(record, jobs),
        plan=record.plan,
        attempts=record.attempts,
        stages=record.stages,
        created_at=record.created_at,
        deadline_at=record.deadline_at,
        budget=order.budget,
        urgency=order.reason,
        problem=problem,
        mailbox=str(mailbox.path),
        settled=record.settled,
        winner=record.winner,
        seconds=record.seconds,
        core_hours=core_hours(record),
        wasted_core_hours=wasted_core_hours(record),
        holder=holder,
    )


def _reason(record: RunRecord, jobs: Sequence[Job]) -> str:
    """Why it waits, in plain words; empty where it does not."""
    if record.state not in {RunState.SUBMITTED, RunState.QUEUED}:
        return ""
    waiting = [job for job in jobs if job.state.waiting]
    return explain_reason(waiting[0].reason or "WaitingForScheduling") if waiting else ""
