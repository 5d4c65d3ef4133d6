"""What would start sooner: a question about workers, and the answers to it and to its neighbours."""

from typing import Annotated

from pydantic import Field

from ihpc_jupyter.model.base import MAX_WORKERS, Line, Model, Name, Time, Word
from ihpc_jupyter.model.site import Duration, Shape


class OffersRequest(Model):
    """Workers as somebody would ask for them; lane, shape and time are the site's usual ones when left out."""

    lane: Name | None = None
    shape: Name | Shape | None = None
    workers: Annotated[int, Field(strict=True, ge=1, le=MAX_WORKERS)] = 1
    """Jobs of that shape, all at once."""
    time_limit: Duration | None = None
    account: Word | None = None


class StartOffer(Model):
    """One way to ask, and when the batch system expects all of it to run."""

    what: Line
    """How it differs from what was asked for."""
    site: Name
    lane: Name
    shape: Shape
    workers: int
    time_limit: float
    """Seconds."""
    expected_start: Time | None
    """None: unknown, the batch system did not tell."""
    price: float
    """Core-hours, at most, times the lane's cost factor."""
    told: str = ""
    """The batch system's own words."""


class StartOffers(Model):
    """Offers, the one that was asked for first, those at other sites last."""

    site: Name
    at: Time
    offers: tuple[StartOffer, ...]
    job_start: Time | None = None
    """When the waiting job that was asked about is itself expected to start, where that is told."""
    silence: str = ""
    """Why the batch system does not answer now: then this is what it expected at *at*. Empty where it does."""

    @property
    def before(self) -> float | None:
        """The start that an offer must come before to be sooner; None: nothing is known to compare with."""
        asked = self.offers[0].expected_start if self.offers else None
        return min((start for start in (asked, self.job_start) if start is not None), default=None)
