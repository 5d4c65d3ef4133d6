"""The queue as values in a notebook or script: ``jobs()``, ``why(id)`` and ``offers(id)``."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.queue import queues
from ihpc_jupyter.errors import NotFound
from ihpc_jupyter.kernel.urgent.session import ask
from ihpc_jupyter.model.offer import StartOffers
from ihpc_jupyter.model.queue import Queue, QueueRow
from ihpc_jupyter.model.why import Explanation

AnswerType = TypeVar("AnswerType")


def jobs(site: str | None = None, *, everybody: bool = False) -> list[QueueRow]:
    """My jobs (or everybody's) at a site; at all sites that answer when left out. Arrays are folded.

    Raises `NotFound` for a site that is not there, `Unavailable` when nobody answers.
    """
    found: list[Queue] = ask(partial(queues, everybody=everybody), site)
    return [row for queue in found for row in queue.rows]


def why(job: str, site: str | None = None) -> Explanation:
    """Why a job waits, or ended; the first site that knows it when *site* is left out. Raises `NotFound`."""
    return _of_job(AgentClient.why_job, job, site)


def offers(job: str, site: str | None = None) -> StartOffers:
    """When the batch system expects a waiting job of mine to start, and what would start sooner.

    The first of `StartOffers.offers` is the job as it is. Raises `NotFound`, `Rejected` where it does not wait.
    """
    return _of_job(AgentClient.job_offers, job, site)


def _of_job(
    method: Callable[[AgentClient, str, str], Awaitable[AnswerType]], job: str, site: str | None
) -> AnswerType:
    names = [site] if site else [status.site.name for status in ask(AgentClient.snapshot).sites]
    for name in names:
        try:
            return ask(method, name, job)
        except NotFound:
            if site:
                raise
    raise NotFound(f"No site knows job {job!r}.", "jobs() lists yours.")
