"""Slurm as somebody sees it who looks after many users' jobs, and what the job of a user's server asks for."""

import asyncio
import math
import time
from collections.abc import Collection, Sequence

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.site import Lane, Shape, Site
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.slurm import Slurm
from ihpc_jupyter.scheduler.slurm_evidence import WAITING_FORMAT, parse_places
from ihpc_jupyter.scheduler.transport import Transport


class SlurmForMany(Slurm):
    """`query` tells of the jobs in `wanted`, whoever's they are, in one request; with none it asks nobody."""

    def __init__(self, site: Site, transport: Transport) -> None:
        super().__init__(site, transport)
        self.wanted: set[str] = set()

    async def query(self) -> list[Job]:
        """One ``squeue`` of the wanted jobs, ended ones included while Slurm tells of them."""
        return await self._told(f"--jobs={','.join(sorted(self.wanted))}") if self.wanted else []

    async def named(self, name: str) -> list[Job]:
        """Jobs of that name, anybody's: a submission whose answer got lost is found by it."""
        return await self._told(f"--name={name}")

    async def places(self, ids: Collection[str]) -> dict[str, int]:
        """One ``squeue`` of all that waits: the place of each of these jobs in its partition's queue, from 1."""
        done = await self._ask(["squeue", "--noheader", "--states=PENDING", f"--format={WAITING_FORMAT}"])
        return await asyncio.to_thread(parse_places, done.stdout, ids)

    async def _told(self, which: str) -> list[Job]:
        began = time.time()
        argv = ["squeue", "--noheader", "--states=all", which, f"--Format={text.SQUEUE_FORMAT}"]
        done = await self._run(argv)
        if done.returncode != 0 and not text.is_gone(done.stderr):
            raise text.refusal(done.stderr or done.stdout)
        return [self._with_lane(job) for job in text.parse_squeue(done.stdout, began)]


def server_directives(lane: Lane, shape: Shape, time_limit: float) -> Sequence[str]:
    """The head of the script of one user's server: one task on one node, in the lane, never requeued.

    A server that is run again somewhere else would not be the one that the hub knows. Every value has been
    validated by the models.
    """
    options = [
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={shape.cores}",
        f"--mem={shape.memory >> 20}M",
        f"--time={math.ceil(time_limit / 60)}",
        "--no-requeue",
        "--chdir=/",
    ]
    named = (
        ("partition", lane.partition),
        ("qos", lane.qos),
        ("account", lane.account),
        ("reservation", lane.reservation),
        ("gres", f"gpu:{shape.gpus}" if shape.gpus else None),
    )
    options += [f"--{name}={value}" for name, value in named if value]
    return [f"#SBATCH {option}" for option in options]
