"""Batch scripts: what they ask for, and that hostile values stay values."""

import subprocess
import sys
from pathlib import Path

import pytest

from ihpc_jupyter.head.scripts import head_script, worker_script
from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.head import GroupOrder, HeadOrder
from ihpc_jupyter.model.site import Lane, Shape, Site, SiteKind
from ihpc_jupyter.model.spool import Spool

HOSTILE = [
    "plain",
    "with space",
    "it's",
    'a "quote"',
    "$(touch owned)",
    "`touch owned`",
    "semi;touch owned",
    "ünï",
]


def order(python: str = sys.executable, kind: str = "slurm", **lane: object) -> HeadOrder:
    group = GroupOrder(
        lane="interactive", shape=Shape(cores=4, memory=8 << 30, processes=2, gpus=1), time_limit=5400
    )
    site = Site(
        name="hpc",
        kind=SiteKind(kind),
        lanes={"interactive": Lane.model_validate({"partition": "fast", **lane})},
        shapes={"small": Shape()},
        python="/site/python",
        prologue=("export FROM_SITE=1",),
    )
    environment = Environment(python=python, directory="/tmp")
    return HeadOrder(
        uid="0123456789", name="demo", site=site, account="project-7", environment=environment, idle_timeout=60,
        groups={"main": group},
    )  # fmt: skip


def rendered(given: HeadOrder, spool: Path = Path("/spool/x")) -> str:
    return worker_script(Spool(spool), given, "main", given.groups["main"])


def test_the_directives_are_what_lane_and_shape_say() -> None:
    text = rendered(order(qos="high", reservation="beam", preemptible=True, grace=30))
    directives = {line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")}
    assert {"-p fast", "-A project-7", "-n 1", "--cpus-per-task=4", "--mem=8G", "-t 1:30:00"} <= directives
    assert {"--qos=high", "--reservation=beam", "--gres=gpu:1", "--requeue", "--signal=B:USR1@10"} <= directives
    assert "--nthreads 2 --memory-limit 4.00GiB" in text
    assert "--processes 2" in text
    assert "IHPC_GRACE=30 IHPC_TIME_LIMIT=5400" in text


def test_the_head_asks_for_its_own_shape() -> None:
    text = head_script(Spool(Path("/spool/x")), order())
    assert "--cpus-per-task=1" in text
    assert "ihpc_jupyter.head.main /spool/x" in text


@pytest.mark.parametrize("kind", ["slurm", "local"])
def test_a_closed_gate_ends_the_job_before_anything_else_runs(tmp_path: Path, kind: str) -> None:
    text = rendered(order(python=str(tmp_path / "never"), kind=kind), tmp_path)
    done = subprocess.run(["/bin/bash"], input=text, capture_output=True, text=True, check=True, timeout=20)
    assert "The cluster was stopped" in done.stdout


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_paths_stay_paths(tmp_path: Path, name: str) -> None:
    spool = tmp_path / name
    spool.mkdir()
    (spool / "open").touch()
    python = spool / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$3"\n')
    python.chmod(0o755)
    text = rendered(order(python=str(python)), spool)
    done = subprocess.run(["/bin/bash"], input=text, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.splitlines()[:2] == [str(python), str(spool)]
    assert not (Path("/tmp") / "owned").exists()


def test_a_node_that_does_not_see_the_callers_python_takes_the_lanes_or_the_sites(tmp_path: Path) -> None:
    (tmp_path / "open").touch()
    own = tmp_path / "lane-python"
    own.write_text("#!/bin/sh\necho the fallback\n")
    own.chmod(0o755)
    assert "IHPC_PYTHON=/site/python" in rendered(order(python="/not/seen"), tmp_path)
    given = _with_lane_python(str(own))
    done = subprocess.run(
        ["/bin/bash"], input=rendered(given, tmp_path), capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout == "the fallback\n"


def _with_lane_python(path: str) -> HeadOrder:
    given = order(python="/not/seen")
    lane = given.site.lanes["interactive"].model_copy(update={"python": path})
    site = given.site.model_copy(update={"lanes": {"interactive": lane}})
    return given.model_copy(update={"site": site})
