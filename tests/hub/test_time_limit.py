"""The job that is a user's Lab hits its time limit; what it looked after is there in the next one, elsewhere."""

import sys
import time
from typing import Any

import httpx

from tests.hub.hub import REPOSITORY, Hub
from tests.slurmbed import SlurmBed, wait_until

ALICE = "ihpc-alice"


def start_lab(hub: Hub, slurm: SlurmBed) -> tuple[str, str]:
    """A Lab; its job and node."""
    hub.order(ALICE, lane="interactive")
    job_id = str(hub.wait_for_server(ALICE, 60)["state"]["job_id"])
    return job_id, slurm.job(job_id)["NodeList"]


def working(lab: httpx.Client, name: str) -> int:
    """Workers of a cluster that work; 0 while it cannot be told."""
    answer = lab.get(f"/clusters/{name}")
    return int(answer.json()["groups"]["main"]["counts"]["working"]) if answer.is_success else 0


def nodes(slurm: SlurmBed, names: list[str], state: str) -> None:
    """Let nodes take new jobs (RESUME) or none (DRAIN); what runs there runs on."""
    slurm.run("scontrol", "update", f"NodeName={','.join(names)}", f"State={state}", "Reason=test")


def test_the_next_lab_has_the_cluster_and_the_detached_run(lab_hub: Hub, slurm: SlurmBed) -> None:
    job_id, node = start_lab(lab_hub, slurm)
    environment = {"python": sys.executable, "directory": str(REPOSITORY)}
    cluster: dict[str, Any] = {"name": "lasting", "site": "bed", "environment": environment}
    cluster["groups"] = {"main": {"lane": "batch", "target": 1}}
    with lab_hub.lab_api(ALICE) as lab:
        assert lab.post("/clusters", json=cluster).status_code == 201
        wait_until(lambda: working(lab, "lasting") == 1, "a worker works", 60)
        nodes(slurm, slurm.nodes, "DRAIN")
        order = {"kind": "script", "title": "later", "lane": "urgent", "shape": "small", "deadline": 900}
        run = lab.post("/runs", json={**order, "script": "echo from $(hostname)"}).json()["id"]
        assert lab.post(f"/runs/{run}/start").status_code == 202
        wait_until(lambda: lab.get(f"/runs/{run}").json()["state"] == "queued", "the run waits", 20)
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 2))
    slurm.run("scontrol", "update", f"JobId={job_id}", f"EndTime={soon}")
    slurm.wait_for_job(job_id, "TIMEOUT", timeout=60)
    lab_hub.wait_for_none(ALICE)
    nodes(slurm, [name for name in slurm.nodes if name != node], "RESUME")
    try:
        second, other = start_lab(lab_hub, slurm)
        assert (second, other) != (job_id, node)
        with lab_hub.lab_api(ALICE) as lab:
            wait_until(lambda: working(lab, "lasting") == 1, "the cluster is held here, its worker works", 60)
            ended = wait_until(lambda: ended_run(lab, run), "the run has ended", 60)
            assert ended is not None
            assert ended["state"] == "succeeded"
            wait_until(lambda: holder(lab, "lasting") is None, "it is held by this Lab's agent")
            assert lab.get(f"/runs/{run}/output").json()["text"].startswith("from alpha")
        lab_hub.stop_cluster(ALICE, "lasting")
    finally:
        nodes(slurm, [node], "RESUME")


def holder(lab: httpx.Client, cluster: str) -> str | None:
    """The host whose agent looks after the cluster, where it is another one."""
    host: str | None = lab.get(f"/clusters/{cluster}").raise_for_status().json()["holder"]
    return host


def ended_run(lab: httpx.Client, run: str) -> dict[str, Any] | None:
    """The run, once it has ended; None while it has not, or cannot be told of."""
    answer = lab.get(f"/runs/{run}")
    told: dict[str, Any] = answer.json() if answer.is_success else {"state": "untold"}
    return told if told["state"] in {"succeeded", "failed", "missed", "cancelled"} else None
