"""Whether an attempt can still answer. Pure: one rule after the other, the most certain first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.model.run import Attempt, WayKind
from ihpc_jupyter.runs.record import MAX_ATTEMPTS
from ihpc_jupyter.runs.sight import AttemptSight, RunSight

LOST_AFTER = 4.0
"""Seconds without a pulse (it beats twice a second) after which a copy counts as lost."""

BEGIN_WITHIN = 8.0
"""Seconds in which a driver has to begin once its job runs: a node may hang before anything of ours is on it.

Each further attempt has twice as long, and the last all the time: slow nodes cost some attempts, not the answer.
"""

UNSEEN_FOR = 30.0
"""Seconds after which an attempt without command, job or driver is given up: enough for slow answers."""

NOT_WRITTEN = 4
"""Exit code of a driver whose result found no room, nor perhaps the words for that."""

STUCK_AFTER = 5.0
"""Seconds in which a job that finds room starts; Slurm needs a fraction of one."""

STUCK_AT_MOST = 3
"""Attempts that may be given up for waiting although there is room."""


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended, and whether another one makes sense; *nodes* are those to keep away from, *anywhere*
    says that the next one may not keep away from any."""

    outcome: Literal["won", "lost", "unanswered", "refused", "cancelled", "preempted"]
    detail: str
    retry: bool = True
    nodes: tuple[str, ...] = ()
    anywhere: bool = False

    def applied(self, attempt: Attempt, now: float) -> Attempt:
        """The attempt, ended so."""
        update = {"outcome": self.outcome, "detail": self.detail, "ended_at": now}
        return attempt.model_copy(update=update)


def judge(attempt: Attempt, sight: AttemptSight, seen: RunSight) -> Verdict | None:
    """Why an attempt can no longer answer; None while it may. An answer is looked for before this is asked."""
    for rule in _RULES:
        verdict = rule(attempt, sight, seen)
        if verdict is not None:
            return _in_its_own_words(verdict, sight)
    return None


def _in_its_own_words(verdict: Verdict, sight: AttemptSight) -> Verdict:
    """What a driver itself said of why it has no result is nearer the cause than what is seen from outside."""
    told = next((copy for copy in sight.copies if copy.complaint), None)
    if told is None or verdict.outcome != "lost":
        return verdict
    return replace(verdict, detail=told.complaint, retry=verdict.retry and not told.final)


def _not_taken(attempt: Attempt, sight: AttemptSight, __: RunSight) -> Verdict | None:
    """The batch system refused, or did not answer the request."""
    if sight.command.refused:
        # There may be no other node than those that it kept away from, and a reservation may be over by now.
        narrow = bool(attempt.exclude) or attempt.way is WayKind.RESERVATION
        return Verdict("refused", sight.command.refused, retry=narrow, anywhere=narrow)
    if sight.command.unanswered:
        asked = attempt.way not in {WayKind.IDLE_WORKERS, WayKind.OWN_WORKERS} and attempt.started_at is None
        return Verdict("unanswered" if asked else "lost", sight.command.unanswered, nodes=attempt.nodes)
    return None


def _silent(_: Attempt, sight: AttemptSight, __: RunSight) -> Verdict | None:
    """Every copy that began is silent or done, and no other can still begin."""
    begun = [copy for copy in sight.copies if copy.started_at is not None]
    to_come = len(begun) < len(sight.copies) and sight.command.code is None
    if not begun or to_come or not all(copy.silent > LOST_AFTER or copy.ended for copy in begun):
        return None
    hosts = tuple(dict.fromkeys(copy.host for copy in begun if copy.host))
    return Verdict("lost", f"No sign of life from {', '.join(hosts)} for {LOST_AFTER:g} s.", nodes=hosts)


def _never_began(attempt: Attempt, sight: AttemptSight, seen: RunSight) -> Verdict | None:
    """The batch system says that the job runs, but no driver has begun on its nodes."""
    begun = any(copy.started_at is not None for copy in sight.copies)
    runs = bool(sight.jobs) and all(job.state is JobState.RUNNING for job in sight.jobs)
    if begun or not runs or attempt.allocated_at is None or attempt.number >= MAX_ATTEMPTS:
        return None
    patience = BEGIN_WITHIN * 2.0 ** (attempt.number - 1)
    if seen.now - max(attempt.allocated_at, attempt.submitted_at) <= patience:
        return None
    nodes = tuple(job.node for job in sight.jobs if job.node)
    return Verdict("lost", f"The job runs, but nothing has begun on {', '.join(nodes)}.", nodes=nodes)


_ENDS = {
    JobState.TIMEOUT: Verdict("lost", "It ran into its time limit.", retry=False),
    JobState.OUT_OF_MEMORY: Verdict("lost", "It used more memory than it asked for.", retry=False),
    JobState.PREEMPTED: Verdict("preempted", "It had to give way itself."),
}


def _job_ended(_: Attempt, sight: AttemptSight, __: RunSight) -> Verdict | None:
    """The batch system tells of its end. A job that nobody tells of proves nothing, and while a command holds it,
    that tells the end itself, after the answer has had time to be seen."""
    ended = bool(sight.jobs) and all(job.state.ended for job in sight.jobs)
    held = sight.command.known and sight.command.code is None
    if not ended or held or sight.jobs[0].state is JobState.COMPLETING:
        return None
    state = sight.jobs[0].state
    nodes = tuple(job.node for job in sight.jobs if job.node and state is JobState.NODE_FAIL)
    return _ENDS.get(state) or Verdict("lost", f"The job ended as {state} without an answer.", nodes=nodes)


def _command_ended(_: Attempt, sight: AttemptSight, __: RunSight) -> Verdict | None:
    """The command that holds the job has ended by itself: so has the job."""
    code = sight.command.code
    if code is None or code < 0:
        return None
    if code == NOT_WRITTEN and any(copy.running_at is not None for copy in sight.copies):
        return Verdict("lost", "The result could not be written; the spool may be full.", retry=False)
    return Verdict("lost", f"{_NO_ANSWER} (exit code {code}).")


def ends_itself(attempts: Sequence[Attempt]) -> bool:
    """Whether two attempts in a row ended the same way, by themselves, in the user's code: a third will, too.

    Not where somebody killed them: that may be bad luck twice.
    """
    *_, before, last = (None, None, *attempts)
    if before is None or last is None or not (before.running_at and last.running_at):
        return False
    killed = any(f"(exit code {code})" in last.detail for code in _KILLED)
    return last.detail.startswith(_NO_ANSWER) and last.detail == before.detail and not killed


_NO_ANSWER = "The job ended without an answer"
_KILLED = (128 + 9, 128 + 15, 9, 15)
"""Exit codes of a job that was killed, or asked to go."""


def _command_killed(_: Attempt, sight: AttemptSight, __: RunSight) -> Verdict | None:
    """The command was killed while the job waited: nobody would start anything in it any more."""
    begun = any(copy.started_at is not None for copy in sight.copies)
    waits = any(job.state.waiting for job in sight.jobs)
    if sight.command.code is None or begun or not waits:
        return None
    return Verdict("lost", "The command that asked for the job was killed while the job waited.")


def _never_seen(attempt: Attempt, sight: AttemptSight, seen: RunSight) -> Verdict | None:
    """Nobody holds it, nothing has begun, and the batch system, asked well after, has no such job."""
    held = sight.command.known and sight.command.code is None
    begun = any(copy.started_at is not None for copy in sight.copies)
    asked_since = seen.answered_at is not None and seen.answered_at > attempt.submitted_at + UNSEEN_FOR
    if held or begun or sight.jobs or not asked_since:
        return None
    return Verdict("lost", "The command that asked for the job is gone, and the batch system has no such job.")


def _stuck(attempt: Attempt, sight: AttemptSight, seen: RunSight) -> Verdict | None:
    """It waits for a node that an ended job still holds, though others are free: asked again, it gets another.
    Each time with twice the patience, and not for ever: a job that waits for something else keeps its place."""
    begun = any(copy.started_at is not None for copy in sight.copies)
    reasons = {job.reason for job in sight.jobs if job.state.waiting}
    patience = STUCK_AFTER * 2.0 ** (attempt.number - 1)
    reserved = attempt.way is WayKind.RESERVATION
    for_a_node = _FOR_A_NODE | _FOR_A_RESERVATION if reserved else _FOR_A_NODE
    waits = seen.now - attempt.submitted_at > patience and bool(reasons) and reasons <= for_a_node
    if attempt.number > STUCK_AT_MOST or begun or not waits or not seen.room:
        return None
    if reserved:
        return Verdict("lost", "It waited for the reservation although there is room elsewhere.", anywhere=True)
    # What is free may be just what it kept away from: a node on which something was lost may be well all the same.
    return Verdict("lost", "It waited for a node although others were free.", anywhere=True)


_FOR_A_NODE = {"", "None", "Resources"}
_FOR_A_RESERVATION = {"Priority", "Reservation", "ReservationDeleted"}

_RULES: tuple[Callable[[Attempt, AttemptSight, RunSight], Verdict | None], ...] = (
    _not_taken,
    _silent,
    _never_began,
    _job_ended,
    _command_ended,
    _command_killed,
    _never_seen,
    _stuck,
)
