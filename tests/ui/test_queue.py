"""The queue in JupyterLab: my jobs, why they wait, letting them go."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.why import Category, Explanation, Fact
from tests.ui.accessibility import faults
from tests.ui.conftest import Server
from tests.ui.lab import Lab


def open_queue(lab: Lab) -> Locator:
    lab.run("ihpc:open-queue")
    pane = lab.page.locator("#ihpc-queue .ihpc-Queue")
    expect(pane.get_by_text("As the batch system said")).to_be_visible(timeout=20_000)
    return pane


def crowd(lab: Lab) -> Locator:
    """A cluster whose jobs do not all have room; the queue's rows."""
    card = lab.new_cluster("crowd", 8)
    card.wait(working=4, pending=4)
    pane = open_queue(lab)
    rows = pane.locator("tbody tr")
    expect(rows.filter(has_text="PENDING").first).to_be_visible(timeout=20_000)
    return pane


def test_jobs_are_seen_filtered_and_sorted(lab: Lab) -> None:
    pane = crowd(lab)
    rows = pane.locator("tbody tr")
    expect(rows.filter(has_text="RUNNING")).to_have_count(4)
    folded = rows.filter(has_text="3 PENDING")
    expect(folded).to_contain_text("ahead in the queue")
    expect(folded).to_contain_text("cluster crowd")
    pane.get_by_label("Filter the jobs").fill("enough free")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Waiting for enough free cores")
    pane.get_by_label("Filter the jobs").fill("nothing has this")
    expect(pane).to_contain_text("No job has all these words")
    pane.get_by_label("Filter the jobs").fill("")
    heading = pane.get_by_role("columnheader", name="State, and why")
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(rows.first).to_contain_text("PENDING")
    heading.get_by_role("button").press("Enter")
    expect(rows.first).to_contain_text("RUNNING")


def test_why_is_answered_by_keyboard_and_the_commands_are_shown(lab: Lab) -> None:
    pane = crowd(lab)
    row = pane.locator("tbody tr").filter(has_text="Waiting for enough free cores")
    row.get_by_role("button", name="Why? Explain job").press("Enter")
    expect(lab.dialog).to_contain_text("Not enough is free at once for 1 core; 0 cores of 4 are free.")
    facts = lab.dialog.get_by_role("region", name="What this rests on")
    expect(facts).to_contain_text("free cores")
    expect(lab.dialog).to_contain_text("own word")
    tab_to(lab, "Ask the batch system what would start sooner")
    lab.page.keyboard.press("Enter")
    expect(lab.dialog.get_by_role("region", name="Offers")).to_be_visible()
    tab_to(lab, "The same in a terminal")
    lab.page.keyboard.press("Enter")
    expect(lab.dialog.locator("pre")).to_contain_text("ihpc why ")
    lab.dismiss()
    pane.get_by_text("Show the command").click()
    expect(pane.locator(".ihpc-Queue-command")).to_have_text("ihpc jobs --site local")


NAME = "() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"


def tab_to(lab: Lab, name: str) -> None:
    """Press Tab until that has the focus; the dialog begins at its last button."""
    lab.dialog.locator(":focus").wait_for()
    passed: list[str] = []
    while (here := str(lab.page.evaluate(NAME))) != name:
        assert len(passed) < 30, f"Tab does not reach {name!r} but {passed}"
        passed.append(here[:40])
        lab.page.keyboard.press("Tab")


def test_a_clusters_job_is_not_cancelled_here_and_says_where(lab: Lab) -> None:
    pane = crowd(lab)
    row = pane.locator("tbody tr").filter(has_text="RUNNING").first
    expect(row.get_by_role("button", name="Scale or stop cluster crowd instead")).to_be_disabled()
    expect(lab.side_bar.get_by_role("region", name="My jobs")).to_contain_text("8 of clusters and runs")


def test_everybodys_jobs_are_asked_for_when_chosen(lab: Lab, server: Server) -> None:
    pane = crowd(lab)
    pane.get_by_label("Whose").select_option("all")
    expect(pane.locator("tbody tr").filter(has_text="crowd").filter(has_text="yours")).to_have_count(6)
    expect(pane.get_by_role("button", name="Ask the batch system for everybody")).to_be_enabled()


MINE = re.compile(r"/ihpc/api/sites/local/jobs(\?look=true)?([?&]\d+)?$")
CANCEL = re.compile(r"/ihpc/api/sites/local/jobs/900\?waiting=true")
WHY = re.compile(r"/ihpc/api/sites/local/jobs/3/why")
KINDS: list[dict[str, object]] = [
    {"state": "PENDING", "reason": "Resources", "reason_text": "Waiting for enough free cores, memory or nodes."},
    {"state": "RUNNING", "started_at": 1_700_000_000.0, "ends_at": 4_000_000_000.0},
    {"state": "FAILED", "exit_code": 3, "started_at": 1_700_000_000.0, "ends_at": 1_700_000_100.0},
]


def many(rows: int) -> str:
    """An answer with as many rows as there may be."""
    row = {
        "user": "me", "name": "sleeper", "reason": "", "lane": "batch", "partition": "batch", "qos": "",
        "account": "lab", "cores": 4, "nodes": 1, "memory": 1 << 30, "gpus": 0, "time_limit": 3600.0,
        "exit_code": None, "node": "", "restarts": 1, "submitted_at": 1_700_000_000.0, "expected_start": None,
        "started_at": None, "ends_at": None, "count": 1, "elements": "", "mine": True, "belongs": "none",
        "owner": "", "state_text": "It waits.", "reason_text": "",
    }  # fmt: skip
    listed = [{**row, "id": str(number), **KINDS[number % 3]} for number in range(rows)]
    listed[0] |= {"id": "900_7", "count": 99_000, "elements": "7-99006"}
    return json.dumps({
        "site": "local", "everybody": False, "at": 1_700_000_500.0, "health": "up", "detail": "", "rows": listed,
        "totals": [{"state": "PENDING", "jobs": 100_000, "cores": 1}], "left_out": 98_000, "command": "ihpc jobs",
    })  # fmt: skip


def explained() -> str:
    """An answer with facts of each kind."""
    job = Job(id="3", name="sleeper", state=JobState.PENDING, reason="Priority", cores=4)
    facts = (
        Fact(label="asks for", value="4 cores, 1 node, 1 GiB, for 1 h 00 min"),
        Fact(label="jobs ahead", value="8 jobs, asking for 44 cores on 11 nodes"),
        Fact(label="out of order", value="alpha[1-3] drained: bad disk, to be replaced on Monday"),
        Fact(label="priority is made of", value="not read: Slurm refused: no such plugin", read=False),
    )
    return Explanation(
        job=job, category=Category.PRIORITY, sentence="8 jobs with more priority, or older, come first.",
        facts=facts, advice="Wait, or ask for a shorter time.", code="Priority", at=1_700_000_500.0,
        commands=("scontrol show job 3", "sprio --long --jobs=3"),
    ).model_dump_json()  # fmt: skip


@pytest.mark.alone
def test_a_hundred_thousand_jobs_leave_the_page_quick(lab: Lab) -> None:
    lab.page.route(MINE, lambda route: route.fulfill(body=many(2000)))
    pane = open_queue(lab)
    expect(pane).to_contain_text("100,000 PENDING")
    expect(pane).to_contain_text("98,000 further lines left out")
    expect(pane.locator("tbody tr")).to_have_count(100)
    expect(pane).to_contain_text("900_[7-99006]")
    took = lab.milliseconds("""() => new Promise(resolve => {
      const field = document.querySelector('.ihpc-Queue-filter'), began = performance.now();
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, 'FAILED');
      field.dispatchEvent(new Event('input', {bubbles: true}));
      const look = () => document.querySelector('.ihpc-Queue-age').textContent.includes('666 lines found')
        ? resolve(performance.now() - began) : requestAnimationFrame(look);
      look();
    })""")
    assert took < 100, f"filtering took {took:.0f} ms"
    pane.get_by_role("button", name="Next").click()
    expect(pane).to_contain_text("lines 101 to 200 of 666")


def test_a_cancellation_says_how_many_jobs_and_asks(lab: Lab) -> None:
    told: list[str] = []
    lab.page.route(MINE, lambda route: route.fulfill(body=many(30)))

    def cancelled(route: object) -> None:
        told.append(route.request.url)  # type: ignore[attr-defined]
        route.fulfill(status=202, body='{"jobs": 99000}')  # type: ignore[attr-defined]

    lab.page.route(CANCEL, cancelled)
    pane = open_queue(lab)
    pane.get_by_role("button", name="Cancel job 900_[7-99006]").click()
    expect(lab.dialog).to_contain_text("Cancel 99,000 waiting jobs of array 900?")
    expect(lab.dialog).to_contain_text("those that run go on")
    lab.answer("Keep")
    assert told == []
    pane.get_by_role("button", name="Cancel job 900_[7-99006]").click()
    with lab.page.expect_response(CANCEL):
        lab.answer("Cancel 99,000 waiting jobs")
    assert len(told) == 1


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_it_fits_where_it_is_shown(lab: Lab, theme: str, width: int) -> None:
    lab.theme(theme)  # type: ignore[arg-type]
    lab.page.route(MINE, lambda route: route.fulfill(body=many(30)))
    pane = open_queue(lab)
    expect(lab.side_bar.get_by_role("region", name="My jobs")).to_be_visible()
    if width < 600:
        lab.run("application:toggle-left-area")
        lab.resize(width)
    expect(pane.locator("tbody tr").first).to_be_visible()
    table = pane.get_by_role("region", name="Jobs")
    assert table.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), (
        "nothing has to be scrolled sidewards"
    )
    first = pane.locator("tbody tr").first
    assert "batch" in first.inner_text(), "its lane is told, in a column of its own or beside its state"
    if width < 600:
        pane.get_by_label("Sort").select_option("state down")
        expect(pane.locator("tbody tr").first).to_contain_text("RUNNING")
        pane.get_by_label("Sort").select_option("")
    assert faults(pane) == []
    lab.screenshot(Path("test-results") / f"queue-{theme}-{width}.png")
    lab.page.route(WHY, lambda route: route.fulfill(body=explained()))
    pane.get_by_role("button", name="Why? Explain job 3").click()
    expect(lab.dialog).to_contain_text("8 jobs with more priority")
    box = lab.dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert faults(lab.dialog) == []
    lab.screenshot(Path("test-results") / f"why-{theme}-{width}.png")
    lab.dismiss()
