"""Starting heads: as a detached process of this host, or as a small job of their own."""

import asyncio
import contextlib
import platform
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from ihpc_jupyter.cluster.naming import HEAD_GROUP, JobTag, new_submission_id
from ihpc_jupyter.cluster.record import ClusterRecord
from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.files import private_directory, read_model, write_model
from ihpc_jupyter.identity import proved_dead
from ihpc_jupyter.model.head import GroupOrder, HeadFile, HeadOrder
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.model.spool import Spool
from ihpc_jupyter.scheduler.base import BatchSystem, Submission
from ihpc_jupyter.scheduler.environment import chosen_environment

RENDER_TIMEOUT = 60.0
"""Seconds that writing the scripts (an import of Dask, on a slow file system) may take."""


def write_order(spool: Spool, record: ClusterRecord, site: Site) -> None:
    """Open the cluster's gate and write the order to its next head, with the ports of the last one."""
    for directory in (spool.path, spool.logs):
        private_directory(directory)
    last, order = read_model(spool.head, HeadFile), read_model(spool.order, HeadOrder)
    on_loopback = "127.0.0.1" if site.kind == "local" else None
    new = HeadOrder(
        uid=record.uid,
        name=record.name,
        site=site,
        account=record.account,
        environment=record.environment,
        host=(record.host or on_loopback) if record.placement == "host" or on_loopback else None,
        port=_port(last.address) if last else order.port if order else 0,
        api_port=_port(last.api) if last else order.api_port if order else 0,
        idle_timeout=record.idle_timeout,
        groups={
            name: GroupOrder(lane=group.lane, shape=group.shape, time_limit=group.time_limit)
            for name, group in record.groups.items()
        },
    )
    write_model(spool.order, new)
    spool.gate.touch(mode=0o600)


def _port(address: str) -> int:
    return urlsplit(address).port or 0


def start_on_host(spool: Spool, record: ClusterRecord) -> int:
    """Start the head as a process of this host that outlives the agent; its pid."""
    spool.head.unlink(missing_ok=True)
    with (spool.logs / "head.log").open("ab") as log:
        process = subprocess.Popen(  # a head, not a batch command: it runs for as long as the cluster does
            [record.environment.python, "-m", "ihpc_jupyter.head.main", str(spool.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=chosen_environment(),
            cwd=_existing(record.environment.directory),
            start_new_session=True,
        )
    _CHILDREN.append(process)
    return process.pid


_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Heads started by this agent: kept so that their ends are collected."""


def collect_ended() -> None:
    """Collect the ends of heads that this agent started (no zombies)."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


def is_child_running(pid: int) -> bool:
    """Whether a head that this agent started still runs."""
    return any(child.pid == pid and child.poll() is None for child in _CHILDREN)


def end_child(pid: int) -> None:
    """End a head that this agent started, if it still runs."""
    for child in _CHILDREN:
        if child.pid == pid:
            child.kill()  # does nothing to one whose end has been collected


def _existing(directory: str | None) -> str | None:
    return directory if directory and Path(directory).is_dir() else None


async def start_as_job(spool: Spool, record: ClusterRecord, site: Site, batch: BatchSystem) -> str:
    """Write the scripts and submit the head's own job; its id. Raises what `BatchSystem.submit` raises."""
    await render(spool, record.environment.python)
    settings = site.head
    lane = settings.lane or site.default_lane
    name = JobTag(record.uid, HEAD_GROUP, new_submission_id()).job_name
    script = spool.script(HEAD_GROUP).read_text()
    time_limit = site.lanes[lane].max_time or site.lanes[lane].time_limit
    return await batch.submit(
        Submission(
            name=name,
            script=script,
            lane=lane,
            array=False,
            log=str(spool.log("head")),
            cores=settings.shape.cores,
            time_limit=time_limit,
        )
    )


async def render(spool: Spool, python: str, *words: str) -> None:
    """Write the batch scripts, by the interpreter that has Dask. Raises Unavailable."""
    process = await asyncio.create_subprocess_exec(
        python,
        "-m",
        "ihpc_jupyter.head.scripts",
        str(spool.path),
        *words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=chosen_environment(),
    )
    try:
        async with asyncio.timeout(RENDER_TIMEOUT):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        raise Unavailable("The batch scripts could not be written in time.", "Is the file system slow?") from None
    if process.returncode:
        last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise Unavailable(
            f"The batch scripts could not be written: {last[0]}", "Does this Python have ihpc_jupyter?"
        )


async def version_of(python: str) -> str:
    """Which Python an interpreter of this host is; empty where it does not say."""
    if python == sys.executable:
        return platform.python_version()
    code = "import platform; print(platform.python_version())"
    with contextlib.suppress(OSError):
        process = await asyncio.create_subprocess_exec(
            python, "-c", code, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(RENDER_TIMEOUT):
                return (await process.communicate())[0].decode(errors="replace").strip()
        except TimeoutError:
            process.kill()
    return ""


def head_is_dead(file: HeadFile | None) -> bool:
    """Whether the head that this file names is proved dead (on this host); False when that cannot be known."""
    return file is not None and proved_dead(file.process)


def log_tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
