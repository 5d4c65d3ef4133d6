"""What a snapshot's writer and its readers say to each other over HTTP.

``POST URL/session`` with a MUNGE credential for `purpose` says who somebody is; the answer is a `Session`, whose
token goes with the rest. ``POST URL/marks/looks`` and ``…/waits`` say what is wanted; the answer is a `Marked`.
``GET URL/news`` is answered with a `News`.
"""

from typing import Annotated

from pydantic import Field

from ihpc_jupyter.model.base import Model, Seconds, Time
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot

PATIENCE = 2.0
"""Seconds for which a question for news may wait for some, at most."""

REVISION = r"^[0-9a-f]{0,32}$"
"""What an answer was, in short; empty where there was none."""


class Session(Model):
    """Its *token* stands for the user *uid* for so many seconds."""

    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{20,200}$", repr=False)]
    uid: Annotated[int, Field(ge=0)]
    lasts: Seconds


class Marked(Model):
    """When a mark was made, by the snapshot's clock."""

    at: Time


class News(Model):
    """How the batch system is, and this user's jobs in its own words.

    *now*, *alive*: this moment and the writer's last sign of life by the snapshot's clock; *waited*: seconds for
    which the answer was held back; *jobs*: None where they
    are what the reader has (*jobs_revision* is the same), or none were told yet (it is empty).
    """

    revision: Annotated[str, Field(pattern=REVISION)]
    now: Time
    alive: Time
    waited: Seconds = 0.0
    site: SiteSnapshot
    jobs_revision: Annotated[str, Field(pattern=REVISION)]
    jobs: str | None = None


def purpose(url: str) -> str:
    """What a credential for the snapshot at *url* says: it is good for nothing else, and for no other place."""
    return f"ihpc-snapshot 1 {url}"
