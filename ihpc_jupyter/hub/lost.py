"""A submission whose answer nobody heard: its job is found by its name, and looked after or cancelled."""

import asyncio
import time

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.hub.jobs import UserJobs
from ihpc_jupyter.hub.watch import JobWatch

PATIENCE = 10.0
"""Seconds for which a job that was submitted may be on its way into the queue."""

_LONGEST_PAUSE = 60.0


async def find(watch: JobWatch, tag: str) -> str | None:
    """The id of the job of that name, empty where none is to be seen within a while; None: nobody answered."""
    found: str | None = None
    until = time.monotonic() + PATIENCE
    while not found and time.monotonic() < until:
        try:
            found = next((job.id for job in await watch.named(tag)), "")
        except IhpcError:
            found = None
        if not found:
            await asyncio.sleep(1)
    return found


async def find_patiently(watch: JobWatch, tag: str) -> str:
    """The same, as soon as somebody answers."""
    pause = 1.0
    while (found := await find(watch, tag)) is None:
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)
    return found


async def cancel(watch: JobWatch, jobs: UserJobs, tag: str, job_id: str = "") -> None:
    """Cancel the job of that name, if there is one: nobody is going to use it."""
    if found := job_id or await find_patiently(watch, tag):
        await jobs.cancel_patiently(found)
