"""What a person sees and does, in a real browser against the real server."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.ui.accessibility import faults
from tests.ui.conftest import Server
from tests.ui.lab import Lab

# A click's effect, from the page's own clock: the number in the stepper after + was clicked.
CLICK = """([name, label]) => new Promise(resolve => {
  const card = document.querySelector(`#ihpc-sidebar [data-ihpc-cluster="${name}"]`);
  const field = card.querySelector('input[role=spinbutton]');
  const before = field.value, began = performance.now();
  const look = () => field.value !== before ? resolve(performance.now() - began) : requestAnimationFrame(look);
  card.querySelector(`button[aria-label^="${label}"]`).click();
  look();
})"""


def test_an_empty_side_bar_says_what_to_do_next(lab: Lab) -> None:
    expect(lab.side_bar.get_by_text("No clusters yet.")).to_be_visible()
    expect(lab.side_bar.get_by_role("button", name="New cluster")).to_be_visible()
    expect(lab.status_bar).to_contain_text(re.compile("HPC up · 0 workers· asked (just now|.* ago)"))
    site = lab.side_bar.get_by_role("group", name="Site local, up")
    expect(site).to_contain_text(re.compile(r"asked (just now|.* ago) · [1-9]\d* request"))


@pytest.mark.alone
def test_a_cluster_grows_and_shrinks_by_clicks(lab: Lab) -> None:
    card = lab.new_cluster("demo", 1)
    card.wait(working=1)
    took = lab.milliseconds(CLICK, ["demo", "More"])
    assert took < 100, f"the reaction to a click took {took:.0f} ms"
    assert card.target() == 2
    card.wait(working=2)
    card.scale(8)
    card.wait(working=4, pending=4)
    rows = card.open_jobs()
    expect(rows).to_have_count(6)
    expect(rows.filter(has_text="PENDING").first).to_contain_text("Waiting")
    alike = rows.filter(has_text="3 PENDING")
    expect(alike).to_contain_text("ahead in the queue")
    singles = card.open_fold(alike)
    expect(singles).to_have_count(3)
    expect(singles.get_by_role("button", name="Log of job")).to_have_count(0)
    expect(rows.filter(has_text="RUNNING").get_by_role("button", name="Log of job")).to_have_count(4)
    card.scale(1)
    card.wait(working=1, pending=0)


def test_what_the_lane_forbids_is_said_and_nothing_changes(lab: Lab, server: Server) -> None:
    card = lab.new_cluster("demo", 0)
    expect(card.root).to_contain_text("running", timeout=30_000)
    card.scale(65)
    expect(card.root).to_contain_text("0 to 64")
    with server.agent() as http:
        assert http.get("/api/clusters/demo").json()["groups"]["main"]["target"] == 0


@pytest.mark.alone
def test_a_change_made_elsewhere_is_shown_within_a_quarter_of_a_second(lab: Lab, server: Server) -> None:
    card = lab.new_cluster("demo", 0)
    expect(card.root).to_contain_text("running", timeout=30_000)
    patch = {"groups": {"main": {"target": 3}}}
    with server.agent() as http:
        took = []
        for target in (3, 1, 2, 0, 4):
            patch["groups"]["main"]["target"] = target
            http.patch("/api/clusters/demo", json=patch)
            began = time.perf_counter()
            lab.page.wait_for_function(
                "value => document.querySelector('#ihpc-sidebar input[role=spinbutton]').value === value",
                arg=str(target),
            )
            took.append(time.perf_counter() - began)
    assert sorted(took)[2] < 0.25, took


def test_the_notebook_computes_on_the_workers_and_its_card_survives_the_kernel(lab: Lab, server: Server) -> None:
    side = lab.new_cluster("demo", 2)
    side.wait(working=2)
    lab.new_notebook()
    lab.run("ihpc:insert-client-code", name="demo")
    cell = lab.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content")
    expect(cell).to_contain_text('Cluster("demo")')
    lab.run("notebook:run-cell-and-select-next")
    lab.execute("sum(client.gather(client.map(lambda x: x * x, range(10))))")
    expect(lab.page.locator(".jp-OutputArea-output").get_by_text("285")).to_be_visible(timeout=30_000)
    lab.execute("cluster")
    card = lab.output_card("demo")
    card.wait(working=2)
    lab.run("kernelmenu:shutdown")
    side.scale(3)
    card.wait(working=3)


def test_the_widget_scales_and_can_be_observed(lab: Lab) -> None:
    lab.new_notebook()
    source = (
        'from ihpc_jupyter import Cluster\ncluster = Cluster("demo", workers=1)\nwidget = cluster.widget()\nwidget'
    )
    lab.execute(source)
    widget = lab.page.locator(".ihpc-widget")
    expect(widget).to_contain_text("1 working", timeout=40_000)
    widget.get_by_role("button", name="One worker more").click()
    expect(widget).to_contain_text("2 working", timeout=30_000)
    lab.execute("(widget.working, widget.target, widget.state)")
    expect(lab.page.get_by_text("(2, 2, 'running')")).to_be_visible()


def test_the_dashboard_opens_inside_the_lab(lab: Lab) -> None:
    lab.new_cluster("demo", 1).wait(working=1)
    lab.run("ihpc:open-dashboard", name="demo")
    frame = lab.page.frame_locator("iframe[src*='ihpc/dashboard/demo']")
    expect(frame.locator("canvas").first).to_be_visible(timeout=30_000)


def test_script_log_and_report_can_be_read(lab: Lab) -> None:
    card = lab.new_cluster("demo", 1)
    card.wait(working=1)
    lab.run("ihpc:show-script", name="demo")
    expect(lab.dialog).to_contain_text("ihpc_jupyter.head.launcher")
    assert faults(lab.dialog) == []
    lab.page.context.grant_permissions(["clipboard-read"])
    lab.answer("Copy")
    expect(lab.dialog.get_by_role("status")).to_have_text("Copied")
    assert "ihpc_jupyter.head.launcher" in lab.page.evaluate("navigator.clipboard.readText()")
    expect(lab.dialog.get_by_role("status")).to_have_text("", timeout=5_000)
    lab.page.keyboard.press("Enter")
    expect(lab.dialog.get_by_role("status")).to_have_text("Copied")
    lab.answer("Close")
    expect(lab.dialog).to_have_count(0)
    job = card.open_jobs().first.get_attribute("data-ihpc-job")
    lab.run("ihpc:show-log", name="demo", job=job)
    expect(lab.dialog).to_contain_text(f"Log of job {job}")
    assert faults(lab.dialog) == []
    lab.answer("Close")
    lab.run("ihpc:check-site", name="local")
    expect(lab.dialog).to_contain_text("workers reach the head", timeout=40_000)
    lab.theme("dark")
    assert faults(lab.dialog) == []
    lab.answer("Close")


def test_waits_of_the_queue_are_told_once_known(lab: Lab) -> None:
    lab.side_bar.get_by_role("button", name="New cluster").click()
    lanes = lab.dialog.locator(".ihpc-Lane")
    expect(lanes.first).to_contain_text("Queue:")
    lab.answer("Cancel")
    lab.new_cluster("demo", 2).wait(working=2)
    expect(lab.side_bar.get_by_role("group", name="Site local")).to_contain_text("waits: interactive")
    lab.side_bar.get_by_role("button", name="New cluster").click()
    expect(lanes.filter(has_text="interactive")).to_contain_text("Queue: lately")
    lab.answer("Cancel")


def test_everything_is_in_the_palette(lab: Lab) -> None:
    labels = lab.page.evaluate(
        "() => window.jupyterapp.commands.listCommands().filter(id => id.startsWith('ihpc:'))"
    )
    wanted = {"new-cluster", "scale-cluster", "adapt-cluster", "stop-cluster", "retry-cluster", "open-dashboard"}
    wanted |= {"insert-client-code", "show-script", "show-log", "check-site", "focus-sidebar"}
    wanted |= {"open-cluster", "follow-job-log", "explain-end", "toggle-notifications", "open-queue", "why-job"}
    wanted |= {"run-urgently", "cancel-run", "forget-run", "show-run-plan", "attach-run"}
    assert {f"ihpc:{name}" for name in wanted} <= set(labels)


def test_by_keyboard_alone(lab: Lab) -> None:
    button = lab.side_bar.get_by_role("button", name="New cluster")
    button.focus()
    lab.page.keyboard.press("Enter")
    expect(lab.dialog.locator('input[name="name"]')).to_be_focused()
    lab.dialog.get_by_role("button", name="Create cluster").focus()
    for _ in range(2):  # round the dialog: what it holds, the first of it
        lab.page.keyboard.press("Tab")
    expect(lab.dialog.locator('input[name="name"]')).to_be_focused()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type("keys")
    lab.page.keyboard.press("Enter")
    card = lab.card("keys")
    expect(card.root).to_be_visible()
    expect(card.root).to_contain_text("running", timeout=30_000)
    more = card.group().get_by_role("button", name="More workers")
    before = card.target()
    more.focus()
    lab.page.keyboard.press("Enter")
    assert card.target() == before + 1


def test_the_dialog_leaves_the_focus_to_who_is_in_the_form_already(lab: Lab) -> None:
    """JupyterLab's dialog takes it for the first field once the page has nothing else to do."""
    lab.side_bar.get_by_role("button", name="New cluster").wait_for()
    lab.page.evaluate("() => { window.idle = []; window.requestIdleCallback = call => window.idle.push(call); }")
    lab.side_bar.get_by_role("button", name="New cluster").click()
    many = lab.dialog.get_by_label("How many")
    many.focus()
    lab.page.evaluate("window.idle.splice(0).forEach(call => call())")
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.type("3")
    expect(many).to_be_focused()
    expect(many).to_have_value("3")
    expect(lab.dialog.locator('input[name="name"]')).to_have_value("cluster")
    lab.dismiss()


def test_the_focus_comes_back_to_where_the_person_was_in_the_form(lab: Lab) -> None:
    """What opens behind a dialog may take the focus; JupyterLab's dialog takes it back, to its first field."""
    lab.side_bar.get_by_role("button", name="New cluster").click()
    expect(lab.dialog.locator('input[name="name"]')).to_be_focused()
    many = lab.dialog.get_by_label("How many")
    many.focus()
    lab.page.keyboard.press("Control+a")
    lab.page.evaluate("document.querySelector('#ihpc-sidebar button').focus()")
    lab.page.keyboard.type("3")
    expect(many).to_be_focused()
    expect(lab.dialog.locator('input[name="name"]')).to_have_value("cluster")
    assert many.input_value().endswith("3")
    lab.dismiss()


def test_tab_reaches_every_action_and_the_palette_has_them_all(lab: Lab) -> None:
    card = lab.new_cluster("keys", 1)
    card.wait(working=1)
    lab.side_bar.get_by_role("button", name="New cluster").focus()
    reached = tabbed(lab)
    shown = {str(name) for name in lab.page.evaluate(NAMES, "#ihpc-sidebar button, #ihpc-sidebar summary")}
    assert shown - reached == {"Check site local", "Show the command for sites", "New cluster"}, (
        "all below where the focus was"
    )
    assert any(name.startswith("Stop") for name in reached)
    lab.page.keyboard.press("Control+Shift+c")
    lab.page.locator(".lm-CommandPalette-input:focus").wait_for()
    lab.page.keyboard.type("stop cluster")
    lab.page.locator(".lm-CommandPalette-item.lm-mod-active", has_text="Stop Cluster").wait_for()
    lab.page.keyboard.press("Enter")
    expect(lab.dialog).to_contain_text("keys")
    lab.dialog.locator(":focus").wait_for()
    lab.page.keyboard.press("Tab")
    lab.dialog.locator(".jp-mod-accept").focus()
    lab.page.keyboard.press("Enter")
    expect(card.root).to_have_count(0, timeout=20_000)


NAMES = """selector => [...document.querySelectorAll(selector)]
    .filter(one => one.offsetParent !== null && !one.disabled && one.tabIndex >= 0)
    .map(one => one.getAttribute('aria-label') || one.textContent.trim())"""


def tabbed(lab: Lab) -> set[str]:
    """The names of all that Tab reaches in the side bar, from where the focus is."""
    reached = set()
    for _ in range(60):
        lab.page.keyboard.press("Tab")
        inside = lab.page.evaluate("() => document.activeElement.closest('#ihpc-sidebar') !== null")
        if not inside:
            break
        reached |= {str(name) for name in lab.page.evaluate(
            "() => [document.activeElement].map(one => one.getAttribute('aria-label') || one.textContent.trim())"
        )}  # fmt: skip
    return reached


def test_stop_asks_first_and_the_card_goes(lab: Lab) -> None:
    card = lab.new_cluster("demo", 2)
    card.wait(working=2)
    card.act("Stop")
    expect(lab.dialog).to_contain_text("2")
    lab.dismiss()
    expect(card.root).to_be_visible()
    card.act("Stop")
    lab.dialog.locator(".jp-mod-accept").click()
    expect(card.root).to_have_count(0, timeout=20_000)


def test_the_cluster_outlives_the_jupyter_server(lab: Lab, server: Server) -> None:
    card = lab.new_cluster("demo", 2)
    card.wait(working=2)
    server.process.kill()
    server.process.wait()
    server.start()
    lab.open()
    lab.card("demo").wait(working=2)
    lab.errors.clear()  # the page had lost its server meanwhile, and said so


def test_light_dark_and_narrow(lab: Lab, server: Server) -> None:
    card = lab.new_cluster("demo", 1)
    card.wait(working=1)
    card.root.get_by_role("button", name="Open demo over time").click()
    past = lab.page.locator("#ihpc-cluster-demo")
    workers = past.locator('[data-ihpc-panel="workers"]')
    expect(workers.locator('[data-ihpc-line="working"]').get_by_role("cell").first).to_have_text("1")
    for theme in ("light", "dark"):
        lab.theme(theme)
        accessible(lab, theme)
        for width in (1280, 390):
            lab.resize(width)
            expect(card.root).to_be_visible()
            box = card.root.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
            overflow = card.root.evaluate("card => card.scrollWidth - card.clientWidth")
            assert overflow <= 1, (theme, width)
    lab.resize(1280)


MORE = """(values, texts) => texts.forEach(text => {
  values.append(Object.assign(document.createElement('span'), {textContent: text}));
})"""


def test_the_chart_button_stays_beside_the_first_line_however_narrow(lab: Lab) -> None:
    card = lab.new_cluster("demo", 1)
    card.wait(working=1)
    load = card.root.locator(".ihpc-Load")
    expect(load.locator("span", has_text=" of ")).to_be_visible()  # memory
    # As with clients and work: more values than fit beside it.
    load.locator("div").evaluate(MORE, ["3 clients", "12.25 core-h"])
    for width in (250, 290, 330, 370, 420):
        lab.widen_side_bar(width)
        button, first = (load.locator(what).first.bounding_box() for what in ("button", "span"))
        assert button is not None
        assert first is not None
        assert button["y"] <= first["y"] + first["height"] / 2 <= button["y"] + button["height"], width
        assert button["x"] >= first["x"] + first["width"], width


def accessible(lab: Lab, theme: str) -> None:
    """Side bar, pane and dialogs have no serious fault; their pictures are kept."""
    past = lab.page.locator("#ihpc-cluster-demo")
    assert faults(lab.side_bar) == []
    assert faults(past) == []
    lab.screenshot(Path("test-results") / f"cluster-{theme}-1280.png")
    lab.run("application:toggle-left-area")
    lab.resize(390)
    expect(lab.page.locator("#ihpc-sidebar")).to_be_hidden()
    for section in past.locator("section").all():
        box = section.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
    lab.screenshot(Path("test-results") / f"cluster-{theme}-390.png")
    lab.run("application:toggle-left-area")
    lab.resize(1280)
    lab.side_bar.get_by_role("button", name="New cluster").click()
    assert faults(lab.dialog) == []
    lab.screenshot(Path("test-results") / f"form-{theme}.png")
    lab.dismiss()
    lab.run("ihpc:stop-cluster", name="demo")
    expect(lab.dialog).to_contain_text("Stop cluster demo?")
    assert faults(lab.dialog) == []
    lab.dismiss()
