"""Words and options of the ``ihpc`` command."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ihpc_jupyter.cli import commands
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError

Command = Callable[[AgentClient, argparse.Namespace], Awaitable[int]]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. An error is one clean line, and what to do next."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options.run, options))
    except IhpcError as error:
        print(f"ihpc: {error.message}", file=sys.stderr)  # noqa: T201
        if error.hint:
            print(f"      {error.hint}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(command: Command, options: argparse.Namespace) -> int:
    async with AgentClient() as agent:
        return await command(agent, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ihpc", description="Elastic Dask clusters on a batch system.")
    words: Words = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _plain(words, "sites", commands.sites, "sites, how they are, and their lanes")
    _plain(words, "agent", commands.about, "the agent: version, memory, when it will go")
    _plain(words, "list", commands.listing, "clusters with their workers by state")
    _on_cluster(words, "show", commands.show, "one cluster with its jobs and diary")
    _on_cluster(words, "stop", commands.stop, "stop a cluster (or forget one that has ended)")
    _on_cluster(words, "retry", commands.retry, "ask the batch system again now")
    _create(words)
    _scale(words)
    _adapt(words)
    log = _on_cluster(words, "log", commands.log, "the end of a job's log")
    log.add_argument("job", nargs="?", default="head", help="the job's id; the head's log when left out")
    script = _on_cluster(words, "script", commands.script, "the batch script of a group")
    script.add_argument("--group", default="main")
    doctor = _plain(words, "doctor", commands.doctor, "check a site; ends in a report for a support ticket")
    doctor.add_argument("site", nargs="?", help="the site's name; all of them when left out")
    return parser


Words: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 (it has no public name)


def _plain(words: Words, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    parser = words.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _on_cluster(words: Words, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    parser = _plain(words, name, run, text)
    parser.add_argument("name", help="the cluster's name")
    return parser


def _create(words: Words) -> None:
    parser = _on_cluster(words, "create", commands.create, "make a cluster")
    parser.add_argument("--site", help="the site; the first that is not local when left out")
    parser.add_argument("--lane", help="the lane of its workers")
    parser.add_argument("--shape", help="the shape of its workers, by name")
    parser.add_argument("--workers", type=int, default=0, help="how many workers")
    parser.add_argument("--account", help="the account to charge")
    parser.add_argument("--placement", choices=("host", "job"), help="where the head runs")


def _scale(words: Words) -> None:
    parser = _on_cluster(words, "scale", commands.scale, "set the number of workers")
    parser.add_argument("workers", type=int)
    parser.add_argument("--group", default="main")


def _adapt(words: Words) -> None:
    parser = _on_cluster(words, "adapt", commands.adapt, "let the number of workers follow the load")
    parser.add_argument("minimum", type=int)
    parser.add_argument("maximum", type=int)
    parser.add_argument("--idle", type=float, default=300.0, help="seconds of less work before workers go")
    parser.add_argument("--group", default="main")
