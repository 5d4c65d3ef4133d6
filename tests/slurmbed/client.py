"""A cluster as its users see it: run Slurm's commands, submit jobs, look at them."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from . import users
from .settings import LANES, BedSettings
from .waiting import BedError, wait_until

_FIELD = re.compile(r"(\S+?)=(.*?)(?=\s+[A-Za-z/:]+=|\s*$)")
_SLURM_VARIABLE = re.compile(r"(SLURM|SBATCH|SRUN|SALLOC|SQUEUE|SINFO|SACCT|SCONTROL|SCANCEL)_")
_SLEEP = "exec sleep 100000"


class Client:
    """Slurm's commands on one cluster, each with a timeout."""

    def __init__(self, conf: Path, settings: BedSettings, jobs: Path, logs: Path) -> None:
        self.settings = settings
        #: Where jobs are submitted, so where their output files go; every user may write here.
        self.jobs = jobs
        self.logs = logs
        #: `munge` and `unmunge` as on a host of this cluster.
        self.programs = logs.parent / "bin"
        #: The variables that lead Slurm's commands to this cluster.
        self.env: dict[str, str] = {"SLURM_CONF": str(conf)}

    def environment(self, user: str | None = None) -> dict[str, str]:
        """Return a whole environment that reaches this cluster and no other."""
        outer = {name: value for name, value in os.environ.items() if not _SLURM_VARIABLE.match(name)}
        inner = {**outer, **users.environment(user), **self.env}
        return {**inner, "PATH": f"{self.programs}{os.pathsep}{inner.get('PATH', os.defpath)}"}

    def run(
        self,
        *argv: str,
        user: str | None = None,
        stdin: str | None = None,
        timeout: float = 30,
        check: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as another user if one is named; raise with its stderr if it fails."""
        done = subprocess.run(
            argv,
            env={**self.environment(user), **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.jobs,
            **users.identity(user),
        )
        if check and done.returncode != 0:
            raise BedError(f"{' '.join(argv)}: exit code {done.returncode}: {done.stderr.strip()}")
        return done

    def popen(
        self, *argv: str, user: str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command (`srun`, a test's server …) that the caller ends."""
        return subprocess.Popen(
            argv,
            env={**self.environment(user), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.jobs,
            **users.identity(user),
        )

    def submit(self, *options: str, script: str = _SLEEP, user: str | None = None) -> str:
        """Submit a batch script with `sbatch` and return the job's id."""
        argv = ["sbatch", "--parsable", *options]
        return self.run(*argv, stdin=f"#!/bin/sh\n{script}\n", user=user).stdout.strip().partition(";")[0]

    def job(self, job_id: str) -> dict[str, str]:
        """Return what `scontrol show job` says about a job, field by field; empty if it is unknown."""
        done = self.run("scontrol", "show", "job", "-o", job_id, check=False)
        return dict(_FIELD.findall(done.stdout.splitlines()[0])) if done.returncode == 0 and done.stdout else {}

    def job_state(self, job_id: str) -> str:
        """Return a job's state as `scontrol` names it; empty if the controller does not know the job."""
        return self.job(job_id).get("JobState", "")

    def wait_for_job(self, job_id: str, *states: str, timeout: float = 30) -> dict[str, str]:
        """Wait until a job is in one of the states and return its fields."""

        def reached() -> dict[str, str]:
            fields = self.job(job_id)
            return fields if fields.get("JobState") in states else {}

        return wait_until(reached, f"job {job_id} is {' or '.join(states)}", timeout, self.logs)

    def node_states(self) -> dict[str, str]:
        """Return each node's state as `sinfo` names it (`idle`, `mixed`, `down*` …)."""
        rows = self.run("sinfo", "--noheader", "--Node", "--format=%N %T", timeout=20).stdout.split()
        return dict(zip(rows[::2], rows[1::2], strict=True))

    def wait_for_node(self, name: str, *states: str, timeout: float = 60) -> None:
        """Wait until a node is in one of the states."""
        what = f"node {name} is {' or '.join(states)}"
        wait_until(lambda: self.node_states().get(name) in states, what, timeout, self.logs)

    def lane_options(self, partition: str) -> list[str]:
        """Return the options that send a job into a partition (and into its QOS, with accounting)."""
        qos = next(lane.qos for lane in LANES if lane.partition == partition)
        return [f"--partition={partition}", *([f"--qos={qos}"] if self.settings.accounting else [])]

    def fill(self, partition: str = "spot", *, user: str | None = None, jobs_per_node: int = 1) -> list[str]:
        """Fill the idle machine with sleeping jobs, wait until they run, and return their ids."""
        idle = [name for name, state in self.node_states().items() if state == "idle"]
        cpus = self.settings.cpus // jobs_per_node
        options = [
            *self.lane_options(partition),
            "--nodes=1",
            "--ntasks=1",
            f"--cpus-per-task={cpus}",
            "--requeue",
        ]
        options += ["--mem=0" if jobs_per_node == 1 else "--mem=100M", "--output=/dev/null"]
        ids = [self.submit(*options, user=user) for _ in idle for _ in range(jobs_per_node)]
        for job_id in ids:
            self.wait_for_job(job_id, "RUNNING")
        return ids

    def cancel_all(self) -> None:
        """Cancel every job and wait until the nodes are free: a clean machine for the next test."""
        cancelled: set[str] = set()

        def empty() -> bool:
            ids = set(self.run("squeue", "--noheader", "--format=%A").stdout.split())
            if late := ids - cancelled:  # a submission that was on its way may come after the first look
                self.run("scancel", "--full", *sorted(late), check=False)
                cancelled.update(late)
            return not ids and set(self.node_states().values()) <= {"idle"}

        wait_until(empty, "all jobs are gone", 60, self.logs)
