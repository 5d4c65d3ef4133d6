"""The quick start and the demo: run for real, on the embedded site and on a real Slurm."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_slurm import REPOSITORY, Workplace, workplace
from tests.slurmbed import SlurmBed
from tests.slurmbed.fixtures import slurm, slurm_session

__all__ = ["slurm", "slurm_session"]

DEMO = REPOSITORY / "examples" / "demo.py"


@pytest.fixture
def local_place() -> Iterator[Workplace]:
    with workplace() as place:
        (place.directory / "site.toml").write_text("[agent]\ndiscover = false\n")
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
    assert not slurm.run("squeue", "--noheader").stdout.strip()


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
