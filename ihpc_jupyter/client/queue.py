"""Jobs and answers to "why?" as text, the same at every door that writes text."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial

from ihpc_jupyter.client import heard, story
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.heard import clock
from ihpc_jupyter.errors import IhpcError, NotFound, Rejected, Unavailable
from ihpc_jupyter.model.cluster import ClusterView, JobView
from ihpc_jupyter.model.offer import StartOffer, StartOffers
from ihpc_jupyter.model.protocol import Snapshot
from ihpc_jupyter.model.queue import Belongs, Queue, QueueRow
from ihpc_jupyter.model.why import Explanation

HEADING = (
    "job", "jobs", "name", "user", "state", "lane", "nodes", "cores", "memory", "gpus", "submitted", "start",
    "time", "restarts", "exit", "why",
)  # fmt: skip


PATIENCE = 5.0
"""Seconds to wait for a fresh answer where there is an older one."""


async def queues(agent: AgentClient, site: str | None, *, everybody: bool, kept: bool = False) -> list[Queue]:
    """The jobs at one site, or at all of them that answer. Raises `NotFound` for a site that is not there.

    *kept*: of a batch system that is silent my jobs as it last told them; without, silence raises `Unavailable`.
    """
    ask = _kept if kept and not everybody else partial(AgentClient.jobs, everybody=everybody)
    if site is not None:
        return [await ask(agent, site)]
    names = [status.site.name for status in (await agent.snapshot()).sites]
    found: list[Queue] = []
    silence: IhpcError | None = None
    for name in names:
        try:
            found.append(await ask(agent, name))
        except IhpcError as error:
            silence = error
    if not found and silence is not None:
        raise silence
    return found


async def _kept(agent: AgentClient, site: str) -> Queue:
    """My jobs as told from now on; where nobody answers as last told."""
    last = await agent.jobs(site, fresh=False)
    asking = asyncio.create_task(agent.jobs(site))
    await asyncio.wait({asking}, timeout=None if last.at is None else PATIENCE)
    try:
        if asking.done():
            return asking.result()
        asking.cancel()
        why = f"{site} did not answer within {PATIENCE:.0f} s; it is asked on."
    except Unavailable as error:
        why = error.message
    last = await agent.jobs(site, fresh=False)
    if last.at is None:
        raise Unavailable(why)
    return last.model_copy(update={"silent": True, "detail": last.detail or why})


def rows(queue: Queue, now: float) -> list[Sequence[str]]:
    """A table with its heading; while the batch system is silent states and times are of then, and it says so."""
    then = heard.moment(queue.at, now, silent=queue.silent)
    heading: Sequence[str] = HEADING
    if queue.silent:
        of_then = {"state": "state when last heard", "time": f"time at {clock(queue.at, now)}"}
        heading = tuple(of_then.get(name, name) for name in HEADING)
    return [heading, *(_cells(row, then) for row in queue.rows)]


def _cells(row: QueueRow, now: float) -> Sequence[str]:
    array = f"{row.id.partition('_')[0]}_[{row.elements}]" if row.elements else row.id
    owner = f" ({row.belongs.value} {row.owner or 'not known here'})" if row.belongs is not Belongs.NONE else ""
    start = row.started_at or row.expected_start
    begin = "" if start is None else ("expected " if row.started_at is None else "") + clock(start, now)
    return (
        array, str(row.count), row.name + owner, row.user or "-", row.state.value, row.lane or row.partition,
        str(row.nodes or "-"), str(row.cores), memory_text(row.memory), str(row.gpus or "-"),
        clock(row.submitted_at, now), begin or "-", _time(row, now), str(row.restarts or "-"), _exit(row),
        row.reason_text or "-",
    )  # fmt: skip


def _exit(row: QueueRow) -> str:
    """How an ended job ended: its code, or the signal that killed it."""
    if not row.state.ended or row.exit_code is None:
        return "-"
    return f"signal {-row.exit_code}" if row.exit_code < 0 else str(row.exit_code)


def _time(row: QueueRow, now: float) -> str:
    """Used and left of a running job; the length of an ended one's run."""
    if row.started_at is None:
        return "-"
    if row.state.active:
        left = f", {story.seconds_text(max(0.0, row.ends_at - now))} left" if row.ends_at else ""
        return f"{story.seconds_text(max(0.0, now - row.started_at))}{left}"
    return story.seconds_text(max(0.0, (row.ends_at or now) - row.started_at))


def memory_text(size: int) -> str:
    """Bytes in few letters: ``100M``, ``1.5G``."""
    return f"{round(size / (1 << 30), 2):g}G" if size >= 1 << 30 else f"{size >> 20}M" if size else "-"


def summary(queue: Queue, now: float) -> list[str]:
    """Totals, the age of the data, and the command that shows the same."""
    if queue.at is None:
        return [f"{queue.site} has not answered yet. {queue.detail}".strip()]
    totals = ", ".join(
        f"{total.jobs} {total.state} ({total.cores} core{'' if total.cores == 1 else 's'})"
        for total in queue.totals
    )
    whose = "everybody's jobs" if queue.everybody else "your jobs"
    said = heard.when_last_heard(queue.at, now, silent=queue.silent)
    old = said.lstrip() or f"{story.seconds_text(max(0.0, now - queue.at))} old"
    lines = [f"{queue.site}, {whose}, {old}: {totals or 'none'}"]
    if queue.left_out:
        lines.append(f"{queue.left_out} further lines are left out.")
    if queue.detail:
        lines.append(queue.detail)
    return [*lines, *([f"The same in a terminal: {queue.command}"] if queue.command else [])]


async def tell_why(agent: AgentClient, id_: str, site: str | None = None) -> list[str]:
    """What happened to a run, or why a job waits or ended: one sentence a line. Raises `NotFound`."""
    snapshot = await agent.snapshot()
    run = story.find_run(snapshot, id_)
    lines = list(story.why_run(run, time.time()) if run else _of_cluster(snapshot, id_) or ())
    if run is not None and run.id == id_:
        return lines
    for name in [site] if site else [status.site.name for status in snapshot.sites]:
        try:
            lines += why_lines(name, await agent.why_job(name, id_), time.time())
        except IhpcError as error:
            if site or error.kind == "unavailable":
                lines.append(f"{name}: {error.message}")
    if not lines:
        raise NotFound(
            f"There is no run and no job {id_!r} here.", "Runs and jobs are listed by: ihpc runs, ihpc jobs."
        )
    return lines


def _of_cluster(snapshot: Snapshot, id_: str) -> tuple[str, ...] | None:
    """State and reason of a cluster's job; None: no cluster has it."""
    for cluster in snapshot.clusters:
        for group in cluster.groups.values():
            for job in group.jobs:
                if job.id == id_:
                    return tuple(_cluster_job(cluster, job, time.time()))
    for foreign in snapshot.foreign:
        if foreign.id == id_:
            return (f"Job {id_} has our tag and belongs to no cluster that is known here: {foreign.state}.",)
    return None


def _cluster_job(cluster: ClusterView, job: JobView, now: float) -> Iterator[str]:
    where = f" on {job.node}" if job.node else ""
    then = heard.when_last_heard(cluster.asked_at, now, silent=heard.unproved(job, silent=cluster.silent))
    yield f"Job {job.id} of cluster {cluster.name!r}, group {job.group}: {job.state}{then}{where}."
    reason = job.reason_text or job.reason
    if reason:
        yield f"Reason: {reason.rstrip('.')}."
    if job.expected_start:
        expected = time.strftime("%H:%M", time.localtime(job.expected_start))
        yield f"The batch system expects it to start at {expected}."
    if job.restarts:
        yield f"It was started again {job.restarts} times."


def why_lines(site: str, answer: Explanation, now: float) -> list[str]:
    """An explanation as text: the sentence, the facts, what to do, and how to see the same."""
    job = answer.job
    silent = bool(answer.silence)
    then = heard.when_last_heard(answer.at, now, silent=silent)
    head = f"Job {job.id} ({job.name}) on {site}: {job.state.value}{then}, {answer.category.value}."
    facts = [f"  {fact.label}: {fact.value}" for fact in answer.facts]
    same = [f"  {command}" for command in answer.commands]
    silence = [f"{answer.silence.rstrip('.')}."] if silent else []
    return [
        head, *silence, answer.sentence, f"What to do: {answer.advice}", "What this rests on:", *facts,
        f"  the batch system's own word: {answer.code}", "The same in a terminal:", *same,
    ]  # fmt: skip


async def tell_offers(agent: AgentClient, id_: str, site: str | None = None) -> list[str]:
    """What would start sooner than a job, or why nothing would. Raises `NotFound`."""
    names = [site] if site else [status.site.name for status in (await agent.snapshot()).sites]
    refused: IhpcError | None = None
    for name in names:
        try:
            return offers_lines(await agent.job_offers(name, id_), time.time())
        except IhpcError as error:
            refused = error if refused is None or not isinstance(error, NotFound) else refused
    if isinstance(refused, Rejected):
        return [refused.message]
    raise refused or NotFound(f"No site knows job {id_!r}.", "ihpc jobs lists yours.")


def offers_lines(told: StartOffers, now: float) -> list[str]:
    """Offers as text, a twin of the job first; *sooner* marks what is expected before it and before the job."""
    lines = [f"  {_offer(one, told.site, now)}{_sooner(one, told.before)}" for one in told.offers]
    itself = f" (the job itself: {clock(told.job_start, now)})" if told.job_start else ""
    asked = "submitted then" if told.silence else "submitted now"
    ago = heard.when_last_heard(told.at, now, silent=bool(told.silence)).replace(" when last heard", "")
    return [
        *([f"{told.silence.rstrip('.')}."] if told.silence else []),
        f"What would start when, {asked}, as {told.site} said at {clock(told.at, now)}{ago}{itself}:",
        *lines,
    ]


def _offer(one: StartOffer, site: str, now: float) -> str:
    start = f"expected {clock(one.expected_start, now)}" if one.expected_start else "start not told"
    cores = "core" if one.shape.cores == 1 else "cores"
    size = f"{one.workers} x {one.shape.cores} {cores}, {memory_text(one.shape.memory)}"
    where = f"lane {one.lane}" if one.site == site else f"site {one.site}, lane {one.lane}"
    told = f" ({one.told.rstrip('.')})" if one.told and one.expected_start is None else ""
    return (
        f"{one.what}: {start}{told}; {story.price_text(one.price)} at most; "
        f"{where}, {size}, {story.seconds_text(one.time_limit)}"
    )


def _sooner(one: StartOffer, before: float | None) -> str:
    if one.expected_start is None or before is None or one.expected_start > before - 60:
        return ""
    return f"; sooner by {story.seconds_text(before - one.expected_start)}"
