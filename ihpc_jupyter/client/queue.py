"""Jobs and answers to "why?" as text, the same at every door that writes text."""

import time
from collections.abc import Sequence
from functools import partial

from ihpc_jupyter.client import story
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError, NotFound, Rejected
from ihpc_jupyter.model.offer import StartOffer, StartOffers
from ihpc_jupyter.model.queue import Belongs, Queue, QueueRow
from ihpc_jupyter.model.site import Health
from ihpc_jupyter.model.why import Explanation

HEADING = (
    "job", "jobs", "name", "user", "state", "lane", "nodes", "cores", "memory", "gpus", "submitted", "start",
    "time", "restarts", "exit", "why",
)  # fmt: skip


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
    """My jobs as told from now on; where nobody answers, or is known not to, as last told."""
    last = await agent.jobs(site, fresh=False)
    if last.at is not None and last.health is Health.UNKNOWN:
        return last
    try:
        return await agent.jobs(site)
    except IhpcError as error:
        last = await agent.jobs(site, fresh=False)
        if error.kind != "unavailable" or last.at is None:
            raise
        return last


def rows(queue: Queue, now: float) -> list[Sequence[str]]:
    """A table with its heading; where the batch system is silent, times used and left are those of then."""
    then = now if queue.at is None or queue.health is Health.UP else queue.at
    return [HEADING, *(_cells(row, then) for row in queue.rows)]


def _cells(row: QueueRow, now: float) -> Sequence[str]:
    array = f"{row.id.partition('_')[0]}_[{row.elements}]" if row.elements else row.id
    owner = f" ({row.belongs.value} {row.owner or 'not known here'})" if row.belongs is not Belongs.NONE else ""
    start = row.started_at or row.expected_start
    begin = "" if start is None else ("expected " if row.started_at is None else "") + _clock(start, now)
    return (
        array, str(row.count), row.name + owner, row.user or "-", row.state.value, row.lane or row.partition,
        str(row.nodes or "-"), str(row.cores), memory_text(row.memory), str(row.gpus or "-"),
        _clock(row.submitted_at, now), begin or "-", _time(row, now), str(row.restarts or "-"), _exit(row),
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


def _clock(at: float | None, now: float) -> str:
    if at is None:
        return "-"
    same = time.localtime(at)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if same else "%m-%d %H:%M", time.localtime(at))


def summary(queue: Queue, now: float) -> list[str]:
    """Totals, the age of the data, and the command that shows the same."""
    if queue.at is None:
        return [f"{queue.site} has not answered yet. {queue.detail}".strip()]
    totals = ", ".join(
        f"{total.jobs} {total.state} ({total.cores} core{'' if total.cores == 1 else 's'})"
        for total in queue.totals
    )
    whose = "everybody's jobs" if queue.everybody else "your jobs"
    lines = [f"{queue.site}, {whose}, {story.seconds_text(max(0.0, now - queue.at))} old: {totals or 'none'}"]
    if queue.left_out:
        lines.append(f"{queue.left_out} further lines are left out.")
    if queue.detail:
        lines.append(queue.detail)
    return [*lines, *([f"The same in a terminal: {queue.command}"] if queue.command else [])]


async def tell_why(agent: AgentClient, id_: str, site: str | None = None) -> list[str]:
    """What happened to a run, or why a job waits or ended: one sentence a line. Raises `NotFound`."""
    snapshot = await agent.snapshot()
    run = story.find_run(snapshot, id_)
    lines = list(story.why_run(run, time.time()) if run else story.why_job(snapshot, id_) or ())
    if run is not None and run.id == id_:
        return lines
    for name in [site] if site else [status.site.name for status in snapshot.sites]:
        try:
            lines += why_lines(name, await agent.why_job(name, id_))
        except IhpcError as error:
            if site or error.kind == "unavailable":
                lines.append(f"{name}: {error.message}")
    if not lines:
        raise NotFound(
            f"There is no run and no job {id_!r} here.", "Runs and jobs are listed by: ihpc runs, ihpc jobs."
        )
    return lines


def why_lines(site: str, answer: Explanation) -> list[str]:
    """An explanation as text: the sentence, the facts, what to do, and how to see the same."""
    job = answer.job
    head = f"Job {job.id} ({job.name}) on {site}: {job.state.value}, {answer.category.value}."
    facts = [f"  {fact.label}: {fact.value}" for fact in answer.facts]
    same = [f"  {command}" for command in answer.commands]
    return [
        head, answer.sentence, f"What to do: {answer.advice}", "What this rests on:", *facts,
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
    itself = f" (the job itself: {_clock(told.job_start, now)})" if told.job_start else ""
    return [
        f"What would start when, submitted now, as {told.site} said at {_clock(told.at, now)}{itself}:",
        *lines,
    ]


def _offer(one: StartOffer, site: str, now: float) -> str:
    start = f"expected {_clock(one.expected_start, now)}" if one.expected_start else "start not told"
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
