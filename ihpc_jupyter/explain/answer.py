"""From evidence to an explanation: a category, one sentence, the facts, one thing to do."""

import re
from collections.abc import Callable

from ihpc_jupyter.explain.facts import facts_of
from ihpc_jupyter.explain.neighbours import shape_matters
from ihpc_jupyter.explain.words import clock, counted, duration, memory
from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.why import Category, Evidence, Explanation


def explain(evidence: Evidence) -> Explanation:
    """The answer to "why?"; nothing in it that the evidence does not say."""
    category = _category(evidence)
    job = evidence.job
    if job.state is JobState.COMPLETING:
        sentence, advice = _ENDING
    else:
        sentence, advice = _FIXED[category] if category in _FIXED else _ANSWERS[category](evidence)
    if evidence.silence:
        sentence = f"When last heard ({clock(evidence.asked_at, evidence.asked_at)}): {sentence}"
    # A job cancelled while it waited keeps the code for which it had waited.
    code = "" if category in {Category.CANCELLED, Category.COMPLETED} else job.reason
    return Explanation(
        job=job, category=category, sentence=sentence, facts=facts_of(evidence), advice=advice,
        code=code or job.state.value, at=evidence.asked_at, silence=evidence.silence,
        commands=evidence.commands, offers=shape_matters(job, category),
    )  # fmt: skip


def _category(evidence: Evidence) -> Category:
    """The batch system's word, but where one word of it stands for several things and the evidence decides."""
    code = evidence.job.reason
    if evidence.category is not Category.NODE_DOWN or not code.startswith("Nodes required for job are DOWN"):
        return evidence.category
    # Slurm says so also when higher partitions hold the nodes and none of them is out of order.
    if evidence.room is None or evidence.room.out:
        return Category.NODE_DOWN
    return Category.RESOURCES


Answer = tuple[str, str]
"""The sentence and the advice."""


def _resources(evidence: Evidence) -> Answer:
    job, room = evidence.job, evidence.room
    asked = counted(job.nodes, "node") if job.nodes > 1 else counted(job.cores, "core")
    free = f"; {counted(room.free_cores, 'core')} of {room.all_cores} are free" if room else ""
    sentence = f"Not enough is free at once for {asked}{free}."
    if room and room.free_cores >= job.cores:
        sentence = f"{counted(room.free_cores, 'core')} are free, but not so that it fits or may have them."
    if "licen" in job.reason.lower():
        sentence = evidence.reason_text
    return sentence, "Wait, or ask for less: fewer nodes, less memory, or a shorter time that fits into a gap."


def _priority(evidence: Evidence) -> Answer:
    ahead = evidence.ahead
    if ahead is None:
        sentence = evidence.reason_text
    elif ahead.jobs:
        come = "comes" if ahead.jobs == 1 else "come"
        sentence = f"{counted(ahead.jobs, 'job')} with more priority, or older, {come} first."
    else:
        sentence = "The batch system says that others come first; in its own partition none is seen ahead of it."
    return sentence, "Wait, or ask for a shorter time: a short job may slip into a gap without delaying others."


def _limit(evidence: Evidence) -> Answer:
    code = evidence.job.reason
    if code == "JobArrayTaskLimit":
        return (
            evidence.reason_text,
            "Wait, or let more jobs of the array run at once (scontrol update ArrayTaskThrottle).",
        )
    advice = next(advice for pattern, advice in _LIMITS if re.search(pattern, code))
    return evidence.reason_text, advice


_LIMITS = (
    (
        "NotAllowed|^Invalid",
        "As it is asked for it cannot start: cancel it and ask with an account and a lane that go together.",
    ),
    (
        "Per(Job|Node)|^MaxMemPerLimit|^QOSMin|^Partition|^BadConstraints|^DeadLine",
        "As it is asked for it may never start: cancel it and ask for what the limit allows.",
    ),
    (
        "Grp[A-Za-z]*(?<!Run)Minutes|GrpWall|TimeLimit",
        "Ask for less time, or use another lane or account: what is used up does not come back when jobs end.",
    ),
    (
        "PerUser|^AssocMax|^QOSJobLimit",
        "Wait until your other jobs under this limit end, or use another lane or account.",
    ),
    ("", "Wait until other jobs under this limit end, or use another lane or account."),
)
"""What to do by a pattern in the code; the first that is found counts."""


def _dependency(evidence: Evidence) -> Answer:
    if evidence.job.reason == "DependencyNeverSatisfied":
        return evidence.reason_text, "Cancel it, or change its dependency; by itself it never starts."
    waits = [f"job {id_} ({state.value})" for id_, state in (evidence.dependency_states or {}).items()]
    on = f": {', '.join(waits[:3])}" if waits else ""
    return f"It waits for another job that it depends on{on}.", "Wait for that job, or look at why it waits."


def _held(evidence: Evidence) -> Answer:
    if "admin" in evidence.job.reason.lower():
        return evidence.reason_text, "Ask the centre's support why; only its staff can release it."
    return evidence.reason_text, f"Release it: scontrol release {evidence.job.id}"


def _reservation(evidence: Evidence) -> Answer:
    if evidence.reservation:
        return evidence.reason_text, "Wait until the reservation begins, or ask without it."
    ahead = [one for one in evidence.bookings or () if not one.mine] or list(evidence.bookings or ())
    if not ahead:
        return evidence.reason_text, "Wait, or ask for a time that ends before the reservation begins."
    first = ahead[0]
    what = "a maintenance" if first.maintenance else "a reservation"
    when = f" from {clock(first.starts_at, evidence.asked_at)}" if first.starts_at else ""
    sentence = f"Nodes that it needs are kept for {what} ({first.name}){when}."
    if first.starts_at and (left := first.starts_at - evidence.asked_at) > 60:
        return sentence, f"Ask for less than {duration(left)}: a job that ends before it begins may still start."
    return sentence, "Wait until it is over."


def _node_down(evidence: Evidence) -> Answer:
    code = evidence.job.reason
    if code in {"PartitionDown", "PartitionInactive"}:
        return evidence.reason_text, "Use another lane, or ask the centre's support when it comes back."
    out = f" ({evidence.room.out[0]})" if evidence.room and evidence.room.out else ""
    wanted = (
        f"the node {evidence.wanted_nodes}, which it insists on," if evidence.wanted_nodes else "a node it needs"
    )
    advice = (
        "Ask without naming nodes." if evidence.wanted_nodes else "Wait for the repair, or ask for fewer nodes."
    )
    return f"It waits because {wanted} is not available{out}.", advice


def _begin_time(evidence: Evidence) -> Answer:
    at = evidence.eligible_at
    when = f" before {clock(at, evidence.asked_at)}" if at and at > evidence.asked_at else " yet"
    if evidence.job.restarts:
        return f"It was put back into the queue and may not start{when}.", "Wait: it starts again by itself."
    return (
        f"It may not start{when}, as it was asked for.",
        f"Wait, or let it start now: scontrol update JobId={evidence.job.id} StartTime=now",
    )


def _running(evidence: Evidence) -> Answer:
    job = evidence.job
    since = f" since {clock(job.started_at, evidence.asked_at)}" if job.started_at else ""
    return f"It does not wait: it is {job.state.value.lower()}{since}.", "Nothing."


def _failed(evidence: Evidence) -> Answer:
    code = evidence.job.exit_code
    if code is None:
        return evidence.reason_text or "It ended with an error.", "Read the end of its log."
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    signal = -code if code < 0 else max(0, code - _BY_SIGNAL)
    if code > 0 < signal <= _LAST_SIGNAL:
        how += f", which a shell gives when signal {signal} killed a program of its"
    used, asked = evidence.peak_memory, evidence.job.memory
    if signal == _KILL and used and asked and used > asked:
        beyond = f"after a step had used {memory(used)} where {memory(asked)} were asked for"
        return f"It {how}, {beyond}.", _OUT_OF_MEMORY
    sentence = f"It {how}." if code else evidence.reason_text or "It ended with an error."
    return sentence, "Read the end of its log."


_BY_SIGNAL = 128
"""A shell's exit code, and that of ``srun``, for a program that a signal ended: this and the signal's number."""
_LAST_SIGNAL = 64
_KILL = 9


def _timed_out(evidence: Evidence) -> Answer:
    limit = f" of {duration(evidence.job.time_limit)}" if evidence.job.time_limit else ""
    return (
        f"It was ended at its time limit{limit}.",
        "Ask for more time, split the work, or save its state as it goes.",
    )


_OUT_OF_MEMORY = "Ask for more memory, or work on smaller pieces."


def _out_of_memory(evidence: Evidence) -> Answer:
    asked = f" ({memory(evidence.job.memory)})" if evidence.job.memory else ""
    return f"It used more memory than it had asked for{asked}.", _OUT_OF_MEMORY


def _cancelled(evidence: Evidence) -> Answer:
    by = f" by {evidence.cancelled_by}" if evidence.cancelled_by else ""
    return f"It was cancelled{by}.", "Submit it again if that was not meant."


def _node_failure(evidence: Evidence) -> Answer:
    node = f" ({evidence.job.node})" if evidence.job.node else ""
    return f"A node that it ran on failed{node}; it is not the job's fault.", "Submit it again."


def _unknown(evidence: Evidence) -> Answer:
    told = evidence.reason_text or evidence.job.state.value
    return f"The batch system says: {told}", "Ask the centre's support what that code means there."


_ENDING: Answer = (
    "It has ended; its nodes are being cleaned up.",
    "Ask again in a moment: how it ended is told then.",
)
"""Of a job in this state the batch system does not say yet whether it ended well."""

_FIXED: dict[Category, Answer] = {
    Category.NOT_CONSIDERED: (
        "The scheduler has not looked at it yet.",
        "Wait for its next pass: seconds, or some minutes on a busy system.",
    ),
    Category.COMPLETED: ("It has ended well.", "Nothing."),
    Category.PREEMPTED: (
        "It had to go for a job of higher priority; what it had not saved is lost.",
        "Ask again in a lane that is not preemptible, or save its state when it is told to go.",
    ),
}

_ANSWERS: dict[Category, Callable[[Evidence], Answer]] = {
    Category.RESOURCES: _resources,
    Category.PRIORITY: _priority,
    Category.LIMIT: _limit,
    Category.DEPENDENCY: _dependency,
    Category.HELD: _held,
    Category.RESERVATION: _reservation,
    Category.NODE_DOWN: _node_down,
    Category.BEGIN_TIME: _begin_time,
    Category.RUNNING: _running,
    Category.FAILED: _failed,
    Category.TIMED_OUT: _timed_out,
    Category.OUT_OF_MEMORY: _out_of_memory,
    Category.CANCELLED: _cancelled,
    Category.NODE_FAILURE: _node_failure,
    Category.UNKNOWN: _unknown,
}
