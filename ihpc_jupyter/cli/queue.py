"""What ``ihpc jobs``, ``ihpc why`` and ``ihpc cancel`` do and print."""

import argparse
import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import TypeVar

from ihpc_jupyter.cli.commands import print_lines, print_table
from ihpc_jupyter.client import queue
from ihpc_jupyter.client.agent import AgentClient

T = TypeVar("T")

MOMENT = 1.0
"""Seconds that an answer may take without a word."""


async def jobs(agent: AgentClient, options: argparse.Namespace) -> int:
    """My jobs, or everybody's."""
    for told in await queue.queues(agent, options.site, everybody=options.all, kept=True):
        now = time.time()
        if told.rows:
            print_table(queue.rows(told, now))
        sys.stderr.writelines(f"{line}\n" for line in queue.summary(told, now))
    return 0


async def why(agent: AgentClient, options: argparse.Namespace) -> int:
    """Why a job waits or ended, or what became of a run; what would start sooner where that is asked, too."""
    site = getattr(options, "site", None)
    print_lines(*await _patiently(queue.tell_why(agent, options.id, site)))
    if getattr(options, "offers", False):
        print_lines(*await _patiently(queue.tell_offers(agent, options.id, site)))
    return 0


async def _patiently(asking: Coroutine[None, None, T]) -> T:
    """The answer; that it is waited for is said after a moment."""
    task = asyncio.create_task(asking)
    await asyncio.wait({task}, timeout=MOMENT)
    if not task.done():
        sys.stderr.write("Asking the batch system…\n")
    return await task


async def cancel(agent: AgentClient, options: argparse.Namespace) -> int:
    """Let a job go."""
    done = await agent.cancel_job(options.site, options.id, waiting_only=options.waiting)
    print_lines(f"{options.id}: {done.jobs} {'job was' if done.jobs == 1 else 'jobs were'} asked to go")
    return 0
