"""Ways to start a person's code on a node, each timed from the request to that code's first statement.

The code notes the time itself; kernel, commands and nodes are on one host, so there is one clock.
"""

import os
import sys
import time

import httpx
from distributed import Client

from ihpc_jupyter.model.run import Ledger
from tests.lab_slurm import Workplace
from tests.notebook import Notebook
from tests.slurmbed import SlurmBed, wait_until

CORES = 1
MEMORY = 500
"""MiB; the same for everybody."""
LANE = "urgent"
PATIENCE = 120.0

FRESH = f"--cores {CORES} --memory {MEMORY}MiB"
"""Options of a cell that is to have what the peers have."""


class Failed(RuntimeError):
    """What was measured did not do its work: there is no number."""


def cell(book: Notebook, body: str, options: str = "") -> float:
    """Seconds from the request to execute an urgent cell to its first statement."""
    began = time.time()
    shown = book.cell(f"%%urgent {options}\nimport time; first_line = time.time()\n{body}")
    if shown.error is not None:
        raise Failed(f"{shown.error}\n{shown.stdout}{shown.stderr}")
    return float(book.value("first_line")) - began


def expect(place: Workplace, way: str) -> None:
    """Make sure that the last run started in this way: else the number would be of something else."""
    transport = httpx.HTTPTransport(uds=str(place.socket))
    with httpx.Client(transport=transport, base_url="http://agent") as http:
        run = Ledger.model_validate_json(http.get("/api/runs").content).runs[0]
    if (taken := str(run.attempts[-1].way)) != way:
        raise Failed(f"The run started by {taken}, not by {way}.")


def _resources(bed: SlurmBed) -> list[str]:
    return [*bed.lane_options(LANE), f"--cpus-per-task={CORES}", f"--mem={MEMORY}M"]


def srun(bed: SlurmBed, place: Workplace, imports: str = "time") -> float:
    """Seconds from `srun python3` to the first statement after these imports, the same interpreter."""
    program = f"import {imports}; import time; print(time.time())"
    began = time.time()
    done = bed.run(
        "srun", *_resources(bed), sys.executable, "-c", program, env=place.environment, timeout=PATIENCE
    )
    return float(done.stdout) - began


def sbatch(bed: SlurmBed, place: Workplace) -> float:
    """The same from `sbatch`."""
    told = place.directory / "first-line"
    told.unlink(missing_ok=True)
    program = (
        f"import time, os; open('{told}.new', 'w').write(str(time.time())); os.rename('{told}.new', '{told}')"
    )
    script = f'exec {sys.executable} -c "{program}"'
    began = time.time()
    bed.submit(*_resources(bed), "--output=/dev/null", script=script)
    wait_until(told.exists, "the batch job has begun", PATIENCE)
    return float(told.read_text()) - began


def scaled(place: Workplace, *, nanny: bool) -> float:
    """Seconds from dask-jobqueue's `scale(1)` to the first statement of a function that was submitted.

    Its scheduler is up in this process before.
    """
    os.environ.update(place.environment)
    from dask_jobqueue import SLURMCluster  # noqa: PLC0415 - reads the environment of the workplace

    loopback = {"host": "tcp://127.0.0.1:0", "dashboard_address": "127.0.0.1:0"}
    with (
        SLURMCluster(
            queue=LANE, cores=CORES, memory=f"{MEMORY}MiB", processes=1, nanny=nanny, walltime="01:00:00",
            python=sys.executable, scheduler_options=loopback, log_directory=str(place.directory / "logs"),
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        began = time.time()
        cluster.scale(1)
        return float(client.submit(time.time, pure=False).result(PATIENCE)) - began


def submit(book: Notebook) -> float:
    """Seconds of a bare `client.submit(f).result()` in the notebook, the worker idle."""
    shown = book.cell(
        "import time\n_t = time.perf_counter()\n"
        "client.submit(time.time, pure=False).result()\ntrip = time.perf_counter() - _t"
    )
    if shown.error is not None:
        raise Failed(shown.error)
    return float(book.value("trip"))


def empty(bed: SlurmBed) -> None:
    """Wait until nothing is in the queue."""
    wait_until(lambda: not bed.run("squeue", "--noheader").stdout.strip(), "an empty queue", PATIENCE)
