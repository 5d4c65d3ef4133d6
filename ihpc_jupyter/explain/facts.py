"""Evidence as a list of facts, each with a label; what could not be read is among them, and says so."""

from collections.abc import Iterator

from ihpc_jupyter.explain.words import clock, core_time, counted, digits, duration, memory
from ihpc_jupyter.model.why import Booking, Category, Evidence, Fact, Limit

NOT_TOLD = "not told by the batch system"

_LABELS = {
    "ahead": "jobs ahead", "room": "nodes", "bookings": "reservations", "factors": "priority is made of",
    "limits": "limits", "dependency_states": "the jobs it waits for", "peak_memory": "measured use",
}  # fmt: skip


def facts_of(evidence: Evidence) -> tuple[Fact, ...]:
    """All that is known, and what is not."""
    parts = (_asked, _waiting, _queue, _nodes, _rules, _ended)
    told = [Fact(label=label, value=value) for part in parts for label, value in part(evidence)]
    unread = [
        Fact(label=_LABELS.get(name, name), value=f"not read: {why}", read=False)
        for name, why in evidence.unread.items()
    ]
    return (*told, *unread)


Told = Iterator[tuple[str, str]]


def _asked(evidence: Evidence) -> Told:
    job = evidence.job
    amounts = [counted(job.cores, "core")]
    amounts += [counted(job.nodes, "node")] if job.nodes else []
    amounts += [memory(job.memory)] if job.memory else []
    amounts += [counted(job.gpus, "GPU")] if job.gpus else []
    amounts += [f"for {duration(job.time_limit)}"] if job.time_limit else []
    yield "asks for" if job.state.waiting else "has" if job.state.active else "had", ", ".join(amounts)
    if job.lane or job.partition:
        names = (("lane", job.lane), ("partition", job.partition), ("QoS", job.qos), ("account", job.account))
        yield "where", ", ".join(f"{what} {name}" for what, name in names if name)
    if job.restarts:
        yield "started before", counted(job.restarts, "time")


def _waiting(evidence: Evidence) -> Told:
    job, now = evidence.job, evidence.asked_at
    if not job.state.waiting:
        return
    if job.submitted_at:
        yield "waits since", f"{clock(job.submitted_at, now)} ({duration(now - job.submitted_at)})"
    yield "expected start", clock(job.expected_start, now) if job.expected_start else NOT_TOLD
    if evidence.eligible_at and evidence.eligible_at > now:
        yield "may start from", clock(evidence.eligible_at, now)
    # At its submission Slurm notes that moment, whether or not it tried to start the job.
    if evidence.considered_at and evidence.considered_at > (job.submitted_at or 0.0):
        yield "last looked at by the scheduler", clock(evidence.considered_at, now)


def _queue(evidence: Evidence) -> Told:
    if (ahead := evidence.ahead) is not None:
        sizes = f", asking for {counted(ahead.cores, 'core')} on {counted(ahead.nodes, 'node')}"
        yield "jobs ahead", counted(ahead.jobs, "job") + (sizes if ahead.jobs else "")
        if ahead.elsewhere:
            yield "waiting in other partitions", counted(ahead.elsewhere, "job")
    if evidence.priority is not None and evidence.job.state.waiting:
        yield "priority", str(evidence.priority)
    if evidence.factors is not None:
        parts = ", ".join(f"{name} {digits(value)}" for name, value in evidence.factors.items())
        yield "priority is made of", parts or NOT_TOLD


def _nodes(evidence: Evidence) -> Told:
    if (room := evidence.room) is not None:
        yield "nodes", ", ".join(f"{count} {state}" for state, count in room.states.items()) or NOT_TOLD
        yield "free cores", f"{room.free_cores} of {room.all_cores}"
        for line in room.out[:5]:
            yield "out of order", line
        if len(room.out) > 5:
            yield "out of order", f"and {len(room.out) - 5} further groups of nodes"
    if evidence.wanted_nodes:
        yield "insists on nodes", evidence.wanted_nodes
    if evidence.reservation:
        yield "wants the reservation", evidence.reservation
    for booking in (evidence.bookings or ())[:5]:
        yield "maintenance" if booking.maintenance else "reservation", _booking(booking, evidence.asked_at)


def _booking(booking: Booking, now: float) -> str:
    start = clock(booking.starts_at, now) if booking.starts_at else "?"
    end = clock(booking.ends_at, now) if booking.ends_at else "?"
    return f"{booking.name}: {start} to {end}" + (f" on {booking.nodes}" if booking.nodes else "")


def _rules(evidence: Evidence) -> Told:
    if evidence.limits is not None:
        for limit in sorted(evidence.limits, key=lambda one: not one.full)[:8]:
            yield limit.name, _limit(limit)
        if not evidence.limits:
            yield "limits", NOT_TOLD
    if evidence.dependency:
        yield "depends on", evidence.dependency
    for id_, state in (evidence.dependency_states or {}).items():
        yield f"job {id_}", state.value


def _limit(limit: Limit) -> str:
    return f"{limit.allowed} allowed" + (f", {limit.used} in use" if limit.used else "")


def _ended(evidence: Evidence) -> Told:
    job, now = evidence.job, evidence.asked_at
    if job.state.waiting:
        return
    if job.node:
        yield "on", job.node
    if job.started_at:
        yield "started", clock(job.started_at, now)
    if job.state.active and job.ends_at:
        yield "time left", duration(job.ends_at - now)
    if job.state.ended:
        yield from _end(evidence)


def _end(evidence: Evidence) -> Told:
    job = evidence.job
    if job.started_at and job.ends_at and job.ends_at >= job.started_at:
        ran = job.ends_at - job.started_at
        yield "ran for", duration(ran)
        yield "used" if evidence.category is Category.COMPLETED else "lost", core_time(job.cores * ran)
    if job.exit_code is not None:
        signal = f"killed by signal {-job.exit_code}" if job.exit_code < 0 else f"exit code {job.exit_code}"
        yield "ended with", signal
    if "peak_memory" not in evidence.unread:
        used = memory(evidence.peak_memory) if evidence.peak_memory else NOT_TOLD
        yield "most memory of one step", used
    if evidence.category is Category.CANCELLED:
        yield "cancelled by", evidence.cancelled_by or NOT_TOLD
    if evidence.category is Category.PREEMPTED:
        yield "for whom it had to go", NOT_TOLD
