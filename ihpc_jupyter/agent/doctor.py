"""The doctor: is everything there that a cluster needs? A report that can go into a support ticket as it is.

It holds paths, versions and the batch system's own words; no key, token or environment.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from ihpc_jupyter.agent import headstart
from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.contexts import server_context
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.files import private_directory, read_model, write_model
from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.head import GroupOrder, HeadOrder
from ihpc_jupyter.model.probe import ProbeFinding, ProbeOrder
from ihpc_jupyter.model.protocol import Check, Report
from ihpc_jupyter.model.site import Health, Lane, Shape, SiteKind
from ihpc_jupyter.model.spool import Spool
from ihpc_jupyter.scheduler.base import Offers, Submission

PATIENCE = 20.0
"""Seconds to wait for the doctor's job: on a full machine it may not start, which is told as that."""
SKEW = 5.0
"""Seconds by which a node's clock may differ (the job's way back included)."""
ROOM = 100 << 20
"""Bytes that should be free in the spool."""


async def examine(desk: SiteDesk, environment: Environment | None = None) -> Report:
    """All checks of one site, each on its own: one that fails hides none of the others.

    *environment*: what a run needs on a node; the site's or this process's own Python when left out.
    """
    wanted = environment or Environment(python=_python(desk))
    answers = await _answers(desk)
    checks = [answers, *_snapshot(desk), await asyncio.to_thread(_spool, desk)]
    if answers.outcome == "failed":
        # What is asked of a silent batch system may be done once it is back, when nobody takes the job away.
        checks += [
            Check(name=name, outcome="not-checked", text="the batch system does not answer")
            for name in ("a job on a node", "lanes")
        ]
    else:
        checks += await _on_a_node(desk, wanted)
        checks += await _lanes(desk)
    return Report(site=desk.site.name, at=time.time(), checks=tuple(checks))


async def _answers(desk: SiteDesk) -> Check:
    name = "batch system answers"
    with desk.watcher.subscribe():
        try:
            snapshot = await desk.watcher.fresh()
        except IhpcError as error:
            return Check(name=name, outcome="failed", text=error.message, hint=error.hint)
    milliseconds = (snapshot.latency or 0.0) * 1000
    outcome = "ok" if snapshot.health is Health.UP else "warning"
    text = f"in {milliseconds:.0f} ms, {len(snapshot.jobs)} jobs of yours, over {desk.site.transport}"
    return Check.model_validate({"name": name, "outcome": outcome, "text": text})


def _snapshot(desk: SiteDesk) -> list[Check]:
    """Where the centre keeps a snapshot: whether the answer came from there."""
    if desk.site.snapshot is None:
        return []
    note, name = desk.watcher.snapshot.note, "the centre's snapshot"
    if not note:
        return [Check(name=name, outcome="ok", text=f"read from {desk.site.snapshot}")]
    hint = "Tell the centre's staff; everything works without it, more slowly."
    return [Check(name=name, outcome="warning", text=note[:200], hint=hint)]


def _spool(desk: SiteDesk) -> Check:
    name, path = "spool directory", Path(desk.site.spool).expanduser()
    try:
        private_directory(path)
        free = shutil.disk_usage(path).free
        writable = os.access(path, os.W_OK)
    except OSError as error:
        return Check(
            name=name, outcome="failed", text=f"{path}: {error.strerror}", hint="Set spool in the site file."
        )
    if not writable or free < ROOM:
        text = f"{path}: {free >> 20} MiB free, {'writable' if writable else 'not writable'}"
        return Check(name=name, outcome="failed", text=text, hint="Free some space, or set another spool.")
    return Check(name=name, outcome="ok", text=f"{path}: writable, {free >> 30} GiB free")


# -- a job on a node -------------------------------------------------------------------------------------------


async def _on_a_node(desk: SiteDesk, wanted: Environment) -> list[Check]:
    """Submit a small job, let it look around, compare. Its job and files are gone afterwards."""
    spool = desk.spool(f"doctor-{secrets.token_hex(4)}")
    word = secrets.token_hex(8)
    try:
        private_directory(spool.path)
        await asyncio.to_thread(_write_order, spool, desk, wanted)
        await headstart.render(spool, _python(desk), "probe")
        checks = [await _may_submit(desk, spool)]
        async with _listening(desk, spool, word):
            finding = await _run_probe(desk, spool)
        return [*checks, *_compare(desk, finding, word, wanted, await headstart.version_of(wanted.python))]
    except IhpcError as error:
        return [Check(name="a job on a node", outcome="failed", text=error.message, hint=error.hint)]
    except OSError as error:
        return [Check(name="a job on a node", outcome="failed", text=f"{error}", hint="Is the spool full?")]
    finally:
        await asyncio.to_thread(shutil.rmtree, spool.path, True)


def _python(desk: SiteDesk) -> str:
    return desk.site.python or sys.executable


def _write_order(spool: Spool, desk: SiteDesk, wanted: Environment) -> None:
    site = desk.site
    lane = site.default_lane
    group = GroupOrder(lane=lane, shape=Shape(cores=1, memory=512 << 20), time_limit=_minutes(site.lanes[lane]))
    order = HeadOrder(
        uid="doctor",
        name="doctor",
        site=site,
        environment=wanted,
        idle_timeout=60.0,
        groups={"probe": group},
    )
    write_model(spool.order, order)
    spool.gate.touch(mode=0o600)


def _minutes(lane: Lane) -> float:
    return min(120.0, lane.max_time or 120.0)


def _submission(desk: SiteDesk, spool: Spool) -> Submission:
    lane = desk.site.default_lane
    return Submission(
        name="ihpc-doctor",
        script=spool.script("probe").read_text(),
        lane=lane,
        array=False,
        log=str(spool.log("probe")),
        time_limit=_minutes(desk.site.lanes[lane]),
    )


async def _may_submit(desk: SiteDesk, spool: Spool) -> Check:
    name = f"can submit to lane {desk.site.default_lane}"
    try:
        said = await desk.batch.test_only(_submission(desk, spool))
    except IhpcError as error:
        return Check(name=name, outcome="failed", text=error.message, hint=error.hint)
    return Check(name=name, outcome="ok", text=said)


@contextlib.asynccontextmanager
async def _listening(desk: SiteDesk, spool: Spool, word: str) -> AsyncIterator[None]:
    """Listen where a head would, behind the same mutual TLS."""
    loopback = "127.0.0.1" if desk.site.kind is SiteKind.LOCAL else None
    host = desk.site.head.host or loopback or socket.getfqdn()

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(tell, host, 0, ssl=server_context(spool))
    port = server.sockets[0].getsockname()[1]
    write_model(spool.path / "probe-order.json", ProbeOrder(host=host, port=port, word=word))
    try:
        yield
    finally:
        server.close()


async def _run_probe(desk: SiteDesk, spool: Spool) -> ProbeFinding | None:
    """What the job found; None when it did not run in time."""
    job = await desk.batch.submit(_submission(desk, spool))
    try:
        async with asyncio.timeout(PATIENCE):
            while (finding := await asyncio.to_thread(_finding, spool)) is None:  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.2)
            return finding
    except TimeoutError:
        return None
    finally:
        with contextlib.suppress(IhpcError):
            await desk.batch.cancel([job])


def _finding(spool: Spool) -> ProbeFinding | None:
    return read_model(spool.path / "probe.json", ProbeFinding)


def _compare(
    desk: SiteDesk, finding: ProbeFinding | None, word: str, wanted: Environment, python: str
) -> list[Check]:
    if finding is None:
        hint = "The machine may be full, or the node sees neither this Python nor the spool: look into the queue."
        return [
            Check(
                name="a job on a node", outcome="not-checked", text=f"nothing within {PATIENCE:.0f} s", hint=hint
            )
        ]
    return [
        _environment(finding, wanted),
        *([_directory(finding, wanted.directory)] if wanted.directory else []),
        _same_versions(finding, python),
        _reach(desk, finding, word),
        _clock(finding),
    ]


def _environment(finding: ProbeFinding, wanted: Environment) -> Check:
    name = "environment and spool"
    if os.path.realpath(finding.python or wanted.python) == os.path.realpath(wanted.python):
        return Check(name=name, outcome="ok", text=f"node {finding.host} sees {wanted.python} and the spool")
    text = f"node {finding.host} sees the spool, but not {wanted.python}: it takes {finding.python}"
    hint = "What you have installed here may be missing there: use a Python that the nodes see."
    return Check(name=name, outcome="warning", text=text, hint=hint)


def _directory(finding: ProbeFinding, wanted: str) -> Check:
    """Whether files of the notebook's directory are there."""
    name = "files"
    if os.path.realpath(finding.directory or wanted) == os.path.realpath(wanted):
        return Check(name=name, outcome="ok", text=f"node {finding.host} sees {wanted}")
    text = f"node {finding.host} does not see {wanted}: code works in {finding.directory} there"
    hint = "Use --put and --get, or a directory that the nodes see."
    return Check(name=name, outcome="warning", text=text, hint=hint)


def _same_versions(finding: ProbeFinding, python: str) -> Check:
    told = ", ".join(f"{name} {number}" for name, number in finding.versions.items())
    missing = [name for name, number in finding.versions.items() if number == "missing"]
    if missing:
        hint = "Install ihpc-jupyter into the environment of the workers."
        return Check(
            name="versions", outcome="failed", text=f"missing on the node: {', '.join(missing)}", hint=hint
        )
    there = finding.versions["python"]
    if python and there != python:
        text = f"Python is {python} here and {there} on {finding.host}"
        if there.split(".")[:2] != python.split(".")[:2]:
            hint = "Urgent cells are refused there: major and minor version must be the same."
            return Check(name="versions", outcome="failed", text=text, hint=hint)
        return Check(
            name="versions", outcome="warning", text=text, hint="Results may not be readable across versions."
        )
    return Check(name="versions", outcome="ok", text=told)


def _reach(desk: SiteDesk, finding: ProbeFinding, word: str) -> Check:
    name = "workers reach the head, TLS"
    if finding.word == word:
        return Check(name=name, outcome="ok", text=f"{finding.host} connected back over mutual TLS")
    outcome = "warning" if desk.site.head.placement == "job" else "failed"
    hint = 'Set head.host to an address that the nodes reach, or head.placement = "job", in the site file.'
    return Check.model_validate(
        {"name": name, "outcome": outcome, "text": finding.error or "no answer", "hint": hint}
    )


def _clock(finding: ProbeFinding) -> Check:
    difference = finding.at - time.time()
    if abs(difference) > SKEW:
        text = f"the clock of {finding.host} differs by {difference:+.0f} s"
        return Check(name="clocks", outcome="warning", text=text, hint="Times shown may be wrong by as much.")
    return Check(name="clocks", outcome="ok", text=f"{finding.host} agrees within {SKEW:.0f} s")


# -- lanes against the batch system ----------------------------------------------------------------------------


async def _lanes(desk: SiteDesk) -> list[Check]:
    """Each lane's rules beside what the batch system itself enforces."""
    if desk.site.kind is SiteKind.LOCAL:
        return [Check(name="lanes", outcome="ok", text="enforced by the embedded site itself")]
    try:
        offers = await desk.batch.offers()
    except IhpcError as error:
        return [Check(name="lanes", outcome="not-checked", text=error.message, hint=error.hint)]
    return [_lane(name, lane, offers) for name, lane in desk.site.lanes.items()]


def _lane(name: str, lane: Lane, offers: Offers) -> Check:
    title = f"lane {name}"
    partitions = {one.partition for one in offers.lanes.values()}
    if lane.partition is not None and lane.partition not in partitions:
        hint = f"Partitions that are up: {', '.join(sorted(p for p in partitions if p))}."
        return Check(name=title, outcome="failed", text=f"there is no partition {lane.partition}", hint=hint)
    alike = [
        one for one in offers.lanes.values() if one.partition == lane.partition and one.qos in (lane.qos, None)
    ]
    gate = min((one.max_time for one in alike if one.max_time is not None), default=None)
    if lane.max_time is not None and (gate is None or gate > lane.max_time):
        text = f"max_time {lane.max_time:.0f} s is not enforced by the batch system"
        return Check(
            name=title, outcome="warning", text=text, hint="Set MaxTime of the partition, or MaxWall of the QoS."
        )
    return Check(
        name=title, outcome="ok", text=f"partition {lane.partition or 'default'}, QoS {lane.qos or 'default'}"
    )
