"""The batch job that a door's Jupyter server runs in, among those that the watchers tell of anyway."""

import re
from collections.abc import Iterable

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.identity import this_host
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.protocol import Here
from ihpc_jupyter.model.site import SiteKind

_WORDS = re.compile(r"(slurm|local):([0-9A-Za-z_.]{1,40})")


ENDS_SOON = 900.0
"""Seconds before its end in which a server's own job is looked at: people are warned, and it may be put off."""


def read_here(text: str) -> tuple[SiteKind, str] | None:
    """Of ``slurm:123`` the batch system and the id; None of nothing. Raises InvalidRequest."""
    if not text:
        return None
    if (match := _WORDS.fullmatch(text)) is None:
        raise InvalidRequest(f"here is {text[:60]!r}.", "Write it like slurm:123 or local:7.")
    return SiteKind(match[1]), match[2]


def find_here(own: tuple[SiteKind, str] | None, desks: Iterable[SiteDesk]) -> Here | None:
    """That job as its site last told it; None where no site tells of it as running."""
    if own is None:
        return None
    kind, id_ = own
    for desk in desks:
        job = desk.watcher.snapshot.jobs.get(id_)
        if desk.site.kind is kind and job is not None and job.state.active and _may_be_here(desk, job):
            return Here(site=desk.site.name, job=job)
    return None


def ends_soon(here: Here, now: float) -> bool:
    """Whether people are about to be warned of that job's end."""
    return here.job.ends_at is not None and 0 < here.job.ends_at - now < ENDS_SOON


def _may_be_here(desk: SiteDesk, job: Job) -> bool:
    """Ids repeat between sites: of one that is reached over ssh, the job's node must have this host's name."""
    return desk.site.transport == "direct" or job.node.partition(".")[0] == this_host().partition(".")[0]
