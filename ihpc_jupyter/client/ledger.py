"""The ledger as rows for people, and as CSV and JSON for programs."""

import csv
import io
import time

from ihpc_jupyter.client.story import ENDS, cost_text, seconds_text
from ihpc_jupyter.model.run import Ledger, RunView

COLUMNS = (
    "id", "created", "kind", "title", "reason", "site", "lane", "account", "way", "state", "attempts", "jobs",
    "deadline", "wait_seconds", "run_seconds", "core_seconds", "core_hours", "wasted_core_hours", "preempted",
    "problem",
)  # fmt: skip


def clock(at: float | None) -> str:
    """A moment in local time; empty for none."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def wait_of(view: RunView) -> float | None:
    """Seconds from the order to the first line of the user's code (of the winner, else of the last attempt)."""
    starts = {attempt.number: attempt.running_at for attempt in view.attempts}
    at = starts.get(view.winner) if view.winner is not None else next(reversed(starts.values()), None)
    return None if at is None else max(0.0, at - view.created_at)


def record(view: RunView) -> dict[str, object]:
    """One run as a row of the CSV."""
    wait = wait_of(view)
    last = view.attempts[-1].way if view.attempts else view.plan.chosen
    values: tuple[object, ...] = (
        view.id, clock(view.created_at), view.kind.value, view.title, view.urgency, view.site, view.lane,
        view.account or "", last.value if last else "", view.state.value, len(view.attempts),
        " ".join(attempt.job_id for attempt in view.attempts if attempt.job_id), clock(view.deadline_at),
        "" if wait is None else round(wait, 3), "" if view.seconds is None else round(view.seconds, 3),
        round(sum(attempt.core_seconds for attempt in view.attempts), 3), round(view.core_hours, 6),
        round(view.wasted_core_hours, 6), " ".join(job for attempt in view.attempts for job in attempt.preempted),
        view.problem.message if view.problem else "",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def as_csv(ledger: Ledger) -> str:
    """The ledger as CSV, one run a row, with a heading. A cell never begins like a spreadsheet's formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for view in ledger.runs:
        writer.writerow({name: _harmless(value) for name, value in record(view).items()})
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@" and value else value


def as_json(ledger: Ledger) -> str:
    """The whole ledger: plans, attempts, everything."""
    return ledger.model_dump_json(indent=1)


def list_rows(ledger: Ledger) -> list[tuple[str, ...]]:
    """The list of runs, with a heading."""
    head = ("run", "what", "state", "since", "where", "attempts", "cost")
    return [head, *(_list_row(view) for view in ledger.runs)]


def _list_row(view: RunView) -> tuple[str, ...]:
    state = ENDS.get(view.state, view.state.value) + (f" ({view.reason})" if view.reason else "")
    where = f"{view.site}, {view.lane}"
    cost = cost_text(view)
    return (
        view.id,
        view.title or view.kind.value,
        state,
        clock(view.created_at),
        where,
        str(len(view.attempts)),
        cost,
    )


def ledger_rows(ledger: Ledger) -> list[tuple[str, ...]]:
    """The ledger with a heading: waits, attempts, what was preempted, cost."""
    head = ("run", "created", "why", "outcome", "attempts", "waited", "ran", "preempted", "cost")
    return [head, *(_ledger_row(view) for view in ledger.runs)]


def _ledger_row(view: RunView) -> tuple[str, ...]:
    wait = wait_of(view)
    gone = [job for attempt in view.attempts for job in attempt.preempted]
    return (
        view.id, clock(view.created_at), view.urgency or view.title, ENDS.get(view.state, view.state.value),
        str(len(view.attempts)), "-" if wait is None else seconds_text(wait),
        "-" if view.seconds is None else seconds_text(view.seconds), " ".join(gone) or "-", cost_text(view),
    )  # fmt: skip
