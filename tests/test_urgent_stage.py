"""What is shown of a run, from its view and a moment: the live line, the plan, the lists, the story."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from ihpc_jupyter.client import ledger
from ihpc_jupyter.client.story import plan_line, seconds_text, stages, time_left, why_run
from ihpc_jupyter.kernel.urgent import stage
from ihpc_jupyter.kernel.urgent.follow import ahead
from ihpc_jupyter.model.protocol import Check, Report
from ihpc_jupyter.model.run import (
    Attempt,
    Estimate,
    Kind,
    Ledger,
    Plan,
    RunState,
    RunView,
    Way,
    WayKind,
)
from ihpc_jupyter.model.site import Shape

NOW = 1_000_100.0
PLAN = Plan(
    at=NOW - 10,
    ways=(
        Way(kind=WayKind.IDLE_WORKERS, possible=False, why="no cluster is open"),
        Way(
            kind=WayKind.ALLOCATION, possible=True, lane="urgent", start=Estimate(p50=0.3, p95=1.25, count=61),
            price=0.125, chance=0.98,
        ),
        Way(kind=WayKind.PREEMPTION, possible=True, lane="urgent", price=0.5, disturbs="2 <spot> jobs of others"),
    ),
    chosen=WayKind.ALLOCATION,
    why="soonest that disturbs nobody",
)  # fmt: skip


def view(state: RunState, **more: object) -> RunView:
    """A run that was ordered 10 s ago and queued 8 s ago."""
    stages = {"planned": NOW - 10, "submitted": NOW - 9, "queued": NOW - 8}
    later = {"allocated": NOW - 3, "started": NOW - 2.5, "running": NOW - 2.0, "succeeded": NOW - 1}
    stages |= {name: at for name, at in later.items() if state is RunState.SUCCEEDED or name == state}
    values = {
        "id": "r1", "kind": Kind.CELL, "title": "alert = <locate>", "site": "bed", "lane": "urgent",
        "shape": Shape(), "state": state, "plan": PLAN, "stages": stages, "created_at": NOW - 10,
        "mailbox": "/nowhere",
    }  # fmt: skip
    return RunView.model_validate(values | more)


class Page(HTMLParser):
    """Collects roles and text; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.roles: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.roles += [value or "" for name, value in attrs if name == "role"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_times_add_up_where_the_batch_system_counts_whole_seconds() -> None:
    early = {"planned": NOW - 2, "submitted": NOW - 1.9, "queued": NOW - 1.5, "allocated": NOW - 1.8}
    shown = stages(view(RunState.ALLOCATED, stages=early, created_at=NOW - 2), NOW)
    took = [stage.seconds for stage in shown if stage.seconds is not None]
    assert took == pytest.approx([0.1, 0.4, 0.0, 1.5])


def test_the_line_tells_steps_times_reason_and_what_is_left() -> None:
    waiting = view(RunState.QUEUED, reason="Resources are taken", deadline_at=NOW + 42)
    text = stage.line(waiting, NOW)
    assert text == (
        "Run r1: planned 1.0 s ▸ submitted 1.0 s ▸ queued (Resources are taken) 8.0 s; 42 s left"
    )  # fmt: skip
    assert stage.line(waiting, NOW + 50).endswith("; 8.0 s past the deadline")
    assert stage.line(waiting, NOW, "The agent does not answer.").endswith("; The agent does not answer.")


def test_the_line_of_a_run_that_brought_its_result() -> None:
    done = view(RunState.SUCCEEDED, core_hours=0.0123, deadline_at=NOW)
    assert stage.line(done, NOW + 999) == (
        "Run r1: planned 1.0 s ▸ submitted 1.0 s ▸ queued 5.0 s ▸ allocated 0.50 s ▸ started 0.50 s ▸ "
        "running 1.0 s ▸ result 9.0 s; 0.012 core-h"
    ), "its clock has stopped, and there is nothing left to wait for"


def test_steps_that_were_skipped_are_left_out() -> None:
    warm = view(RunState.RUNNING, stages={"planned": NOW - 1, "submitted": NOW - 0.5, "running": NOW - 0.25})
    assert [step.name for step in stages(warm, NOW)] == ["planned", "submitted", "running", "result"]
    assert [step.name for step in stages(view(RunState.PLANNED, stages={"planned": NOW}), NOW)] == [
        "planned", "submitted", "queued", "allocated", "started", "running", "result",
    ]  # fmt: skip


@pytest.mark.parametrize("state", list(RunState))
def test_the_line_is_a_status_that_can_be_read_aloud(state: RunState) -> None:
    for trouble in ("", "<b>away</b>"):
        page = Page(stage.line_html(view(state, reason="<i>"), NOW, trouble))
        assert page.roles == ["status"]
        assert "Run r1" in page.text
        assert trouble in page.text
    assert "var(--jp-" in stage.line_html(view(state), NOW), "colours follow the theme"


def test_further_attempts_and_problems_are_told() -> None:
    attempts = tuple(
        Attempt(number=n, way=WayKind.ALLOCATION, name=f"ihpc-run-r1-{n}", submitted_at=NOW, why=why)
        for n, why in ((1, ""), (2, "node n3 is silent"))
    )
    assert stage.line(view(RunState.QUEUED, attempts=attempts), NOW).endswith("; attempt 2 (node n3 is silent)")


def test_the_plan_marks_the_chosen_way_and_says_unknown() -> None:
    text = stage.plan_text(PLAN)
    lines = text.splitlines()
    assert re.search(r"^→ +allocation \(urgent\) +0.30 s \(p95 1.2 s, n=61\) +0.12 core-h +nobody +98%", lines[2])
    assert "soonest that disturbs nobody" in lines[2]
    assert re.search(r"^ +idle workers +not possible .*no cluster is open$", lines[1])
    assert re.search(r"^ +preemption \(urgent\) +unknown +0.5 core-h +2 <spot> jobs of others", lines[3])
    page = Page(stage.plan_html(PLAN))
    assert "2 <spot> jobs of others" in page.text
    assert plan_line(PLAN) == (
        "allocation in lane urgent, start 0.30 s (p95 1.2 s, n=61), at most 0.12 core-h, disturbs nobody, "
        "chance 98% (soonest that disturbs nobody)"
    )


def test_a_plan_without_a_way_says_why() -> None:
    assert plan_line(PLAN.model_copy(update={"chosen": None, "why": "nobody answers"})) == (
        "No way to start now. nobody answers"
    )


def test_the_rehearsal_as_a_table() -> None:
    checks = (
        Check(name="rights", outcome="ok", text="you may", hint="x"),
        Check(name="spool", outcome="failed", text="full", hint="Make room."),
    )
    text = stage.table_text(stage.report_rows(Report(site="bed", at=NOW, checks=checks)))
    assert "✓ ok" in text
    assert "x" not in text.splitlines()[1].replace("ok", "").split()
    assert text.splitlines()[2].endswith("full Make room.")


def test_what_the_run_says_of_itself_comes_before_the_agents_word() -> None:
    seen = ahead(view(RunState.QUEUED, reason="Resources"), {RunState.STARTED: NOW - 1, RunState.RUNNING: NOW})
    assert (seen.state, seen.reason) == (RunState.RUNNING, "")
    assert [step.name for step in stages(seen, NOW) if step.seconds is not None][-2:] == ["started", "running"]
    assert ahead(view(RunState.CANCELLED), {RunState.RUNNING: NOW}).state is RunState.CANCELLED


def test_durations() -> None:
    said = [seconds_text(seconds) for seconds in (0, 0.405, 9.94, 59.4, 60, 125, 3599.6, 7260)]
    assert said == ["0 ms", "0.41 s", "9.9 s", "59 s", "1 min 00 s", "2 min 05 s", "1 h 00 min", "2 h 01 min"]
    assert time_left(view(RunState.QUEUED), NOW) == ""


def test_the_story_tells_attempts_and_waits() -> None:
    lost = Attempt(
        number=1, way=WayKind.ALLOCATION, name="a", job_id="17", nodes=("n3",), submitted_at=NOW - 9,
        allocated_at=NOW - 3, ended_at=NOW - 1, outcome="lost", detail="its node is silent", preempted=("4", "5"),
    )  # fmt: skip
    again = Attempt(number=2, way=WayKind.PREEMPTION, name="b", submitted_at=NOW - 1, exclude=("n3",))
    run = view(RunState.QUEUED, reason="Priority", attempts=(lost, again), urgency="M 6.1", deadline_at=NOW + 9)
    story = "\n".join(why_run(run, NOW))
    for said in (
        "Why it is urgent: M 6.1.",
        "It is queued for 8.0 s: Priority.",
        "Attempt 1, allocation, job 17 on n3: it was lost: its node is silent.",
        "It waited 6.0 s for its allocation.",
        "These had to go for it: 4, 5.",
        "Attempt 2, preemption: it goes on.",
        "Not on n3, where an earlier attempt was lost.",
        "Deadline: 9.0 s left.",
    ):
        assert said in story


def test_the_ledger_for_people_and_programs() -> None:
    attempt = Attempt(
        number=1, way=WayKind.ALLOCATION, name="a", job_id="17", submitted_at=NOW - 9, running_at=NOW - 2,
        ended_at=NOW, outcome="won", preempted=("4",), core_seconds=12.5, accounted=True,
    )  # fmt: skip
    run = view(
        RunState.SUCCEEDED, attempts=(attempt,), urgency="=cmd()", core_hours=0.5, winner=1, seconds=1.5,
        title='a, "b"',
    )  # fmt: skip
    told = Ledger(runs=(run, view(RunState.CANCELLED)))
    rows = list(csv.DictReader(io.StringIO(ledger.as_csv(told))))
    assert [row["id"] for row in rows] == ["r1", "r1"]
    assert (rows[0]["wait_seconds"], rows[0]["run_seconds"], rows[0]["core_seconds"]) == ("8.0", "1.5", "12.5")
    assert (rows[0]["title"], rows[0]["jobs"], rows[0]["preempted"]) == ('a, "b"', "17", "4")
    assert rows[0]["reason"] == "'=cmd()", "a spreadsheet shows it and computes nothing"
    assert rows[1]["wait_seconds"] == ""
    assert json.loads(ledger.as_json(told))["runs"][0]["attempts"][0]["accounted"] is True
    text = stage.table_text(ledger.ledger_rows(told))
    assert "8.0 s" in text
    assert "0.5 core-h" in text
    assert "result" in stage.table_text(ledger.list_rows(told))
