"""Urgent runs in the browser: their cards, and the button that makes a cell one."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import RunView
from tests.ui.accessibility import faults
from tests.ui.conftest import SLOTS, Server
from tests.ui.lab import SECOND, Lab
from tests.world import until


class Runs:
    """Orders and looks after runs through the Jupyter server, as a script at its REST door would."""

    def __init__(self, server: Server) -> None:
        headers = {"Authorization": f"token {server.token}"}
        self._http = httpx.Client(base_url=f"{server.url}/ihpc/api", headers=headers, timeout=20)

    def order(self, title: str = "fire.sh", **order: Any) -> RunView:
        """A planned run of a script."""
        answer = self._http.post("/runs", json={"kind": "script", "title": title, "shape": "small", **order})
        assert answer.status_code == 201, answer.text
        return RunView.model_validate_json(answer.content)

    def begin(self, script: str, **order: Any) -> RunView:
        """A run whose script lies in its mailbox, on its way."""
        run = self.order(**order)
        payload = script.encode()
        mailbox = Mailbox(Path(run.mailbox))
        mailbox.payload.write_bytes(payload)
        told: dict[str, Any] = {"kind": "script", "python": f"{sys.version_info.major}.{sys.version_info.minor}"}
        told |= {"sha256": hashlib.sha256(payload).hexdigest(), "interpreter": "bash", "directory": run.mailbox}
        told |= {"path": [], "argv": [], "tasks": 1, "files": False, "cluster": None}
        mailbox.order.write_text(json.dumps(told))
        answer = self._http.post(f"/runs/{run.id}/start")
        assert answer.status_code == 202, answer.text
        return run

    def view(self, id_: str) -> RunView | None:
        """The run as it is now; None where it is forgotten."""
        answer = self._http.get(f"/runs/{id_}")
        return None if answer.status_code == 404 else RunView.model_validate_json(answer.content)

    def all(self) -> list[RunView]:
        return [RunView.model_validate(one) for one in self._http.get("/runs").json()["runs"]]

    def settled(self, id_: str) -> bool:
        """Whether the batch system has said what each attempt cost: then the run can be forgotten."""
        view = self.view(id_)
        return view is not None and all(attempt.accounted for attempt in view.attempts)


@pytest.fixture
def runs(server: Server) -> Runs:
    return Runs(server)


def test_no_runs_say_how_to_begin_one(lab: Lab) -> None:
    section = lab.side_bar.get_by_role("region", name="Urgent runs")
    expect(section).to_contain_text("%%urgent 10m")


def test_a_live_run_tells_its_stage_and_the_time_that_is_left(lab: Lab, runs: Runs) -> None:
    card = lab.run_card(runs.begin("sleep 300", title="alert = locate()", deadline=240).id)
    card.wait("running")
    expect(card.root).to_have_attribute("aria-label", "Run alert = locate(), running")
    expect(card.stage("running")).to_have_attribute("aria-current", "step")
    expect(card.stage_time("planned")).to_contain_text(" s")
    expect(card.stage_time("result")).to_be_empty()
    expect(card.countdown).to_contain_text("3 min")
    expect(card.countdown).to_contain_text("left of 4 min")
    expect(lab.status_bar).to_contain_text("urgent run running")
    expect(lab.status_bar).to_contain_text("left")
    attempts = card.open_attempts()
    expect(attempts).to_have_count(1)
    expect(attempts).to_contain_text("1. running: a fresh allocation, job")
    expect(card.root).to_contain_text("<0.01 core-h")
    before = card.countdown.inner_text()
    expect(card.countdown).not_to_have_text(before)


WITHOUT_FOCUS = """() => {
  const Browsers = window.Notification, told = (window.told = []);
  document.hasFocus = () => false;
  window.Notification = class {
    constructor(title, { body, tag }) { told.push([body, tag]); }
    static permission = Browsers.permission;
    static requestPermission() { return Browsers.requestPermission(); }
  };
}"""
"""What the browser is asked to show can be read; whether it may is asked of the browser itself."""


def test_cancelling_asks_only_while_code_runs_and_names_what_is_lost(lab: Lab, runs: Runs) -> None:
    lab.page.context.grant_permissions(["notifications"])
    lab.page.evaluate(WITHOUT_FOCUS)
    lab.run("ihpc:toggle-notifications")
    expect(lab.notifications).to_contain_text("You are told when a job")
    planned = lab.run_card(runs.order().id)
    planned.wait("planned")
    planned.button("Cancel").click()
    planned.wait("cancelled")
    card = lab.run_card(runs.begin("sleep 300").id)
    card.wait("running")
    expect(lab.notifications.filter(has_text="Urgent run fire.sh has started")).to_have_count(1)
    card.button("Cancel").click()
    expect(lab.dialog).to_contain_text("Your code has run for")
    assert faults(lab.dialog) == []
    expect(lab.dialog).to_contain_text("is lost")
    lab.dismiss()
    expect(card.state).to_have_text("running")
    card.button("Cancel").click()
    lab.answer("Cancel run")
    card.wait("cancelled", 10)
    told = [f"Urgent run fire.sh{what}" for what in (": cancelled", " has started", ": cancelled")]
    lab.page.wait_for_function("number => told.length >= number", arg=len(told))
    assert [body for body, _ in lab.page.evaluate("told")] == told
    lab.run("ihpc:toggle-notifications")
    expect(lab.notifications.filter(has_text="in silence")).to_have_count(1)
    expect(lab.status_bar).not_to_contain_text("urgent run")
    view = runs.view(card.id)
    assert view is not None
    assert view.state == "cancelled"


def test_an_ended_run_is_folded_tells_its_bill_and_can_be_forgotten(lab: Lab, runs: Runs) -> None:
    card = lab.run_card(runs.begin("echo done", deadline=120).id)
    card.wait("succeeded")
    expect(card.root).to_contain_text("before the deadline")
    expect(card.root).to_contain_text("of code")
    expect(card.countdown).to_have_count(0)
    expect(card.stage("running")).to_have_count(0)
    card.unfold()
    expect(card.stage_time("running")).to_contain_text(" s")
    expect(card.open_attempts()).to_contain_text("1. answered")
    until(lambda: runs.settled(card.id), "the run is accounted for")
    card.button("Forget").click()
    expect(card.root).to_have_count(0)
    assert runs.view(card.id) is None


def test_a_script_that_fails_says_why(lab: Lab, runs: Runs) -> None:
    card = lab.run_card(runs.begin("exit 3").id)
    card.wait("failed")
    expect(card.root.get_by_label("Problem")).to_contain_text("exit code 3")


def test_a_missed_deadline_is_said_and_a_late_answer_is_awaited_where_wanted(lab: Lab, runs: Runs) -> None:
    late = lab.run_card(runs.begin("sleep 300", deadline=6, go_on=True, title="late").id)
    over = lab.run_card(runs.begin("sleep 300", deadline=6, title="over").id)
    over.wait("missed")
    expect(over.root).to_contain_text("deadline missed")
    expect(late.countdown).to_contain_text("deadline missed")
    expect(late.root.locator(".ihpc-Countdown.ihpc-mod-missed [role=status]")).to_have_text(
        "The deadline is missed", timeout=10 * SECOND
    )
    expect(late.button("Cancel")).to_be_enabled()


def test_a_waiting_run_tells_why(lab: Lab, runs: Runs) -> None:
    lab.new_cluster("demo", SLOTS, lane="urgent").wait(working=SLOTS)
    card = lab.run_card(runs.begin("true").id)
    card.wait("queued")
    expect(card.root.locator(".ihpc-Run-reason")).not_to_be_empty()
    expect(card.stage("queued")).to_have_attribute("aria-current", "step")
    lab.card("demo").scale(0)
    card.wait("succeeded")


def test_the_plan_is_a_table(lab: Lab, runs: Runs) -> None:
    card = lab.run_card(runs.order().id)
    card.button("Show plan").focus()
    lab.page.keyboard.press("Enter")
    table = lab.dialog.get_by_role("table")
    headers = ["Way", "Disturbs", "Expected start", "Price at most", "Chance"]
    expect(table.get_by_role("columnheader")).to_have_text(headers)
    row = table.get_by_role("row").filter(has=lab.page.get_by_role("rowheader", name="a fresh allocation"))
    expect(row).to_contain_text("chosen")
    expect(row).to_contain_text("nobody")
    lab.answer("Close")
    expect(card.button("Show plan")).to_be_focused()


def test_attach_code_goes_into_the_notebook(lab: Lab, runs: Runs) -> None:
    card = lab.run_card(runs.order().id)
    lab.new_notebook()
    card.button("Insert attach code").click()
    cell = lab.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content")
    expect(cell).to_have_text(f"%runs attach {card.id}")


def test_ended_runs_beyond_five_are_behind_more(lab: Lab, runs: Runs) -> None:
    ids = [runs.order().id for _ in range(7)]
    for id_ in ids:
        lab.run_card(id_).button("Cancel").click()
        lab.run_card(id_).wait("cancelled")
    expect(lab.run_card(ids[0]).root).to_have_count(0)
    cards = lab.side_bar.locator("[data-ihpc-run]")
    expect(cards).to_have_count(5)
    lab.side_bar.get_by_role("button", name="2 more").click()
    expect(cards).to_have_count(7)
    shown = cards.evaluate_all("cards => cards.map(card => card.dataset.ihpcRun)")
    assert shown == ids[::-1]


def test_the_palette_asks_which_run_where_there_are_several(lab: Lab, runs: Runs) -> None:
    lab.run("ihpc:cancel-run")
    expect(lab.dialog).to_contain_text("There is no run to choose.")
    lab.answer("Close")
    first, second = runs.order("first"), runs.order("second")
    expect(lab.run_card(second.id).root).to_be_visible()
    lab.run("ihpc:cancel-run")
    lab.dialog.get_by_role("combobox").select_option(f"first (planned, {first.id})")
    lab.dialog.locator(".jp-mod-accept").click()
    lab.run_card(first.id).wait("cancelled")
    lab.run_card(second.id).wait("planned")


def test_run_urgently_runs_the_cell_elsewhere_and_leaves_its_text(lab: Lab, runs: Runs) -> None:
    lab.new_notebook()
    lab.execute("import os\nhere, base = os.getpid(), 20")
    lab.write("there, found = os.getpid(), base + 1\nprint('found', found)")
    lab.run_urgently()
    outputs = lab.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .jp-OutputArea")
    expect(outputs).to_contain_text("found 21", timeout=60 * SECOND)
    cell = lab.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(r"[2]:", timeout=30 * SECOND)
    expect(cell.locator(".cm-content")).not_to_contain_text("%%urgent")
    (view,) = runs.all()
    lab.run_card(view.id).wait("succeeded")  # the kernel has the result; the agent's look may come later
    expect(lab.run_card(view.id).root).to_contain_text("there, found")
    lab.run("notebook:insert-cell-below")
    lab.execute("(here != there, found)")
    expect(lab.page.get_by_text("(True, 21)")).to_be_visible()


def test_run_urgently_says_what_it_cannot_run(lab: Lab) -> None:
    lab.run("ihpc:run-urgently")
    expect(lab.dialog).to_contain_text("No notebook is open.")
    lab.answer("Close")
    lab.new_notebook()
    lab.run_urgently()
    expect(lab.dialog).to_contain_text("The cell is empty.")
    lab.answer("Close")
    lab.run("notebook:change-cell-to-markdown")
    lab.run_urgently()
    expect(lab.dialog).to_contain_text("The chosen cell holds no code.")
    lab.answer("Close")


def test_run_urgently_asks_before_others_are_disturbed(lab: Lab, runs: Runs) -> None:
    lab.new_cluster("spot", SLOTS, lane="spot").wait(working=SLOTS)
    lab.new_notebook()
    lab.write("print('it ran')")
    lab.run_urgently()
    expect(lab.dialog).to_contain_text(f"{SLOTS} in spot")
    expect(lab.dialog).to_contain_text("core-h")
    expect(lab.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    lab.page.keyboard.press("Enter")
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    assert runs.all() == []
    lab.run_urgently()
    lab.answer("Disturb and run")
    expect(lab.page.locator(".jp-Notebook .jp-OutputArea")).to_contain_text("it ran", timeout=60 * SECOND)
    (view,) = runs.all()
    assert view.plan.chosen == "preemption"


def test_run_urgently_asks_about_the_cell_as_it_is(lab: Lab, runs: Runs) -> None:
    lab.new_cluster("spot", SLOTS, lane="spot").wait(working=SLOTS)
    lab.new_notebook()
    lab.write("%%urgent --plan --cores {1 + 1}\nprint('it ran')")
    lab.run_urgently()  # nobody is disturbed by a plan: no question
    expect(lab.page.locator(".jp-Notebook .jp-OutputArea")).to_contain_text("2 are asked for", timeout=30 * SECOND)


def test_run_urgently_says_what_is_wrong_with_the_cell(lab: Lab, runs: Runs) -> None:
    lab.new_notebook()
    lab.write("%%urgent --coers 1\nprint('it ran')")
    lab.run_urgently()
    expect(lab.dialog).to_contain_text("--coers")
    lab.answer("Close")
    assert runs.all() == []


def test_light_dark_and_narrow(lab: Lab, runs: Runs) -> None:
    live = lab.run_card(runs.begin("sleep 300", deadline=600, title="alert = locate(stream, model)").id)
    live.wait("running")
    live.open_attempts()
    for theme in ("light", "dark"):
        lab.theme(theme)
        for width in (1280, 390):
            lab.resize(width)
            expect(live.root).to_be_visible()
            box = live.root.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
            assert live.root.evaluate("card => card.scrollWidth - card.clientWidth") <= 1, (theme, width)
            assert faults(lab.side_bar) == []
            assert faults(lab.page.locator(".ihpc-StatusItem")) == []
            lab.screenshot(Path("test-results") / f"runs-{theme}-{width}.png")
            live.button("Show plan").click()
            lab.dialog.get_by_role("table").wait_for()
            assert faults(lab.dialog) == []
            lab.screenshot(Path("test-results") / f"plan-{theme}-{width}.png")
            lab.answer("Close")
    lab.resize(1280)
