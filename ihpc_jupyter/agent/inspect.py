"""Looking closer: a cluster's connection, script and logs."""

import asyncio
import re

from ihpc_jupyter.agent.keeper import Keeper
from ihpc_jupyter.errors import InvalidRequest, NotFound, Unavailable
from ihpc_jupyter.model.protocol import Connection, LogTail, Script
from ihpc_jupyter.scheduler.open import submit_program

LOG_BYTES = 64 << 10
"""How much of a log's end is shown."""


def connection(keeper: Keeper) -> Connection:
    """Where a client finds the head. Raises Unavailable while there is none."""
    spool, file = keeper.link.spool, keeper.link.file
    if file is None:
        raise Unavailable(
            f"The head of cluster {keeper.record.name!r} is not up yet.", "Wait a moment and ask again."
        )
    certificate = str(spool.certificate)
    return Connection(
        address=file.address,
        ca_file=certificate,
        cert_file=certificate,
        key_file=str(spool.key),
        dashboard_socket=str(keeper.tunnel.path),
    )


async def script(keeper: Keeper, group: str) -> Script:
    """The batch script of a group, as it is submitted."""
    if group not in keeper.record.groups:
        groups = ", ".join(keeper.record.groups)
        raise NotFound(f"Cluster {keeper.record.name!r} has no group {group!r}.", f"Groups: {groups}.")
    path = keeper.link.spool.script(group)
    try:
        text = await asyncio.to_thread(path.read_text)
    except OSError:
        raise Unavailable("The script has not been written yet.", "It comes with the head; ask again.") from None
    return Script(text=text, command=f"{submit_program(keeper.desk.site)} {path}")


async def log(keeper: Keeper, job: str) -> LogTail:
    """The end of a job's log, or of the head's. Raises NotFound when there is none (yet)."""
    if not re.fullmatch(r"[0-9A-Za-z_.]{1,40}", job):
        raise InvalidRequest(
            "A job's id has letters, digits, dots and underscores only.", "For example 12_3, or head."
        )
    path = keeper.link.spool.log(job)

    def read() -> tuple[str, bool]:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            return file.read().decode(errors="replace"), size > LOG_BYTES

    try:
        text, truncated = await asyncio.to_thread(read)
    except OSError:
        raise NotFound(f"There is no log of job {job} yet.", "A job writes its log once it runs.") from None
    return LogTail(job_id=job, path=str(path), text=text, truncated=truncated)
