"""What is shown of a run: the one live line, the plan, lists. Pure functions to text and HTML."""

import html
from collections.abc import Iterable, Sequence

from ihpc_jupyter.client.story import (
    Stage,
    cost_text,
    plan_line,
    plan_rows,
    seconds_text,
    stages,
    time_left,
)
from ihpc_jupyter.model.protocol import Report
from ihpc_jupyter.model.run import Plan, RunState, RunView

ARROW = " ▸ "
_DIM = "color:var(--jp-ui-font-color2,GrayText)"
_BOX = "font-family:var(--jp-ui-font-family,sans-serif);color:var(--jp-ui-font-color1,CanvasText)"
_TONES = {
    RunState.SUCCEEDED: "var(--jp-success-color1,green)",
    RunState.FAILED: "var(--jp-error-color1,firebrick)",
    RunState.MISSED: "var(--jp-error-color1,firebrick)",
    RunState.LOST: "var(--jp-error-color1,firebrick)",
    RunState.CANCELLED: "var(--jp-warn-color1,darkorange)",
}
_MARKS = {"ok": "✓ ok", "warning": "! warning", "failed": "✗ failed", "not-checked": "- not checked"}


def line(view: RunView, now: float, trouble: str = "") -> str:
    """The live line as text: the steps so far with their times, the reason, time left, *trouble* meanwhile."""
    steps = ARROW.join(_step(stage) for stage in stages(view, now) if stage.seconds is not None)
    return f"Run {view.id}: {'; '.join([steps, *_beside(view, now, trouble)])}"


def _step(stage: Stage) -> str:
    assert stage.seconds is not None  # noqa: S101 - only steps that were reached have a time
    detail = f" ({stage.detail})" if stage.detail else ""
    return f"{stage.name}{detail} {seconds_text(stage.seconds)}"


def _beside(view: RunView, now: float, trouble: str) -> list[str]:
    """What stands behind the steps: attempts, time left, the bill, trouble."""
    said = []
    if len(view.attempts) > 1:
        said.append(f"attempt {view.attempts[-1].number} ({view.attempts[-1].why})".replace(" ()", ""))
    if left := time_left(view, now):
        said.append(left)
    if view.state.ended and view.core_hours:
        said.append(cost_text(view))
    if view.problem:
        said.append(view.problem.message)
    if trouble:
        said.append(trouble)
    return said


def line_html(view: RunView, now: float, trouble: str = "") -> str:
    """The live line as HTML: readable in light and dark, and by a screen reader."""
    steps = f'<span aria-hidden="true" style="{_DIM}">{ARROW}</span>'.join(
        _step_html(stage, view) for stage in stages(view, now)
    )
    beside = "".join(f'<span style="{_DIM}">; {html.escape(text)}</span>' for text in _beside(view, now, trouble))
    title = html.escape(view.title or view.kind)
    # The label says what a screen reader announces: the stage, not each tick of its clock.
    label = html.escape(f"Run {view.id}: {stage_name(view)}{f', {view.reason}' if view.reason else ''}")
    return (
        f'<div role="status" aria-label="{label}" style="{_BOX}">'
        f'<b title="{title}">Run {html.escape(view.id)}</b> {steps}{beside}</div>'
    )


def stage_name(view: RunView) -> str:
    """The current step in words."""
    return next((stage.name for stage in stages(view, view.created_at) if stage.current), view.state.value)


def _step_html(stage: Stage, view: RunView) -> str:
    if stage.seconds is None:
        return f'<span style="{_DIM}">{html.escape(stage.name)}</span>'
    text = html.escape(_step(stage))
    if not stage.current:
        return f"<span>{text}</span>"
    tone = _TONES.get(view.state, "var(--jp-brand-color1,royalblue)")
    return f'<b style="color:{tone}" aria-current="step">{text}</b>'


def plan_text(plan: Plan) -> str:
    """The plan as text."""
    return f"{table_text(plan_rows(plan))}\n{plan_line(plan)}"


def plan_html(plan: Plan) -> str:
    """The plan as a small table."""
    return table_html(plan_rows(plan), plan_line(plan))


def report_rows(report: Report) -> list[tuple[str, ...]]:
    """The rehearsal, with a heading."""
    rows = [
        (_MARKS[check.outcome], check.name, f"{check.text} {check.hint if check.outcome != 'ok' else ''}".strip())
        for check in report.checks
    ]
    return [("", f"rehearsal on {report.site}", ""), *rows]


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def table_html(rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Rows as an HTML table, the first one its heading."""
    head = _cells(rows[0], 'th scope="col"', "th")
    body = "".join(f"<tr>{_cells(row, 'td', 'td')}</tr>" for row in rows[1:])
    told = (
        f'<caption style="caption-side:bottom;text-align:left">{html.escape(caption)}</caption>' if caption else ""
    )
    return f'<table style="{_BOX}">{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cells(row: Iterable[str], opening: str, closing: str) -> str:
    return "".join(f'<{opening} style="text-align:left">{html.escape(cell)}</{closing}>' for cell in row)
