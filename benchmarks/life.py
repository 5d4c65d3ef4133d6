"""A cluster's jobs that start, are killed and replaced, and when each of that happened, by the jobs themselves."""

import json
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import psutil

from ihpc_jupyter.model.cluster import ClusterView, WorkerState
from tests.lab_slurm import REPOSITORY, Workplace
from tests.slurmbed import wait_until
from tests.workplaces import agent

WORKERS = 4
NAME = "life"
HERE = {"RUNNING", "CONFIGURING"}
GONE = {"CANCELLED", "COMPLETED", "COMPLETING", "FAILED", "NODE_FAIL", "TIMEOUT"}


class Life:
    """A cluster of a workplace, and what happened to its jobs: seconds since 1970, by job."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._starts = place.directory / "starts"
        self._starts.mkdir()
        self._killed: dict[str, float] = {}
        # The first thing that a job does: it writes down when it is there.
        word = f'date +%s.%N > "{self._starts}/${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"'
        file = place.directory / "site.toml"
        file.write_text(file.read_text().replace("prologue = [", f"prologue = [{json.dumps(word)}, "))

    def begin(self) -> None:
        """The cluster, and all its workers."""
        body = {
            "name": NAME, "site": "bed",
            "groups": {"main": {"lane": "batch", "target": WORKERS}},
            "environment": {"python": sys.executable, "directory": str(REPOSITORY)},
        }  # fmt: skip
        wait_until(self._place.socket.exists, "the agent is there", 20)
        with agent(self._place) as http:
            http.post("/api/clusters", json=body).raise_for_status()
        self._all_work()

    def kill_one(self) -> None:
        """One job dies as by a crash; another takes its place."""
        time.sleep(random.uniform(0.5, 2.5))  # noqa: S311 - at no particular moment of anybody's rhythm
        job, launcher = random.choice(list(self._launchers().items()))  # noqa: S311
        # The launcher first: it would start a worker that dies again.
        for process in (launcher, *launcher.children(recursive=True)):
            process.send_signal(signal.SIGKILL)
        self._killed[job] = time.time()
        self._all_work(without=job)

    def delays(self, told: list[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
        """What the clients heard, each for itself: seconds from a job's start and end, and from the watcher."""
        starts = {path.name: float(path.read_text()) for path in self._starts.iterdir()}
        seen: dict[tuple[int, str, str], float] = {}
        for change in told:
            before, jobs = change["before"], change["jobs"]
            for job in {*before, *jobs}:
                was, now = before.get(job, ["", ""]), jobs.get(job, ["", ""])
                # Of a job without a worker only the batch system tells.
                told_by_it = was[0] or now[1] in {"pending", "starting"}
                if now[0] and now[0] != was[0] and told_by_it and change["asked_at"]:
                    yield "pushed", change["at"] - change["asked_at"]
                if now[0] in HERE or now[1] == "working":
                    seen.setdefault((change["client"], job, "start"), change["at"])
                if job in self._killed and (not now[0] or now[0] in GONE or now[1] == "lost"):
                    seen.setdefault((change["client"], job, "end"), change["at"])
        for (_, job, what), at in seen.items():
            happened = (starts if what == "start" else self._killed).get(job)
            if happened is not None:
                yield f"{what} seen", max(0.0, at - happened)

    def _all_work(self, without: str = "") -> None:
        def so() -> bool:
            working = self._working()
            return len(working) == WORKERS and without not in working

        wait_until(so, "all workers work", 90)

    def _working(self) -> set[str]:
        with agent(self._place) as http:
            told = http.get(f"/api/clusters/{NAME}")
        jobs = ClusterView.model_validate_json(told.content).groups["main"].jobs
        return {job.id for job in jobs if job.worker_state is WorkerState.WORKING}

    def _launchers(self) -> dict[str, psutil.Process]:
        """The first process of each running job of ours."""
        found: dict[str, psutil.Process] = {}
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "ihpc_jupyter.head.launcher" in words and any(str(self._place.directory) in word for word in words):
                try:
                    variables = process.environ()
                    parent = process.parent()
                except psutil.Error:
                    continue
                if parent is not None and "ihpc_jupyter.head.launcher" in parent.cmdline():
                    continue
                found[f"{variables['SLURM_ARRAY_JOB_ID']}_{variables['SLURM_ARRAY_TASK_ID']}"] = process
        return found
