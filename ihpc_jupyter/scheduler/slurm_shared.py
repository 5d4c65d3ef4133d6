"""Slurm as a user sees it where the centre keeps a snapshot: much is read there instead of being asked."""

import asyncio
import os
import pwd

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.base import Capacity
from ihpc_jupyter.scheduler.slurm import Slurm
from ihpc_jupyter.scheduler.slurm_room import capacity_of, preemptible_of
from ihpc_jupyter.scheduler.snapshot import SharedRoom, UserJobs
from ihpc_jupyter.scheduler.snapshot_reader import SnapshotReader, Unusable
from ihpc_jupyter.scheduler.transport import Transport

ROOM_AGE = 1.5
"""So many times the pace of rest old may be what the snapshot tells of free cores."""


class SharedSlurm(Slurm):
    """Slurm, with what is free from the snapshot; a `SnapshotSource` reads the jobs there."""

    def __init__(self, site: Site, transport: Transport, snapshot: SnapshotReader) -> None:
        super().__init__(site, transport)
        self._snapshot = snapshot
        self._read_last: tuple[UserJobs, dict[str, Job]] | None = None

    async def understand(self, mine: UserJobs, asked_at: float) -> list[Job]:
        """The jobs in a user's part of the snapshot, which was asked for at *asked_at* or later."""
        # What was submitted meanwhile cannot have been told, and so is not gone.
        known = {key: job for key, job in self._waiting.items() if (job.submitted_at or 0.0) < asked_at}
        if self._read_last is None or self._read_last[0] is not mine:
            self._read_last = mine, await asyncio.to_thread(self._reader.read, mine.text, asked_at)
        jobs = dict(self._read_last[1])
        self._note_dropped(jobs, known, asked_at)
        return list(jobs.values())

    async def capacity(self) -> Capacity:
        """What the snapshot tells, without a request; what Slurm tells where that is missing or too old."""
        room = await asyncio.to_thread(self._shared_room)
        if room is None:
            return await super().capacity()
        me = pwd.getpwuid(os.getuid()).pw_name
        return capacity_of(self._site.lanes, room.cores, room.reservations, me)

    async def nodes(self) -> Nodes:
        """The same for the nodes, which are told for a minute."""
        room = await asyncio.to_thread(self._shared_room)
        if room is None or room.nodes is None:
            return await super().nodes()
        return room.nodes.model_copy(update={"at": self._snapshot.here(room.nodes.at)})

    async def preemptible(self) -> dict[str, int]:
        """The same for jobs in preemptible lanes."""
        room = await asyncio.to_thread(self._shared_room)
        return await super().preemptible() if room is None else preemptible_of(self._site.lanes, room.running)

    async def cycles(self) -> dict[str, float]:
        """What the snapshot tells of the scheduler's passes; nobody asks for that alone."""
        room = await asyncio.to_thread(self._shared_room)
        return {} if room is None else room.cycles

    def _shared_room(self) -> SharedRoom | None:
        try:
            room = self._snapshot.site().room
        except Unusable:
            return None
        fresh = room is not None and self._snapshot.now - room.asked_at <= ROOM_AGE * self._site.polling.rest
        return room if fresh else None

    async def close(self) -> None:
        """Let go of the marks, and of the transport's connection."""
        await asyncio.to_thread(self._snapshot.close)
        await super().close()
