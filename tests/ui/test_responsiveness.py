"""The Responsiveness pane: live, with figures for everybody, in place."""

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.accessibility import faults
from tests.ui.conftest import Server
from tests.ui.lab import SECOND, Lab
from tests.world import REPOSITORY

CLUSTER = {
    "name": "demo",
    "groups": {"main": {"lane": "interactive", "target": 1}},
    "environment": {"python": sys.executable, "directory": str(REPOSITORY)},
}


@pytest.fixture
def pane(lab: Lab) -> Locator:
    """The pane, with something measured in it."""
    lab.run("ihpc:open-responsiveness")
    found = lab.page.locator("#ihpc-responsiveness")
    expect(row(found, "trips", "server ↔ agent")).to_be_visible(timeout=20 * SECOND)
    return found


def panel(pane: Locator, id_: str) -> Locator:
    return pane.locator(f'[data-ihpc-panel="{id_}"]')


def row(pane: Locator, id_: str, line: str) -> Locator:
    """A row of a panel's table."""
    return panel(pane, id_).locator(f'[data-ihpc-line="{line}"]')


def test_a_wait_shows_beside_the_cores_with_number_window_age_and_unit(
    lab: Lab, pane: Locator, server: Server
) -> None:
    with server.agent() as http:
        assert http.post("/api/clusters", json=CLUSTER).is_success
    wait = row(pane, "waits", "interactive")
    expect(wait).to_be_visible(timeout=30 * SECOND)
    expect(wait.get_by_role("cell").nth(3)).to_have_text(re.compile(r"^\d+$"))
    caption = panel(pane, "waits").locator(".ihpc-Figures-caption")
    expect(caption).to_contain_text("Unit: seconds. Window: 15 min")
    expect(wait).to_contain_text(re.compile("just now|ago"))
    expect(row(pane, "cores", "interactive")).to_contain_text("%", timeout=60 * SECOND)
    expect(row(pane, "files", f"{server.root}/spool write")).to_contain_text("ms")
    expect(row(pane, "trips", "agent ↔ head of demo")).to_contain_text("ms", timeout=40 * SECOND)


def test_charts_go_on_in_place(lab: Lab, pane: Locator) -> None:
    """The same canvas all the while; only what it shows grows."""
    delay = row(pane, "trips", "delay of the agent").get_by_role("cell").nth(3)
    canvas = panel(pane, "trips").locator("canvas")
    before = int(delay.inner_text())  # a new line makes the chart anew: this one is the last to come
    canvas.evaluate("canvas => { canvas.dataset.same = 'yes'; }")
    expect(delay).not_to_have_text(str(before), timeout=15 * SECOND)
    expect(canvas).to_have_attribute("data-same", "yes")
    assert int(delay.inner_text()) > before


def test_another_window_by_keyboard(lab: Lab, pane: Locator) -> None:
    pane.get_by_label("Window").focus()
    lab.page.keyboard.press("ArrowDown")
    expect(panel(pane, "trips").locator(".ihpc-Figures-caption")).to_contain_text("Window: 1 h")
    pane.get_by_text("Show the command").press("Enter")
    expect(pane.locator("pre")).to_have_text("ihpc metrics --window 60m")


def test_nothing_is_asked_while_the_pane_is_hidden(lab: Lab, pane: Locator) -> None:
    lab.new_notebook()
    asked: list[str] = []
    lab.page.on("request", lambda request: asked.append(request.url) if "responsiveness" in request.url else None)
    lab.page.wait_for_timeout(5 * SECOND)  # more than two rounds: their absence is what is looked at
    assert asked == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_in_both_themes_and_on_a_telephone(lab: Lab, pane: Locator, theme: str) -> None:
    lab.theme("dark" if theme == "dark" else "light")
    assert faults(pane) == []
    lab.screenshot(Path("test-results") / f"responsiveness-{theme}.png")
    lab.resize(390)
    lab.run("application:toggle-left-area")
    expect(lab.page.locator("#ihpc-sidebar")).to_be_hidden()
    box = panel(pane, "trips").bounding_box()
    assert box is not None
    assert box["width"] <= 390
    tables = pane.locator(".ihpc-Figures")
    wide = tables.evaluate_all("all => all.filter(node => node.scrollWidth > node.clientWidth + 1).length")
    assert wide == 0, "every figure can be seen without scrolling sidewards"
    expect(row(pane, "trips", "server ↔ agent")).to_contain_text(re.compile(r"ms"))
    lab.screenshot(Path("test-results") / f"responsiveness-{theme}-390.png")
