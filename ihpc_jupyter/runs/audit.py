"""The staff's ledger: urgent runs rebuilt from the accounting, and where a user's own differs. Pure."""

from collections.abc import Collection, Iterable, Sequence

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.run import AuditRow, RunView

_MAY_DIFFER = 2.0
"""Seconds a core by which two books may differ: accounting counts whole seconds."""


def rows(jobs: Iterable[Job], tags: Iterable[tuple[str, str] | None]) -> list[AuditRow]:
    """One row an attempt; *tags* are run and attempt by each job's name, None for jobs of others."""
    found = []
    for job, tag in zip(jobs, tags, strict=True):
        if tag is None:
            continue
        run, attempt = tag
        seconds = max(0.0, (job.ends_at or 0.0) - job.started_at) if job.started_at and job.ends_at else 0.0
        waited = max(0.0, job.started_at - job.submitted_at) if job.started_at and job.submitted_at else None
        found.append(
            AuditRow(
                run=run, attempt=int(attempt), user=job.user, account=job.account, lane=job.lane or "",
                job_id=job.id, state=job.state, submitted_at=job.submitted_at, waited=waited,
                core_seconds=job.cores * seconds, node=job.node,
            )
        )  # fmt: skip
    return found


def differences(audit: Sequence[AuditRow], ledger: Sequence[RunView]) -> list[str]:
    """Sentences on attempts of the ledger that the accounting has not, or has otherwise."""
    booked = {(row.run, row.attempt): row for row in audit}
    said = []
    for run in ledger:
        for attempt in run.attempts:
            row = booked.get((run.id, attempt.number))
            if row is None and attempt.core_seconds > 0:
                said.append(f"Run {run.id}, attempt {attempt.number}: the accounting knows no such job.")
            elif row is not None and attempt.accounted and _differ(row, attempt.core_seconds, run):
                said.append(
                    f"Run {run.id}, attempt {attempt.number}: {attempt.core_seconds:.0f} core-seconds in the "
                    f"ledger, {row.core_seconds:.0f} in the accounting."
                )
    return said


def not_booked(audit: Iterable[AuditRow], owner: str, known: Collection[str]) -> list[str]:
    """Sentences on *owner*'s attempts whose runs are not among the *known* ones of the ledger."""
    return [
        f"Run {row.run}, attempt {row.attempt}: {owner}'s ledger does not have it (forgotten, or of another home)."
        for row in audit
        if row.user == owner and row.run not in known
    ]


def _differ(row: AuditRow, booked: float, run: RunView) -> bool:
    cores = run.shape.cores * max(run.copies, run.tasks)
    return abs(row.core_seconds - booked) > _MAY_DIFFER * cores
