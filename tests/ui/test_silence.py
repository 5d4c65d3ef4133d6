"""A Slurm that falls silent under an open JupyterLab: each view keeps its last word, with its age."""

import re

from playwright.sync_api import expect

from tests.slurmbed import SlurmBed
from tests.ui.accessibility import faults
from tests.ui.lab import SECOND
from tests.ui.test_lab_slurm import window_on

JOB = ("--ntasks=1", "--cpus-per-task=4", "--mem=100M", "--time=30", "--output=/dev/null", "--partition=batch")
HEARD = "when last heard, "


def test_the_last_word_stands_still_in_every_view(fresh_slurm: SlurmBed) -> None:
    bed = fresh_slurm
    for _ in bed.nodes:
        bed.wait_for_job(bed.submit(*JOB), "RUNNING")
    waits = bed.submit(*JOB)
    try:
        with window_on(bed) as lab:
            card = lab.new_cluster("quakes", 2)
            card.wait(pending=2)
            lab.run("ihpc:open-queue")
            pane = lab.page.locator("#ihpc-queue .ihpc-Queue")
            row = pane.locator(f'tr[data-ihpc-job="{waits}"]')
            side = lab.side_bar.locator(f'li[data-ihpc-job="{waits}"]')
            time = row.locator(".ihpc-Queue-time")
            expect(time).to_contain_text("waits ")
            card.open_jobs()
            bed.freeze_controller()
            expect(row).to_contain_text(f"PENDING{HEARD}", timeout=60 * SECOND)
            expect(side).to_contain_text(f"PENDING{HEARD}")
            jobs = card.group().locator(".ihpc-Job").first
            expect(jobs).to_contain_text(re.compile(f"PENDING *{HEARD}"))
            expect(lab.side_bar).not_to_contain_text("UNKNOWN")
            expect(lab.status_bar).to_contain_text("waiting when last heard")
            told = time.inner_text()
            assert re.match(r"waited \d+ (s|min)\s+at ", told)
            age = row.locator(".ihpc-LastHeard time")
            before = age.inner_text()
            expect(age).not_to_have_text(before)
            assert time.inner_text() == told, "the age goes on, the wait does not"
            row.get_by_role("button", name="Why? Explain job").press("Enter")
            expect(lab.dialog).to_contain_text("does not answer")
            expect(lab.dialog).to_contain_text("When last heard (")
            expect(lab.dialog).to_contain_text("not read: the batch system does not answer")
            lab.dialog.get_by_role("button", name="Ask the batch system what would start sooner").press("Enter")
            expect(lab.dialog.get_by_role("alert")).to_contain_text("ask again once it answers")
            assert faults(lab.dialog) == []
            lab.dismiss()
            assert faults(pane) == faults(lab.side_bar) == []
            bed.thaw_controller()
            expect(row).not_to_contain_text(HEARD, timeout=60 * SECOND)
            expect(time).to_contain_text("waits ")
            row.get_by_role("button", name="Why? Explain job").press("Enter")
            expect(lab.dialog.get_by_role("region", name="What this rests on")).to_contain_text("free cores")
            expect(lab.dialog).not_to_contain_text("does not answer")
            lab.dismiss()
    finally:
        bed.heal()
        bed.cancel_all()


def test_the_charts_say_that_nobody_tells_them_more(fresh_slurm: SlurmBed) -> None:
    bed = fresh_slurm
    for _ in bed.nodes:
        bed.wait_for_job(bed.submit(*JOB), "RUNNING")
    try:
        with window_on(bed) as lab:
            lab.new_cluster("quakes", 2).wait(pending=2)
            lab.run("ihpc:open-responsiveness")
            waits = lab.page.locator("#ihpc-responsiveness")
            expect(waits).to_contain_text("still waiting")
            lab.run("ihpc:open-cluster", name="quakes")
            past = lab.page.locator("#ihpc-cluster-quakes")
            expect(past).to_contain_text("2 pending")
            bed.freeze_controller()
            expect(past).to_contain_text(f"What waits or starts did so {HEARD}", timeout=60 * SECOND)
            assert faults(past) == []
            lab.run("ihpc:open-responsiveness")
            expect(waits).to_contain_text(f"Site bed does not answer: what it tells stands as it did {HEARD}")
            assert faults(waits) == []
            bed.thaw_controller()
            expect(waits).not_to_contain_text(HEARD, timeout=60 * SECOND)
            lab.run("ihpc:open-cluster", name="quakes")
            expect(past).not_to_contain_text(HEARD)
    finally:
        bed.heal()
        bed.cancel_all()


def test_each_part_of_the_side_bar_shows_the_command_that_says_the_same(fresh_slurm: SlurmBed) -> None:
    with window_on(fresh_slurm) as lab:
        lab.new_cluster("quakes", 0)
        for name, command in (
            ("sites", "ihpc sites"),
            ("clusters", "ihpc list\nihpc show quakes"),
            ("urgent runs", "ihpc runs"),
            ("my jobs", "squeue --me --all --states=all --long"),
        ):
            part = lab.side_bar.get_by_label(f"The command that says the same: {name}", exact=True)
            part.locator("summary").press("Enter")
            expect(part.locator("pre")).to_have_text(command)
        assert faults(lab.side_bar) == []
