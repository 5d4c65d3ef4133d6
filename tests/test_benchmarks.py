"""The benchmarks run: once each and small, and they say what they promise."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hub.hub import explain_missing
from tests.slurmbed import SlurmBed
from tests.world import REPOSITORY


def told(tmp_path: Path, module: str, *options: str) -> dict[str, Any]:
    """The last line of a benchmark, once it has written its raw data."""
    raw = tmp_path / "raw.json"
    argv = [sys.executable, "-m", f"benchmarks.{module}", "--raw", str(raw), *options]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(raw.read_text())
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_bench_urgent(slurm: SlurmBed, tmp_path: Path) -> None:
    answer = told(tmp_path, "urgent", "--n", "1", "--only", "idle", "warm")
    assert set(answer["idle"]) == {"median_s", "p95_s", "ratio_to_srun_python", "dask_jobqueue_median_s"}
    assert set(answer["idle_numpy"]) == {"median_s", "ratio_to_srun_python"}
    assert set(answer["warm"]) == {"median_s", "p95_s", "ratio_to_submit"}
    assert answer["warm"]["median_s"] > 0


def test_bench_faults(slurm: SlurmBed, tmp_path: Path) -> None:
    answer = told(tmp_path, "faults", "--runs", "2", "--machines", "1", "--seed", "3")
    assert answer["runs"] == answer["right"] + answer["missed"] == 2
    assert answer["wrong"] == answer["orphans"] == 0


def test_bench_spawn(tmp_path: Path) -> None:
    if missing := explain_missing():
        pytest.skip(missing)
    answer = told(tmp_path, "spawn", "--n", "1", "--spawns", "2")
    assert set(answer) == {
        "click_to_kernel_median_s", "batchspawner_median_s", "requests_per_s_50", "batchspawner_requests_per_s_50",
    }  # fmt: skip
    assert all(value > 0 for value in answer.values())


def test_bench_watch(slurm: SlurmBed, tmp_path: Path) -> None:
    few = ("--clients", "3", "--kills", "1", "--plain", "1", "--users", "2")
    short = ("--settle", "1", "--seconds", "2", "--calm", "0")
    answer = told(tmp_path, "watch", *few, *short)
    assert (answer["clients"], answer["users"]) == (3, 2)
    assert set(answer) == {
        "clients", "requests_per_s", "users", "users_requests_per_s", "push_p95_s", "seen_p95_s",
        "peer_requests_per_s",
    }  # fmt: skip
    assert 0 < answer["push_p95_s"] < answer["seen_p95_s"]
    assert answer["users_requests_per_s"] > 0
    assert answer["peer_requests_per_s"] > 0
