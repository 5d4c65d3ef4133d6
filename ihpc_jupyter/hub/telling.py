"""What a person reads of a job that is to become their server. Pure."""

import time
from collections.abc import Mapping
from html import escape

from ihpc_jupyter.hub.choice import words
from ihpc_jupyter.hub.clocks import Part
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.scheduler.reasons import explain_reason

SILENT = "The batch system does not answer; the job is kept, and asked for again."

_ENDS = {
    JobState.CANCELLED: "was cancelled",
    JobState.TIMEOUT: "reached its time limit",
    JobState.PREEMPTED: "had to give way to a job with a higher priority",
    JobState.NODE_FAIL: "was lost with its node",
    JobState.OUT_OF_MEMORY: "used more memory than it asked for",
    JobState.UNKNOWN: "is no longer known to the batch system",
}


_TOO_LATE: Mapping[Part, str] = {
    "queue": "The job did not start",
    "boot": "The job started, but its server did not listen",
    "http": "The server listens, but did not answer",
}


def waits(job: Job, lane: str, since: float, place: int | None = None) -> str:
    """One line for a job in the queue, which stays true while it stands: *since* when (seconds since 1970 UTC),
    at which *place* in the queue, from 1, where that is known."""
    line = f"Job {job.id} waits in lane {lane} since {time.strftime('%H:%M:%S UTC', time.gmtime(since))}."
    if place is not None:
        line += f" It is number {place} in its queue."
    if job.reason:
        line += f" {explain_reason(job.reason)}"
    if job.expected_start is not None:
        line += f" Expected start: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(job.expected_start))}."
    return line


def waiting(line: str, since: float) -> str:
    """The *line* as HTML that says since when the start waits (seconds since 1970): the page counts from there."""
    return f'<span data-since="{int(since)}">{escape(line)}</span>'


def runs(job: Job, lane: str, waited: float) -> str:
    """One line for a job that has nodes."""
    where = f" on {job.node}" if job.node else ""
    return f"Job {job.id} runs in lane {lane}{where}, after {waited:.0f} s in the queue. The server starts."


def ended(job: Job) -> str:
    """Why a job is over, in one sentence or two."""
    how = _ENDS.get(job.state, "ended" if job.state is JobState.COMPLETED else "failed")
    line = f"The server's job {job.id} {how} before the server was up."
    if not job.reason or job.state is JobState.CANCELLED:  # Slurm still tells there why the job waited
        return line
    return f"{line} {explain_reason(job.reason)}"


def too_late(part: Part, seconds: float) -> str:
    """What is said where one of the clocks has run out."""
    return f"{_TOO_LATE[part]} within {words(seconds)} ({part}_timeout); the job was cancelled."


def with_log(cause: str, tail: str) -> tuple[str, str]:
    """The cause and the end of the job's log, as text and as HTML."""
    if not tail.strip():
        return cause, f"<p>{escape(cause)}</p>"
    return (
        f"{cause} The end of its log:\n{tail}",
        f"<p>{escape(cause)} The end of its log:</p><pre>{escape(tail)}</pre>",
    )
