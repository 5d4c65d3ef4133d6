"""A job that Slurm starts inside the request: ``srun`` allocates where ``sbatch`` leaves it to a later pass.

Slurm tries to place an interactive allocation while it answers, but looks at a batch job only in its next
scheduling pass, seconds later with the usual settings. A deadline of Slurm's own would put that off, too, so
deadlines stay on our side.
"""

import math
import re

from ihpc_jupyter.model.site import Lane
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.base import Launch
from ihpc_jupyter.scheduler.transport import HeldCommand

PROGRAM = "srun"
"""The command that allocates, starts and holds."""

_NEVER_STARTED = re.compile(r"Unable to allocate resources|Unable to create step|error: .*[Ii]nvalid|fatal:")

_PATIENT = re.compile(r"^.*: job \d+ (?:queued and waiting|has been allocated).*$", re.MULTILINE)


def launch_options(launch: Launch, lane: Lane) -> list[str]:
    """Command-line options of one launch; every value has been validated by the models."""
    options = [
        f"--job-name={launch.name}",
        f"--cpus-per-task={launch.shape.cores}",
        f"--time={math.ceil(launch.time_limit / 60)}",
        f"--output={launch.log.replace('%', '%%').replace('{copy}', '%t')}",
        "--input=none",
        *_placement(launch),
    ]
    named = (
        ("partition", lane.partition),
        ("qos", lane.qos),
        ("account", launch.account or lane.account),
        ("reservation", launch.reservation or lane.reservation),
        ("gres", f"gpu:{launch.shape.gpus}" if launch.shape.gpus else None),
        ("exclude", ",".join(launch.exclude) or None),
    )
    return [*options, *(f"--{name}={value}" for name, value in named if value)]


def _placement(launch: Launch) -> list[str]:
    """Copies: one a node, and the death of one is not the others'. Ranks: wherever, and all end with one."""
    if launch.tasks > 1:
        per_core = max(1, launch.shape.memory // launch.shape.cores >> 20)
        return [f"--ntasks={launch.tasks}", f"--mem-per-cpu={per_core}M", "--kill-on-bad-exit=1"]
    count = launch.copies
    return [
        f"--nodes={count}", f"--ntasks={count}", "--ntasks-per-node=1", f"--mem={launch.shape.memory >> 20}M",
        "--mpi=none", "--no-kill", "--kill-on-bad-exit=0", "--wait=0",
    ]  # fmt: skip


class SlurmHold:
    """The ``srun`` that holds a job."""

    def __init__(self, command: HeldCommand) -> None:
        self._command = command

    @property
    def pid(self) -> int:
        """The command's process on this host."""
        return self._command.pid

    @property
    def job_id(self) -> str | None:
        """The job's id, where the job had to wait: ``srun`` tells it only then."""
        return told_id(self._command.words())

    async def wait(self) -> int:
        """Until the job has ended; raises what Slurm refused, in its words."""
        code = await self._command.wait()
        words = self._command.words()
        if code > 0 and (_NEVER_STARTED.search(words) or text.is_transient(words)):
            raise text.refusal(_PATIENT.sub("", words))
        return code

    def stop(self) -> None:
        """Ask ``srun`` to give the job up."""
        self._command.stop()


def told_id(words: str) -> str | None:
    """The job's id where ``srun`` has said it (it does so only for a job that had to wait)."""
    found = re.findall(r"job (\d+) (?:queued|has been allocated)", words)
    return found[-1] if found else None
