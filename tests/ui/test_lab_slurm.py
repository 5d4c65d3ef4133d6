"""The side bar in front of a real Slurm: waiting reasons, refusals in Slurm's words, losses."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.lab_slurm import Lab as LabServer
from tests.lab_slurm import workplace
from tests.slurmbed import SlurmBed, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.ui.accessibility import faults
from tests.ui.lab import Lab, browse

OPTIONS = ("--no-browser", "--expose-app-in-browser", *(["--allow-root"] if os.getuid() == 0 else []))
LATE = 4.0
"""Seconds after which a slow server has JupyterLab's translations: its own parts wait for them, ours do not."""


@contextmanager
def window_on(bed: SlurmBed, job: str = "", slots: int = 0) -> Iterator[Lab]:
    """A browser window with a JupyterLab in front of the bed, which takes itself for part of a *job*.

    With *slots* this host is a site, too.
    """
    with server_on(bed, job, slots) as (_, told), browse(f"{told['url']}lab?token={told['token']}") as window:
        yield window


@contextmanager
def server_on(bed: SlurmBed, job: str = "", slots: int = 0) -> Iterator[tuple[LabServer, dict[str, str]]]:
    """That JupyterLab, its url and token."""
    with workplace(bed) as place:
        place.environment |= {"SLURM_JOB_ID": job} if job else {}
        if slots:
            with (place.directory / "site.toml").open("a") as file:
                file.write(f'\n[sites.local]\nslots = {slots}\nspool = "{place.directory}/spool-local"\n')
        settings = place.directory / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        place.environment["JUPYTERLAB_SETTINGS_DIR"] = str(place.directory / "settings")
        # The form remembers the last choice in the workspace: a person's own must not decide the test's.
        place.environment["JUPYTERLAB_WORKSPACES_DIR"] = str(place.directory / "workspaces")
        notebooks = place.directory / "notebooks"
        notebooks.mkdir()
        program = (sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks}", *OPTIONS)
        server = LabServer(place, *program)
        try:
            yield server, server.wait_for_address()
        finally:
            server.stop()


@pytest.fixture
def lab(slurm: SlurmBed) -> Iterator[Lab]:
    """In front of the shared bed."""
    with window_on(slurm) as window:
        yield window


def offered_accounts(lab: Lab) -> list[str]:
    """The accounts in the form, which stays open; none, and closed, before the site has told any."""
    lab.side_bar.get_by_role("button", name="New cluster").click()
    lab.dialog.locator('input[name="name"]').wait_for()
    offered = lab.dialog.locator('select[name="account"] option').all_inner_texts()
    if not offered:
        lab.dismiss()
    return offered


def test_an_account_is_chosen_in_the_form_and_charged(slurm_accounting: SlurmBed) -> None:
    with window_on(slurm_accounting) as lab:
        offered = wait_until(lambda: offered_accounts(lab), "the site has told its accounts", 30)
        chosen = next(name for name in offered if name in {"research", "teaching", "root"})
        lab.dialog.locator('select[name="account"]').select_option(chosen)
        lab.dialog.locator('input[name="name"]').fill("paid")
        lab.dialog.get_by_label("How many").fill("1")
        lab.answer("Create cluster")
        card = lab.card("paid")
        card.wait(working=1)
        expect(card.root).to_contain_text(chosen)
        charged = slurm_accounting.run("squeue", "--noheader", "--format=%a").stdout.split()
        assert set(charged) == {chosen}


def test_the_side_bar_tells_what_slurm_says(lab: Lab, slurm: SlurmBed) -> None:
    card = lab.new_cluster("waves", 4)
    card.wait(working=4)
    slurm.fill("urgent", jobs_per_node=1)
    card.scale(40)
    expect(card.root).to_contain_text("0 to 16")
    lab.page.keyboard.press("Escape")
    card.scale(16)
    rows = card.open_jobs()
    expect(rows.filter(has_text="PENDING").first).to_contain_text("free", timeout=30_000)
    lab.screenshot(Path("test-results") / "slurm-light.png")
    lab.theme("dark")
    lab.screenshot(Path("test-results") / "slurm-dark.png")
    slurm.run("scontrol", "update", "PartitionName=batch", "State=DRAIN")
    try:
        refused = lab.new_cluster("refused", 2, lane="batch")
        alert = refused.root.get_by_label("Problem")
        expect(alert).to_contain_text("Required partition not available", timeout=30_000)
        expect(alert.get_by_role("button", name="Retry")).to_be_visible()
        lab.screenshot(Path("test-results") / "slurm-refused.png")
    finally:
        slurm.run("scontrol", "update", "PartitionName=batch", "State=UP")
    refused.root.get_by_role("button", name="Retry").click()
    expect(refused.root).not_to_contain_text("not available", timeout=20_000)


def test_the_servers_own_job_is_told_with_its_end_and_what_would_start_sooner(
    fresh_slurm: SlurmBed, tmp_path: Path
) -> None:
    own = fresh_slurm.submit("--time=30", "--partition=batch", "--output=/dev/null")
    fresh_slurm.wait_for_job(own, "RUNNING")
    with window_on(fresh_slurm, own, slots=8) as lab:
        line = lab.side_bar.get_by_role("region", name=re.compile("^This server.s job$"))
        expect(line).to_contain_text(f"This server is job {own} at bed, lane batch", timeout=30_000)
        expect(line).to_contain_text(re.compile(r"2\d min left"))
        expect(lab.status_bar).to_contain_text(re.compile(r"HPC up.*this server: 2\d min left"))
        expect(lab.notifications).to_have_count(0)
        fresh_slurm.run("scontrol", "update", f"JobId={own}", "TimeLimit=9")
        expect(lab.notifications).to_contain_text("This Jupyter server ends in", timeout=30_000)
        lab.screenshot(Path("test-results") / "own-job-light.png")
        lab.notifications.get_by_role("button", name="What to do").click()
        expect(lab.dialog).to_contain_text("It takes with it the kernels")
        assert faults(lab.dialog) == []
        lab.answer("Save all now")
        lab.side_bar.get_by_role("button", name=f"Cancel job {own}").click()
        expect(lab.dialog).to_contain_text("This Jupyter server runs in that job")
        lab.answer("Keep")
        hours, minutes, _ = map(int, fresh_slurm.job(own)["RunTime"].split(":"))
        fresh_slurm.run("scontrol", "update", f"JobId={own}", f"TimeLimit={60 * hours + minutes + 2}")
        # The former one leaves while the next comes: for a moment there are two.
        last = lab.notifications.filter(has_text=re.compile(r"ends in (1 min|2 min).*, at \d+:\d\d:\d\d"))
        expect(last).to_have_count(1, timeout=30_000)
        expect(lab.notifications).to_have_count(1)
        lab.theme("dark")
        assert faults(lab.side_bar) == []
        assert faults(lab.page.locator(".ihpc-StatusItem")) == []
        lab.screenshot(Path("test-results") / "own-job-dark.png")
        own_jobs_are_read_unfolded_and_offered(lab, fresh_slurm, tmp_path)


def _answered_late(route: Route) -> None:
    time.sleep(LATE)  # the slow server itself
    route.continue_()


def test_the_warning_of_the_end_waits_until_jupyterlab_shows_it(make_slurm: MakeSlurm) -> None:
    bed = make_slurm(nodes=1)
    own = bed.submit("--time=9", "--partition=batch", "--output=/dev/null")
    bed.wait_for_job(own, "RUNNING")
    with window_on(bed, own) as lab:
        expect(lab.notifications).to_contain_text("This Jupyter server ends in", timeout=30_000)
        lab.page.route("**/lab/api/translations**", _answered_late)
        lab.page.reload()
        lab.ready()
        expect(lab.notifications).to_contain_text("This Jupyter server ends in", timeout=30_000)


def own_jobs_are_read_unfolded_and_offered(lab: Lab, bed: SlurmBed, logs: Path) -> None:
    """An array that does not fit: its jobs, a log that grows, and what would start sooner."""
    options = ("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--time=20", "--partition=batch")
    go = logs / "go"
    script = f"echo first; while [ ! -e {go} ]; do sleep 0.2; done; echo second; exec sleep 600"
    array = bed.submit(*options, "--array=0-7", f"--output={logs}/%A_%a.log", script=script)
    lab.run("ihpc:open-queue")
    pane = lab.page.locator("#ihpc-queue .ihpc-Queue")
    folded = pane.locator("tbody tr").filter(has_text=re.compile(rf"{array}_\[[-,0-9]*7\]")).last
    expect(folded).to_contain_text("PENDING", timeout=30_000)
    expect(lab.status_bar).to_contain_text("jobs waiting")
    folded.get_by_role("button", name="Unfold jobs").press("Enter")
    expect(pane.locator(f'tr.ihpc-mod-inFold[data-ihpc-job="{array}_7"]')).to_contain_text("PENDING")
    assert faults(pane) == []
    lab.screenshot(Path("test-results") / "queue-unfolded.png")
    pane.get_by_role("button", name=f"Log of job {array}_0").first.click()
    log = lab.dialog.locator(".ihpc-Log")
    expect(log).to_have_text("first\n", timeout=10_000)
    go.touch()
    expect(log).to_have_text("first\nsecond\n", timeout=15_000)
    lab.answer("Close")
    folded.get_by_role("button", name="Why?").click()
    what_would_start_sooner_is_told_and_taken(lab, array)


def what_would_start_sooner_is_told_and_taken(lab: Lab, array: str) -> None:
    """From the answer to "why?" of a job of the array."""
    lab.dialog.get_by_role("button", name="Ask the batch system what would start sooner").click()
    offers = lab.dialog.get_by_role("region", name="Offers")
    expect(offers).to_contain_text("half the time", timeout=30_000)
    expect(lab.dialog.locator(":focus")).to_have_count(1)  # the keyboard has not left with the button
    expect(offers.locator("tbody tr").first).to_contain_text("in lane batch")
    expect(offers.locator("tbody tr").last).to_contain_text("in lane batch at local")
    expect(offers.locator("tbody tr").last).to_contain_text("sooner")
    assert faults(lab.dialog) == []
    offers.locator("tbody tr").last.scroll_into_view_if_needed()
    lab.screenshot(Path("test-results") / "offers-dark.png")
    lab.resize(390)
    offers.locator("tbody tr").last.scroll_into_view_if_needed()
    lab.screenshot(Path("test-results") / "offers-390.png")
    lab.resize(1280)
    offers.get_by_role("button", name="New cluster as offered: half the time").click()
    expect(lab.dialog.get_by_label("Minutes a job")).to_have_value("10")
    expect(lab.dialog.locator('input[name="lane"][value="batch"]')).to_be_checked()
    expect(lab.dialog.get_by_role("spinbutton", name="Cores")).to_have_value("4")
    lab.answer("Cancel")
    lab.run("ihpc:why-job", site="bed", job=f"{array}_7")
    lab.dialog.get_by_role("button", name="Ask the batch system what would start sooner").click()
    lab.dialog.get_by_role("button", name="New cluster as offered: site local, lane batch").click()
    expect(lab.dialog.locator('select[name="site"]')).to_have_value("local")
    lab.answer("Cancel")
    lab.new_notebook()
    lab.run("ihpc:open-queue")  # in front of the notebook, which comes forward
    lab.page.locator("#ihpc-queue .ihpc-Queue-filter").focus()
    lab.run("ihpc:why-job", site="bed", job=f"{array}_7")
    lab.dialog.get_by_role("button", name="Ask the batch system what would start sooner").click()
    lab.dialog.get_by_role("button", name="An urgent cell as offered: as asked").click()
    cell = lab.page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content")
    expect(cell).to_contain_text("%%urgent --site bed --lane batch --cores 4 --memory 100MiB --time 1200s")
    lab.page.keyboard.type("print(6 * 7)")  # behind it, as a person types on
    source = "window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    assert lab.page.evaluate(source).splitlines()[1:] == ["print(6 * 7)"]
