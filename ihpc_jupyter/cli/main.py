"""Words and options of the ``ihpc`` command."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from ihpc_jupyter.cli import commands, metrics, queue, runs, staff
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.order import ORDER_OPTIONS
from ihpc_jupyter.errors import IhpcError

Command = Callable[[AgentClient, argparse.Namespace], Awaitable[int]]
WithoutAgent = Callable[[argparse.Namespace], Awaitable[int]]
WITHOUT_AGENT: tuple[WithoutAgent, ...] = (staff.snapshot, staff.doorbell)
"""What is nobody's in particular."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. An error is one clean line, and what to do next."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options))
    except IhpcError as error:
        print(f"ihpc: {error.message}", file=sys.stderr)  # noqa: T201
        if error.hint:
            print(f"      {error.hint}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: argparse.Namespace) -> int:
    if options.run in WITHOUT_AGENT:
        without: WithoutAgent = options.run
        return await without(options)
    command: Command = options.run
    async with AgentClient() as agent:
        return await command(agent, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ihpc", description="Elastic Dask clusters and urgent runs on a batch system."
    )
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
    _plain(words, "runs", runs.listing, "urgent runs, the latest first")
    ledger = _plain(words, "ledger", runs.ledger, "what urgent runs waited for, brought and cost")
    form = ledger.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV")
    form.add_argument("--json", action="store_true", help="as JSON, with plans and attempts")
    _on_jobs(words)
    text = "waits, latencies, round trips, file systems, use: what was measured lately"
    _plain(words, "metrics", metrics.metrics, text).add_argument(
        "--window", default="15m", help="how far back: 15m (the default), 1h, 1d"
    )
    _on_run(words)
    _on_site(words)
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


def _on_jobs(words: Words) -> None:
    jobs = _plain(words, "jobs", queue.jobs, "your jobs in the queue, and lately ended ones")
    jobs.add_argument("--all", action="store_true", help="everybody's jobs that have not ended")
    why = _plain(words, "why", queue.why, "why a job waits or ended, or what happened to a run")
    why.add_argument("id", help="the job's or run's id")
    why.add_argument("--offers", action="store_true", help="and what would start sooner than this waiting job")
    cancel = _plain(words, "cancel", queue.cancel, "cancel a job of yours, or all of an array")
    cancel.add_argument("site", help="the site's name")
    cancel.add_argument("id", help="the job's id, or the array's")
    cancel.add_argument("--waiting", action="store_true", help="of an array, only those that wait")
    for parser in (jobs, why):
        parser.add_argument("--site", help="the site; all of them when left out")


def _on_site(words: Words) -> None:
    text = "for a centre's staff: policy, ledger, snapshot, doorbell"
    parser = words.add_parser("site", help=text, description=text)
    inner: Words = parser.add_subparsers(title="words", required=True, metavar="WORD")
    policy = _plain(inner, "policy", staff.policy, "commands by which the batch system itself enforces the lanes")
    policy.add_argument("site", help="the site's name")
    ledger = _plain(inner, "ledger", staff.ledger, "everybody's urgent runs, rebuilt from the accounting")
    ledger.add_argument("site", help="the site's name")
    ledger.add_argument("--since", default="7d", help="how far back: 90m, 24h, 7d (the default)")
    ledger.add_argument("--csv", action="store_true", help="as CSV")
    text = "ask the batch system for all users' agents: keep a snapshot that they read; runs until it is stopped"
    snapshot = inner.add_parser("snapshot", help=text, description=text)
    snapshot.set_defaults(run=staff.snapshot)
    snapshot.add_argument("site", help="the site's name")
    snapshot.add_argument("--directory", help="where to keep it; what the site file says when left out")
    text = "where to tell it, for readers of the address in the site file; what JupyterHub says when left out"
    snapshot.add_argument("--listen", metavar="HOST:PORT", help=text)
    snapshot.add_argument("--certificate", metavar="FILE", help="for https, as PEM; with --key")
    snapshot.add_argument("--key", metavar="FILE", help="the certificate's private key")
    text = "print the program for Slurm's TaskProlog and TaskEpilog by which all jobs tell their start and end"
    inner.add_parser("doorbell", help=text, description=text).set_defaults(run=staff.doorbell)


def _on_run(words: Words) -> None:
    text = "an urgent run: script, check, attach, show, why, cancel"
    parser = words.add_parser("run", help=text, description=text)
    inner: Words = parser.add_subparsers(title="words", required=True, metavar="WORD")
    for name, run, told in (
        ("attach", runs.attach, "follow it to its end: what it says, its exit code; Ctrl-C cancels it"),
        ("show", runs.show, "its steps, attempts, waits and cost"),
        ("why", queue.why, "what happened to it (or to a job), in plain words"),
        ("cancel", runs.cancel, "cancel it everywhere; forget one that has ended"),
    ):
        _plain(inner, name, run, told).add_argument("id", help="the run's id")
    script = _plain(inner, "script", runs.script, "run a script urgently: its output, its exit code")
    script.add_argument("file", help="the script")
    check = _plain(inner, "check", runs.check, "the rehearsal, with the options of script: runs nothing of yours")
    for parser in (script, check):
        parser.add_argument("deadline", nargs="?", help="the answer is needed within this: 60s, 10m, 1h")
        for option in ORDER_OPTIONS:
            option.add_to(parser)
    script.add_argument("--interpreter", default="bash", help="what runs it; bash when left out")
    script.add_argument("--plan", action="store_true", help="print what would happen, and stop")
    script.add_argument("--detach", action="store_true", help="print the run's id and return at once")
