"""Looking closer: a cluster's connection, script and logs."""

import asyncio
import re

from ihpc_jupyter.agent.keeper import Keeper
from ihpc_jupyter.agent.tail import tail
from ihpc_jupyter.errors import InvalidRequest, NotFound, Unavailable
from ihpc_jupyter.model.protocol import Connection, LogTail, Script
from ihpc_jupyter.scheduler.open import submit_program


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


async def log(keeper: Keeper, job: str, after: int | None = None) -> LogTail:
    """The end of a job's log or the head's, or what stands behind a byte. Raises NotFound when there is none."""
    if not re.fullmatch(r"[0-9A-Za-z_.]{1,40}", job):
        raise InvalidRequest(
            "A job's id has letters, digits, dots and underscores only.", "For example 12_3, or head."
        )
    return await tail(job, keeper.link.spool.log(job), after)
