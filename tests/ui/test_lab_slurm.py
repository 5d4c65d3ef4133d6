"""The side bar in front of a real Slurm: waiting reasons, refusals in Slurm's words, losses."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.lab_slurm import Lab as LabServer
from tests.lab_slurm import workplace
from tests.slurmbed import SlurmBed, wait_until
from tests.ui.lab import Lab, browse

OPTIONS = ("--no-browser", "--expose-app-in-browser", *(["--allow-root"] if os.getuid() == 0 else []))


@contextmanager
def window_on(bed: SlurmBed) -> Iterator[Lab]:
    """A browser window with a JupyterLab in front of the bed."""
    with workplace(bed) as place:
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
            told = server.wait_for_address()
            with browse(f"{told['url']}lab?token={told['token']}") as window:
                yield window
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
