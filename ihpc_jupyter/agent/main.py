"""``python -m ihpc_jupyter.agent.main``: the agent's process. One a user and host; the second one leaves."""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from ihpc_jupyter.agent.agent import Agent
from ihpc_jupyter.agent.api import MAX_BODY, application
from ihpc_jupyter.paths import agent_socket, runtime_directory, state_directory
from ihpc_jupyter.sites.discovery import discover
from ihpc_jupyter.sites.file import load_settings

IDLE = 600.0
"""Seconds without a cluster, a reader or a request after which the agent goes by itself."""


async def serve(idle: float, parent: int | None) -> None:
    """Serve until there is nothing to do (or, in session mode, until the parent has gone)."""
    runtime = runtime_directory()
    settings = await discover(load_settings(), runtime)
    agent = Agent(settings.sites, state_directory(), runtime, idle)
    path = agent_socket()
    path.unlink(missing_ok=True)
    await agent.find()  # before the first question: what is there is not to be denied
    server = HTTPServer(application(agent), max_body_size=MAX_BODY)
    server.add_socket(bind_unix_socket(str(path), mode=0o600))
    running = asyncio.ensure_future(agent.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    following = asyncio.ensure_future(_follow_parent(parent, running))
    with contextlib.suppress(asyncio.CancelledError):
        await running
    following.cancel()
    server.stop()
    path.unlink(missing_ok=True)
    await agent.close()


async def _follow_parent(parent: int | None, running: "asyncio.Future[None]") -> None:
    while parent is not None:
        if os.getppid() != parent:
            running.cancel()
        await asyncio.sleep(1.0)


def main() -> None:
    """Parse, lock, serve."""
    parser = argparse.ArgumentParser(prog="ihpc-agent", description=__doc__)
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds of nothing to do before it leaves")
    parser.add_argument("--session", action="store_true", help="leave with the process that started it")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    with (runtime_directory() / "agent.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("an agent of yours runs on this host already") from None
        asyncio.run(serve(arguments.idle, os.getppid() if arguments.session else None))


if __name__ == "__main__":
    main()
