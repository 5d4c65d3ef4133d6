"""The examples and their demonstrations: run for real, on the embedded site and on a real Slurm."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.demo_urgent.summary import ANSWER
from tests.lab_slurm import REPOSITORY, Workplace, workplace
from tests.leftovers import processes_naming
from tests.notebook import Notebook
from tests.slurmbed import SlurmBed, explain_missing, wait_until

DEMO = REPOSITORY / "examples" / "demo.py"


@pytest.fixture
def local_place() -> Iterator[Workplace]:
    with workplace() as place:
        yield place


@pytest.fixture
def slurm_place(slurm: SlurmBed) -> Iterator[Workplace]:
    with workplace(slurm) as place:
        yield place


def demo(place: Workplace, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(DEMO), *options]
    return subprocess.run(
        argv, env=place.environment, cwd=place.directory, capture_output=True, text=True, timeout=170, check=False
    )


def check_results(printed: str) -> None:
    """The results of the recording do not depend on where they were computed."""
    assert "550 of 550 results" in printed
    assert "usual filter, 0.7 to 3.5 Hz: 95 % of the beats are plausible" in printed
    assert "heart rate: 98 per minute; with other filters 98 to 98" in printed
    assert "RMSSD: 24 ms; with other filters 24 to 36" in printed
    told = re.search(r"p50 (\d+) ms, p95 (\d+) ms, n = 20", printed)
    assert told
    assert 0 < int(told[1]) <= int(told[2]) < 15_000
    dropped = re.search(r"stale tasks dropped: (\d+); settings never pictured: (\d+)", printed)
    assert dropped
    assert int(dropped[1]) > 0
    assert int(dropped[2]) > 0
    assert re.search(r"stopping.*\n(.*\n)*.*cluster  gone", printed)


def cells_of(name: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads((REPOSITORY / "examples" / name).read_text())["cells"]
    return cells


def code_of(name: str) -> list[dict[str, Any]]:
    return [cell for cell in cells_of(name) if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", ["quickstart.ipynb", "urgent.ipynb"])
def test_the_notebooks_are_kept_without_outputs(name: str) -> None:
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code_of(name))


def test_the_quick_start_is_python_only_and_stops_its_cluster() -> None:
    cells, code = cells_of("quickstart.ipynb"), code_of("quickstart.ipynb")
    assert not any(line.startswith(("!", "%")) for cell in code for line in cell["source"])
    assert cells[-2]["source"][0].startswith("## Stop the cluster")


def test_the_demo_on_this_host(local_place: Workplace) -> None:
    done = demo(local_place)
    assert done.returncode == 0, done.stdout + done.stderr
    check_results(done.stdout)
    assert re.search(r"running  target 6 .* working 4 ", done.stdout)  # an embedded site has at least four slots


def test_the_demo_on_slurm(slurm_place: Workplace, slurm: SlurmBed) -> None:
    done = demo(slurm_place)
    assert done.returncode == 0, done.stdout + done.stderr
    check_results(done.stdout)
    assert re.search(r"running  target 6 .* working 6 ", done.stdout)
    assert "workers: at most 6, at the end 1" in done.stdout
    # What is cancelled is still listed until its nodes have ended it.
    wait_until(lambda: not slurm.run("squeue", "--noheader").stdout.strip(), "no job is left")


def test_a_demo_that_fails_says_so_and_leaves_no_cluster(local_place: Workplace, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(REPOSITORY / "examples" / "data")
    text = (REPOSITORY / "examples" / "quickstart.ipynb").read_text()
    broken = tmp_path / "broken.ipynb"
    broken.write_text(text.replace("client = cluster.client()", "raise RuntimeError('on purpose')", 1))
    done = demo(local_place, "--notebook", str(broken))
    assert done.returncode == 1
    assert "on purpose" in done.stdout
    assert "cluster  gone" in done.stdout


def test_a_cluster_can_be_made_again_while_the_earlier_one_is_stopping(local_place: Workplace) -> None:
    program = """
from ihpc_jupyter import Cluster
first = Cluster("again", workers=1)
first.wait_for_workers(1, 60).stop()
second = Cluster("again", workers=1)
print(second.wait_for_workers(1, 60).view.state)
second.stop()
"""
    argv = [sys.executable, "-c", program]
    done = subprocess.run(
        argv, env=local_place.environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.stdout.strip() == "running", done.stderr


def test_lab_slurm_opens_a_lab_before_slurm_and_leaves_nothing(tmp_path: Path) -> None:
    if missing := explain_missing(accounting=False):
        pytest.skip(missing)
    argv = [sys.executable, "-m", "tests.lab_slurm", "--nodes", "2", "--no-browser"]
    argv += ["--allow-root"] if os.geteuid() == 0 else []
    said = tmp_path / "said"
    with said.open("w") as out:
        process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: "JupyterLab: http" in said.read_text(), "the address is printed", 90)
        address = re.search(r"JupyterLab: (\S+?)lab/tree/quickstart.ipynb\?token=(\w+)", said.read_text())
        assert address
        headers = {"Authorization": f"token {address[2]}"}
        with httpx.Client(base_url=address[1], headers=headers, timeout=30) as server:
            (status,) = server.get("ihpc/api/snapshot").json()["sites"]
            assert status["site"]["kind"] == "slurm"
            assert set(status["site"]["lanes"]) == {"interactive", "urgent", "batch", "spot"}
            body = {"name": "left", "groups": {"main": {"target": 2}}}
            assert server.post("ihpc/api/clusters", json=body).status_code == 201
            wait_until(lambda: working(server, "left") == 2, "both workers work", 60)
        place = Path(status["site"]["spool"]).parent
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)
    assert process.returncode == 0, said.read_text()
    assert not place.exists()
    wait_until(lambda: not processes_naming(str(place)), "all of its processes have ended", 15)


@pytest.mark.parametrize("where", ["local_place", "slurm_place"])
def test_the_urgent_notebook_from_top_to_bottom(where: str, request: pytest.FixtureRequest) -> None:
    place: Workplace = request.getfixturevalue(where)
    shown = []
    with closing(Notebook(place.environment, REPOSITORY / "examples")) as kernel:
        for cell in code_of("urgent.ipynb"):
            shown.append(kernel.cell("".join(cell["source"])))
            assert shown[-1].error is None, shown[-1].traceback
    printed = "".join(one.stdout for one in shown)
    assert "100,000 shuffles: 2.8 % are as large by chance\n" in printed
    assert f"1 in the diary: {ANSWER}\n" in printed
    assert "2 in the diary: with single beats, 0.0 % are as large by chance\n" in printed
    assert "blocks of 30 beats: 9.1 % by chance\n" in printed
    assert "Back: blocks, shares.\n" in printed
    assert ": succeeded\n" in printed
    assert sum("image/png" in display for one in shown for display in one.displays) == 1
    (plan,) = next(one for one in shown if one.displays).lines
    assert "disturbs nobody" in plan
    (listed,), (ledger,) = shown[-2].lines, shown[-1].lines
    assert len(listed.splitlines()) == len(ledger.splitlines()) == 4  # three runs and a heading
    assert "a second opinion" in ledger


def test_the_demonstration_of_urgent_runs_keeps_what_it_promises(tmp_path: Path) -> None:
    if missing := explain_missing(accounting=False):
        pytest.skip(missing)
    argv = [sys.executable, "-m", "tests.demo_urgent", str(tmp_path)]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    claims = re.findall(r"^([✓✗]) (\S.{11}) (.*)$", done.stdout, re.MULTILINE)
    assert [claim[0] for claim in claims] == ["✓"] * 11
    told = {name.strip(): text for _, name, text in claims}
    assert told["answer"] == ANSWER
    assert told["B's result"] == "5,761,455 primes"
    assert told["B's tasks"].endswith("0 finished")
    assert re.fullmatch(r"1 lost on (\w+), 2 won on (?!\1)\w+", told["attempts"])
    assert "kill -9 of node" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"answer.png", "utilisation.png"}
    took = re.search(r"(\d+) s in all\.\n$", done.stdout)
    assert took
    assert int(took[1]) <= 90


def test_a_demonstration_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    if missing := explain_missing(accounting=False):
        pytest.skip(missing)
    argv = [sys.executable, "-m", "tests.demo_urgent", str(tmp_path)]
    said = tmp_path / "said"
    with said.open("w") as out:
        process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=out, stderr=out)
    try:
        wait_until(lambda: "the machine is full" in said.read_text(), "the machine is full", 60)
        places = re.findall(r"in (/tmp/[^\s:)]+)", said.read_text())
        assert all(processes_naming(place) for place in places)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode == 1
    assert "stopped; nothing is left" in said.read_text()
    assert len(places) == 3
    assert not any(Path(place).exists() for place in places)
    wait_until(lambda: not any(map(processes_naming, places)), "all of its processes have ended", 15)


def working(server: httpx.Client, name: str) -> int:
    group = server.get(f"ihpc/api/clusters/{name}").json()["groups"]["main"]
    return int(group["counts"]["working"])
