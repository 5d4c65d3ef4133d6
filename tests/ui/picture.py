"""The picture of an urgent cell in the documents: ``python -m tests.ui.picture [FILE]``.

A real JupyterLab in front of a real Slurm that is full of somebody's preemptible jobs; the cells are those of
``examples/urgent.ipynb``, with the figure first, so that it can be seen while the cell still computes.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect

from tests.demo_urgent.patient import EXAMPLE, marked_cells
from tests.lab_slurm import REPOSITORY, workplace
from tests.lab_slurm import Lab as LabServer
from tests.slurmbed import BedSettings, SlurmBed
from tests.ui.lab import SECOND, Lab, browse

PICTURE = REPOSITORY / "docs" / "images" / "urgent.png"
OPTIONS = ("--no-browser", "--expose-app-in-browser", *(["--allow-root"] if os.getuid() == 0 else []))
CELL = """\
%%urgent 60s --reason "the pulse seems to have slowed down"
place, size = largest_change(distances)
first, then = 60 / distances[:place].mean(), 60 / distances[place:].mean()

import matplotlib.pyplot as plt
figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
axes.plot(times / 60, 60 / distances, ".", markersize=2, color="silver")
axes.step([0, times[place] / 60, times[-1] / 60], [first, first, then], color="firebrick")
axes.set(xlabel="min", ylabel="beats per minute", title=f"from {first:.0f} to {then:.0f} per minute")
plt.show()

chance, rounds = np.random.default_rng(7), []
while len(rounds) < 100:
    rounds.append((by_chance(distances, 10_000, chance) >= size).mean())
    print(f"{len(rounds) * 10_000:7,} shuffles: {100 * np.mean(rounds):.1f} % are as large by chance")"""
SHOW = "document.querySelectorAll('.jp-Notebook .jp-CodeCell')[2].scrollIntoView({block: 'start'})"


def take(lab: Lab, path: Path) -> None:
    """Run the cells, and take the picture while the urgent one runs."""
    lab.theme("light")
    lab.resize(1360, 800)
    lab.new_notebook()
    lab.widen_side_bar(330)
    for source in marked_cells()[:2]:
        lab.execute(source)
    lab.execute(CELL)
    outputs = lab.page.locator(".jp-Notebook .jp-OutputArea")
    expect(outputs.filter(has_text="60,000 shuffles").last).to_be_visible(timeout=60 * SECOND)
    lab.page.evaluate(SHOW)
    lab.side_bar.locator("[data-ihpc-run] .ihpc-State").first.wait_for()
    lab.screenshot(path)
    lab.side_bar.get_by_role("button", name="Cancel").click()
    lab.answer("Cancel run")


def main(path: Path) -> None:
    """Set the stage, take the picture, clear the stage."""
    with SlurmBed(BedSettings()) as bed, workplace(bed) as place:
        settings = place.directory / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        place.environment["JUPYTERLAB_SETTINGS_DIR"] = str(place.directory / "settings")
        place.environment["JUPYTERLAB_WORKSPACES_DIR"] = str(place.directory / "workspaces")
        notebooks = place.directory / "notebooks"
        shutil.copytree(EXAMPLE.parent / "data", notebooks / "data")
        bed.fill("spot")
        program = (sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks}", *OPTIONS)
        server = LabServer(place, *program)
        try:
            told = server.wait_for_address()
            with browse(f"{told['url']}lab?token={told['token']}") as lab:
                take(lab, path)
        finally:
            server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
