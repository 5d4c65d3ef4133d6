"""What the `local` site takes."""

import os

from ihpc_jupyter.errors import InvalidRequest, NotFound, Rejected
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.base import Submission

_MAX_JOBS = 10_000
_SCRIPT_LIMIT = 4 << 20


def check_memory(memory: int) -> None:
    """Raise `Rejected` for a job that asks for more bytes than this host has in all."""
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory > host:
        raise Rejected(
            f"A job asks for {memory >> 20} MiB of memory, this host has {host >> 20}.", "Choose a smaller shape."
        )


def check(submission: Submission, site: Site, slots: int, queued: int) -> None:
    """Raise `NotFound`, `Rejected` or `InvalidRequest` for what a host with *slots* and *queued* jobs refuses."""
    if submission.lane not in site.lanes:
        choices = ", ".join(site.lanes)
        raise NotFound(f"The site {site.name} has no lane {submission.lane!r}.", f"Choose one of {choices}.")
    if not 1 <= submission.count <= _MAX_JOBS - queued:
        raise Rejected(f"This host's queue holds at most {_MAX_JOBS} jobs.", "Ask for fewer.")
    if not 1 <= submission.cores <= slots:
        raise Rejected(
            f"A job asks for {submission.cores} cores, this host gives {slots}.", "Choose a smaller shape."
        )
    lane = site.lanes[submission.lane]
    if lane.max_time is not None and submission.time_limit > lane.max_time:
        raise Rejected(
            f"The lane {submission.lane} allows {lane.max_time:g} s, not {submission.time_limit:g} s.",
            "Ask for less time.",
        )
    if len(submission.script) > _SCRIPT_LIMIT or "\0" in submission.script + submission.log:
        raise InvalidRequest("The script is longer than 4 MiB or holds a zero byte.")
