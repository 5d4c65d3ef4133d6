"""``python -m ihpc_jupyter.head.main SPOOL``: run the head of a cluster until it is closed or long idle."""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import IO, Any

import dask
import distributed
from distributed.core import Status
from distributed.scheduler import Scheduler

from ihpc_jupyter.contexts import server_context
from ihpc_jupyter.files import read_model, write_model
from ihpc_jupyter.head.api import Followers, routes
from ihpc_jupyter.head.report import Diary
from ihpc_jupyter.head.scripts import write_scripts
from ihpc_jupyter.head.tls import make_credentials, security_from
from ihpc_jupyter.head.urgent import RunHandler
from ihpc_jupyter.identity import this_process
from ihpc_jupyter.model.head import HeadFile, HeadOrder
from ihpc_jupyter.model.spool import Spool

_LOG = logging.getLogger("ihpc.head")

GATE_LOOK = 1.0
"""Seconds between two looks at the gate."""


class HeadScheduler(Scheduler):
    """Dask's scheduler, with our API beside its pages and mutual TLS before both."""

    def __init__(self, spool: Spool, **kwargs: Any) -> None:
        self._spool = spool
        self._context = server_context(spool)
        self.diary = Diary()
        self.followers = Followers(self.diary)
        super().__init__(plugins=[self.diary], **kwargs)

    def start_http_server(
        self,
        routes_of_dask: list[Any],
        dashboard_address: str | None,
        default_port: int = 0,
        ssl_options: ssl.SSLContext | None = None,
    ) -> None:
        """Serve Dask's pages and our API to holders of the cluster's certificate only."""
        ours = routes(self, self.diary, self.followers)
        ours.append((r"/ihpc/run", RunHandler, ours[0][2]))
        super().start_http_server(
            [*ours, *routes_of_dask], dashboard_address, default_port, ssl_options or self._context
        )

    async def close(self, *args: Any, **kwargs: Any) -> None:
        """Close for good: the gate first, so that no worker takes this for an accident and comes back."""
        if self.status is Status.running:  # not where it could not start
            self._spool.gate.unlink(missing_ok=True)
        await super().close(*args, **kwargs)

    async def follow_gate(self) -> None:
        """Stay to be found while the gate is open; close when somebody closed it: so a stop reaches a head that
        cannot be spoken to as well."""
        file = _head_file(self)
        shown = False
        while _may_be_there(self._spool.gate):
            if not shown or not _may_be_there(self._spool.head):  # a second start may have taken it away
                with contextlib.suppress(OSError):
                    write_model(self._spool.head, file)
                    shown = True
            await asyncio.sleep(GATE_LOOK)
        await self.close()


def _may_be_there(path: Path) -> bool:
    """False only where a file is known to be gone; a file system that does not answer proves nothing."""
    try:
        return path.exists()
    except OSError:
        return True


async def run_head(spool: Spool, order: HeadOrder) -> None:
    """Run until closed. Writes credentials, scripts and, once it listens, `HeadFile`."""
    write_scripts(spool, order)
    make_credentials(spool)
    async with await _start(spool, order) as scheduler:
        tasks = [asyncio.create_task(work()) for work in (scheduler.followers.watch, scheduler.follow_gate)]
        _end_on_signals()
        await scheduler.finished()
        for task in tasks:
            task.cancel()
    for secret in (spool.key, spool.certificate):
        secret.unlink(missing_ok=True)
    if not spool.order.exists():  # stopped while this head was starting: what it has written since is not wanted
        shutil.rmtree(spool.path, ignore_errors=True)


async def _start(spool: Spool, order: HeadOrder) -> HeadScheduler:
    """A scheduler at the earlier head's ports where they are free, so that clients find it again."""
    host = order.host or socket.getfqdn()
    for port, api_port in {(order.port, order.api_port): None, (0, 0): None}:
        try:
            scheduler = HeadScheduler(
                spool,
                host=host,
                port=port,
                protocol="tls",
                security=security_from(spool.certificate, spool.key),
                dashboard=True,
                dashboard_address=f"{host}:{api_port}",
                idle_timeout=f"{order.idle_timeout}s",
            )
            await scheduler
        except (OSError, RuntimeError) as error:  # Dask wraps the one into the other
            _LOG.warning("port %s of the earlier head is not to be had: %s", port, error)
            continue
        return scheduler
    raise SystemExit(f"no port to listen on at {host}")


def _head_file(scheduler: HeadScheduler) -> HeadFile:
    host, port = scheduler.http_server.address, scheduler.http_server.port
    return HeadFile(
        address=scheduler.address,
        api=f"https://{host}:{port}",
        process=this_process(),
        started_at=time.time(),
        job_id=os.environ.get("IHPC_JOB_ID"),
        distributed=distributed.__version__,
        python=sys.version.split()[0],
    )


def _end_on_signals() -> None:
    """Told to go by anybody but the agent (a time limit, a reboot), the head leaves at once and keeps the
    gate open: the workers wait for the next head instead of ending with this one."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, os._exit, 128 + number)


SETTINGS = {
    # Who dies beside a dying worker is not to blame for it: nodes are taken away here all the time.
    "distributed.scheduler.allowed-failures": 10,
    # How soon a worker that has to go sees that its results have arrived elsewhere: somebody waits for its node.
    "distributed.scheduler.active-memory-manager.interval": "200ms",
    "distributed.dashboard.link": "",
}


def _be_the_only_one(lock: IO[str]) -> None:
    """Two agents, or one before and after its restart, may each have started a head: the first stays."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("this cluster has a head already") from None


def main() -> None:
    """Read the order and run."""
    parser = argparse.ArgumentParser(prog="ihpc-head")
    parser.add_argument("spool", type=Path)
    spool = Spool(parser.parse_known_args()[0].spool)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    order = read_model(spool.order, HeadOrder)
    if order is None or not spool.gate.exists():
        raise SystemExit(f"{spool.order}: no order to read, or the cluster was stopped")
    with (spool.path / "head.lock").open("w") as lock, dask.config.set(SETTINGS):
        _be_the_only_one(lock)
        asyncio.run(run_head(spool, order))


if __name__ == "__main__":
    main()
