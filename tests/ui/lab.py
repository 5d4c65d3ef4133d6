"""JupyterLab with our extension, as a page object: works with any server that has the API."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from playwright.sync_api import ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.stalls import stalls

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
STATES = ("working", "starting", "pending", "requested", "lost")
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SECOND = 1000.0
"""Playwright counts in milliseconds."""
PATIENCE = 20.0
"""Seconds that something may take of which nobody claims how quick it is."""
expect.set_options(timeout=PATIENCE * SECOND)
SETTLED = """() => new Promise(resolve => {
  let frames = 3;
  const look = () => frames-- ? requestAnimationFrame(look) : resolve();
  look();
})"""
"""JupyterLab lays its parts out anew in the frames after the window has another size."""


class Card:
    """A cluster's card, in the side bar or in a notebook."""

    def __init__(self, root: Locator, name: str) -> None:
        self.name = name
        self.root = root.locator(f'[data-ihpc-cluster="{name}"]')

    @property
    def state(self) -> str:
        """The cluster's state, as the card words it."""
        return self.root.locator(".ihpc-Card-header .ihpc-State").inner_text().strip()

    @property
    def counts(self) -> dict[str, int]:
        """Workers by state, read from the legend."""
        shown = self.root.locator("[data-ihpc-state]").evaluate_all(
            "items => items.map(item => [item.dataset.ihpcState, parseInt(item.textContent)])"
        )
        return dict.fromkeys(STATES, 0) | {state: number for state, number in shown if state in STATES}

    @property
    def summary(self) -> str:
        """The sentence that a screen reader hears for the bar."""
        return self.root.locator(".ihpc-Workers-bar").get_attribute("aria-label") or ""

    def group(self, name: str = "main") -> Locator:
        """The part of the card that belongs to one group."""
        return self.root.get_by_role("region", name=f"Group {name}", exact=True)

    def target(self, group: str = "main") -> int:
        """The number that stands in the stepper (optimistic while asking)."""
        return int(self.group(group).get_by_role("spinbutton").first.input_value())

    def more(self, group: str = "main") -> None:
        """Click +."""
        self.group(group).get_by_role("button", name="More workers").click()

    def fewer(self, group: str = "main") -> None:
        """Click -."""
        self.group(group).get_by_role("button", name="Fewer workers").click()

    def scale(self, target: int, group: str = "main") -> None:
        """Type a number and press Enter."""
        field = self.group(group).get_by_role("spinbutton").first
        field.fill(str(target))
        field.press("Enter")

    def follow_load(self, group: str = "main") -> None:
        """Switch between a fixed number and bounds."""
        self.group(group).get_by_role("switch").click()

    def error(self, group: str = "main") -> Locator:
        """What the server refused, with its hint."""
        return self.group(group).get_by_role("alert")

    def open_jobs(self, group: str = "main") -> Locator:
        """Unfold the list of jobs; its rows: jobs that are alike are one."""
        details = self.group(group).locator(f'details[aria-label="Jobs of group {group}"]')
        if details.get_attribute("open") is None:
            details.locator("summary").first.click()
        return details.locator(".ihpc-Jobs").first.locator("> li")

    def open_fold(self, row: Locator) -> Locator:
        """Unfold a row of jobs that are alike; the rows of the single ones."""
        details = row.locator("details")
        if details.get_attribute("open") is None:
            details.locator("summary").click()
        return details.locator("[data-ihpc-job]")

    def act(self, label: str) -> None:
        """Click one of the card's buttons by the beginning of its accessible name."""
        self.root.get_by_role("button", name=re.compile(f"^{re.escape(label)}")).click()

    def wait(self, seconds: float = 60, **counts: int) -> None:
        """Wait until the legend shows these numbers (``working=4``)."""
        for state, number in counts.items():
            shown = self.root.locator(f'[data-ihpc-state="{state}"]')
            if number:
                expect(shown).to_have_text(f"{number} {state}", timeout=seconds * SECOND)
            else:
                expect(shown).to_have_count(0, timeout=seconds * SECOND)


class RunCard:
    """An urgent run's card in the side bar."""

    def __init__(self, root: Locator, id_: str) -> None:
        self.id = id_
        self.root = root.locator(f'[data-ihpc-run="{id_}"]')

    @property
    def state(self) -> Locator:
        """The word for the run's state."""
        return self.root.locator(".ihpc-Card-header .ihpc-State")

    @property
    def countdown(self) -> Locator:
        """The time to the deadline, in words."""
        return self.root.get_by_role("timer")

    def wait(self, state: str, seconds: float = 40) -> None:
        """Wait until the run is in that state."""
        expect(self.state).to_have_text(state, timeout=seconds * SECOND)

    def stage(self, name: str) -> Locator:
        """One stage of the line, `planned` to `result`."""
        return self.root.locator(f'[data-ihpc-stage="{name}"]')

    def stage_time(self, name: str) -> Locator:
        """The time that was spent in a stage."""
        return self.stage(name).locator(".ihpc-Stages-time")

    def unfold(self) -> None:
        """Open what an ended run folds: stages and attempts."""
        self._open("What happened")

    def open_attempts(self) -> Locator:
        """Unfold the attempts; one item each."""
        self._open("attempt")
        return self.root.locator("[data-ihpc-attempt]")

    def button(self, label: str) -> Locator:
        """One of the card's buttons, by the beginning of its accessible name."""
        return self.root.get_by_role("button", name=re.compile(f"^{re.escape(label)}"))

    def _open(self, words: str) -> None:
        summary = self.root.locator("summary").filter(has_text=words)
        if summary.locator("xpath=..").get_attribute("open") is None:
            summary.click()


_SPLASH = re.compile(
    r"NotFoundError: Failed to execute 'removeChild' on 'Node'[^\n]*\n\s+at \S+/static/lab/jlab_core\.\S+"
)
"""JupyterLab removes its splash screen twice where a theme is chosen while it starts. A timer does that: the trace
has one line, and it is JupyterLab's."""


class Lab:
    """One browser window with JupyterLab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._fail(error.stack or str(error)))

    def open(self) -> Self:
        """Load JupyterLab (a fresh workspace) and wait until it can be used."""
        self.page.goto(self.url)
        return self.ready()

    def ready(self) -> Self:
        """Wait until what is loaded can be used."""
        self.page.wait_for_selector("#jp-main-dock-panel", timeout=60 * SECOND)
        self.page.wait_for_function("window.jupyterapp && window.jupyterapp.restored.then(() => true)")
        return self

    def reload(self) -> Self:
        """Load the page again, as it is."""
        self.page.reload()
        self.page.wait_for_selector("#jp-main-dock-panel", timeout=60 * SECOND)
        return self

    def another(self, url: str) -> "Lab":
        """A second window of the same browser (give it a workspace of its own)."""
        return Lab(self.page.context.new_page(), url).open()

    def run(self, command: str, **args: object) -> None:
        """Start a command, without waiting for its end (dialogs wait for a person)."""
        self.page.evaluate(
            "([id, args]) => { void window.jupyterapp.commands.execute(id, args); }", [command, args]
        )

    @property
    def side_bar(self) -> Locator:
        """The side bar, shown if it was not."""
        view = self.page.locator("#ihpc-sidebar")
        if not view.is_visible():
            self.run("ihpc:focus-sidebar")
            view.wait_for(state="visible")
        return view

    def card(self, name: str) -> Card:
        """The card of a cluster in the side bar."""
        return Card(self.side_bar, name)

    def output_card(self, name: str) -> Card:
        """The card of a cluster in a notebook's output."""
        return Card(self.page.locator(".ihpc-Output").last, name)

    def run_card(self, id_: str) -> RunCard:
        """The card of an urgent run in the side bar."""
        return RunCard(self.side_bar, id_)

    @property
    def status_bar(self) -> Locator:
        """Our item in the status bar."""
        return self.page.locator(".ihpc-StatusItem-button")

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.locator(".jp-Dialog-content").last

    def answer(self, button: str) -> None:
        """Press one of the dialog's buttons."""
        self.dialog.locator(".jp-Dialog-footer").get_by_text(button, exact=True).click()

    @property
    def notifications(self) -> Locator:
        """What JupyterLab tells in the corner."""
        return self.page.locator(".Toastify__toast")

    def dismiss(self) -> None:
        """Press Escape in the dialog; a key pressed before it has the focus would go elsewhere."""
        opened = self.page.locator(".jp-Dialog")
        opened.locator("button").first.wait_for()
        opened.locator(":focus").wait_for()
        self.page.keyboard.press("Escape")
        expect(opened).to_have_count(0)

    def new_cluster(self, name: str, target: int, lane: str | None = None) -> Card:
        """Make a cluster with the form."""
        self.side_bar.get_by_role("button", name="New cluster").click()
        self.dialog.locator('input[name="name"]').fill(name)
        if lane is not None:
            self.dialog.locator(f'input[name="lane"][value="{lane}"]').check()
        self.dialog.get_by_label("How many").fill(str(target))
        self.answer("Create cluster")
        return self.card(name)

    def new_notebook(self) -> None:
        """A notebook in front, its kernel running."""
        self.run("notebook:create-new", kernelName="python3", activate=True)
        idle = self.page.locator('.jp-NotebookPanel-toolbar [data-status="idle"]')
        idle.wait_for(timeout=60 * SECOND)
        # What is run before the session is ready is dropped.
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.ready.then(() => true)")

    def write(self, source: str) -> None:
        """Write *source* into the last cell."""
        notebook = "window.jupyterapp.shell.currentWidget.content"
        self.page.evaluate(f"{notebook}.activeCellIndex = {notebook}.widgets.length - 1")
        cell = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content")
        cell.click()
        self.page.keyboard.insert_text(source)
        expect(cell).to_contain_text(source.splitlines()[-1])

    def execute(self, source: str) -> None:
        """Write *source* into the last cell and run it."""
        self.write(source)
        active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
        before = self.page.evaluate(active)
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(f"before => {active} > before", arg=before)

    def run_urgently(self) -> None:
        """Press the toolbar's button of the notebook in front."""
        self.page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name="Run urgently").click()

    def save(self) -> str:
        """Save the notebook in front (without the question for its name); its path."""
        path = "window.jupyterapp.shell.currentWidget.context"
        return str(self.page.evaluate(f"{path}.save().then(() => {path}.path)"))

    def open_notebook(self, path: str) -> None:
        """Open a saved notebook."""
        self.run("docmanager:open", path=path)
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")

    def theme(self, theme: Literal["light", "dark"]) -> None:
        """Change to the light or the dark theme."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
        )
        is_light = "true" if theme == "light" else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{is_light}"]', state="attached")
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window another size (390 is a telephone's)."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.evaluate(SETTLED)

    def milliseconds(self, script: str, argument: object = None) -> float:
        """What a script of the page measures, pauses of the whole machine left out."""
        before = stalls().seconds
        took = float(self.page.evaluate(script, argument))
        return took - SECOND * (stalls().seconds - before)

    def widen_side_bar(self, width: int) -> None:
        """Drag the side bar's edge."""
        handle = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle").first
        box = handle.bounding_box()
        start = self.side_bar.bounding_box()
        if box is None or start is None:
            raise AssertionError("the side bar has no edge to drag")
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + 1, y)
        self.page.mouse.down()
        self.page.mouse.move(start["x"] + width, y, steps=4)
        self.page.mouse.up()

    def screenshot(self, path: Path) -> None:
        """A picture of the window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def _fail(self, trace: str) -> None:
        if not _SPLASH.fullmatch(trace):
            self.errors.append(trace)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@contextmanager
def browse(url: str, width: int = 1280, height: int = 900) -> Iterator[Lab]:
    """A browser with JupyterLab at *url* (token included; its server has ``--expose-app-in-browser``)."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            context = browser.new_context(viewport={"width": width, "height": height})
            yield Lab(context.new_page(), url).open()
        finally:
            browser.close()
