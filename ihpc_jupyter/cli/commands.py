"""What each ``ihpc`` command does and prints."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence

from ihpc_jupyter.client import heard
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.queue import memory_text
from ihpc_jupyter.client.story import seconds_text
from ihpc_jupyter.model.cluster import ClusterView, Counts, CreateCluster, Environment, Load, PatchCluster
from ihpc_jupyter.model.protocol import Report
from ihpc_jupyter.model.site import Lane, SiteStatus
from ihpc_jupyter.validation import validated


def print_lines(*lines: str) -> None:
    """Lines on standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_table(rows: Iterable[Sequence[object]]) -> None:
    """Rows in columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    print_lines(
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts)
    )


async def sites(agent: AgentClient, _: argparse.Namespace) -> int:
    """Sites and lanes."""
    for status in (await agent.snapshot()).sites:
        print_lines(f"{status.site.name}  {status.health}  {status.detail}".rstrip(), f"  {_asked(status)}")
        print_table((f"  {name}", *_lane(lane)) for name, lane in status.site.lanes.items())
    return 0


def _asked(status: SiteStatus) -> str:
    """The age of what is known, and what knowing it has cost."""
    if status.asked_at is None:
        return "has not answered yet"
    age = seconds_text(max(0.0, time.time() - status.asked_at))
    return f"asked {age} ago; {status.requests} requests to the batch system since the agent started"


def _lane(lane: Lane) -> tuple[str, ...]:
    minutes = f"{lane.time_limit / 60:.0f} min"
    preemptible = "preemptible" if lane.preemptible else ""
    return f"at most {lane.max_workers} workers", minutes, f"cost x{lane.cost_factor:g}", preemptible


async def about(agent: AgentClient, _: argparse.Namespace) -> int:
    """The agent about itself."""
    told = await agent.about()
    print_lines(
        f"agent {told.version} (API {told.api}) on {told.host}, pid {told.pid}, since {_clock(told.started_at)}",
        f"memory {told.memory >> 20} MiB, CPU {told.cpu_seconds:.1f} s; leaves {told.leaves}",
    )
    return 0


async def listing(agent: AgentClient, _: argparse.Namespace) -> int:
    """Clusters."""
    clusters = (await agent.snapshot()).clusters
    if not clusters:
        print_lines("No clusters. Make one: ihpc create NAME --workers 4")
        return 0
    states = tuple(Counts.model_fields)
    rows: list[Sequence[object]] = [("cluster", "site", "state", "group", "target", *states)]
    rows += [
        (view.name, view.site, view.state, name, group.target, *group.counts.model_dump().values())
        for view in clusters
        for name, group in view.groups.items()
    ]
    print_table(rows)
    now = time.time()
    for view in clusters:
        if then := heard.when_last_heard(view.asked_at, now, silent=view.silent):
            sys.stderr.write(f"{view.name}: what waits or starts did so{then}.\n")
    return 0


async def show(agent: AgentClient, options: argparse.Namespace) -> int:
    """One cluster."""
    view = await agent.cluster(options.name)
    print_lines(f"{view.name} on {view.site}: {view.state}; head {view.head.state} at {view.head.address or '-'}")
    print_lines(_load(view.load))
    for problem in (view.problem, *(group.problem for group in view.groups.values())):
        if problem:
            print_lines(f"! {problem.message}", *([f"  {problem.hint}"] if problem.hint else []))
    now = time.time()
    rows: list[Sequence[object]] = [("job", "group", "state", "workers", "node", "reason")]
    rows += [
        (
            job.id,
            name,
            job.state + heard.when_last_heard(view.asked_at, now, silent=heard.unproved(job, silent=view.silent)),
            f"{job.workers} {job.worker_state}",
            job.node or "-",
            job.reason_text or job.reason,
        )
        for name, group in view.groups.items()
        for job in group.jobs
    ]
    print_table(rows)
    print_lines(*(f"{_clock(note.at)}  {note.text}" for note in view.notes))
    return 0


def _load(load: Load) -> str:
    """Tasks, memory and transfer, as the head told last."""
    used = f"memory {memory_text(load.memory)} of {memory_text(load.memory_limit)}"
    work = f"tasks {load.tasks}, {load.processing} in work"
    return f"{work}; {used}; sent {memory_text(load.sent)}; clients {load.clients}"


async def create(agent: AgentClient, options: argparse.Namespace) -> int:
    """A new cluster."""
    group = {"lane": options.lane, "shape": options.shape, "target": options.workers}
    request = validated(CreateCluster, {
        "name": options.name, "site": options.site, "account": options.account, "placement": options.placement,
        "groups": {"main": group}, "environment": Environment(python=sys.executable),
    })  # fmt: skip
    _say(await agent.create(request))
    return 0


async def scale(agent: AgentClient, options: argparse.Namespace) -> int:
    """A new target."""
    patch = {"groups": {options.group: {"target": options.workers}}}
    _say(await agent.patch(options.name, validated(PatchCluster, patch)))
    return 0


async def adapt(agent: AgentClient, options: argparse.Namespace) -> int:
    """New bounds."""
    bounds = {"minimum": options.minimum, "maximum": options.maximum, "idle": options.idle}
    patch = {"groups": {options.group: {"adapt": bounds}}}
    _say(await agent.patch(options.name, validated(PatchCluster, patch)))
    return 0


async def retry(agent: AgentClient, options: argparse.Namespace) -> int:
    """Again, now."""
    _say(await agent.retry(options.name))
    return 0


async def stop(agent: AgentClient, options: argparse.Namespace) -> int:
    """Stop or forget."""
    await agent.stop(options.name)
    print_lines(f"{options.name}: stopping")
    return 0


async def log(agent: AgentClient, options: argparse.Namespace) -> int:
    """A log's end."""
    tail = await agent.log(options.name, options.job)
    print_lines(tail.text.rstrip("\n"))
    return 0


async def script(agent: AgentClient, options: argparse.Namespace) -> int:
    """A group's script."""
    told = await agent.script(options.name, options.group)
    print_lines(told.text.rstrip("\n"), "", f"# submitted with: {told.command}")
    return 0


async def doctor(agent: AgentClient, options: argparse.Namespace) -> int:
    """Check sites; 1 when something failed."""
    names = [options.site] if options.site else [status.site.name for status in (await agent.snapshot()).sites]
    reports = [await agent.check(name) for name in names]
    for report in reports:
        print_lines(*report_lines(report))
    return int(any(check.outcome == "failed" for report in reports for check in report.checks))


def report_lines(report: Report) -> list[str]:
    """The report as text, for people and support tickets."""
    marks = {"ok": "ok     ", "warning": "warning", "failed": "FAILED ", "not-checked": "-      "}
    lines = [f"Site {report.site}, {_clock(report.at)}"]
    for check in report.checks:
        lines.append(f"  {marks[check.outcome]}  {check.name}: {check.text}")
        if check.hint and check.outcome != "ok":
            lines.append(f"           → {check.hint}")
    return lines


def _say(view: ClusterView) -> None:
    groups = ", ".join(
        f"{name}: target {group.target}, working {group.counts.working}" for name, group in view.groups.items()
    )
    print_lines(f"{view.name}: {view.state}; {groups}")


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
