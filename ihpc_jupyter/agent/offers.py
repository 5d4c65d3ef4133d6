"""What would start sooner: the batch system itself is asked, about few ways and not often."""

import time
from pathlib import Path

from ihpc_jupyter.agent.asked import Asked
from ihpc_jupyter.agent.requests import check_shape, check_time, find_lane, find_shape, my_groups
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.explain.neighbours import Option, at_site, neighbours
from ihpc_jupyter.model.offer import OffersRequest, StartOffer, StartOffers
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.base import BatchSystem, Launch

OFFERS_AGE = 30.0
"""Seconds for which an answer holds."""


class OfferDesk:
    """One site's offers."""

    def __init__(self, site: Site, batch: BatchSystem) -> None:
        self._site = site
        self._batch = batch
        self._asked: Asked[StartOffers] = Asked(OFFERS_AGE)

    async def ask(self, request: OffersRequest) -> StartOffers:
        """Offers for a request and its neighbours. Raises NotFound for unknown names, InvalidRequest."""
        asked = self.resolve(request)
        question = f"{asked} {request.account}"
        return await self._asked.get(question, lambda: self._all(asked, request.account))

    def like(self, asked: Option) -> Option | None:
        """The same as at another site, in a lane of ours; None where no lane that this user may use allows it."""
        mine = my_groups()
        lanes = {name for name, lane in self._site.lanes.items() if not lane.groups or set(lane.groups) & mine}
        return at_site(asked, self._site, lanes)

    async def guest(self, option: Option) -> StartOffer:
        """One way alone: at most one question. Accounts are each site's own, so it is the usual one."""
        told = await self._asked.get(f"{option}", lambda: self._only(option))
        return told.offers[0]

    async def _only(self, option: Option) -> StartOffers:
        return StartOffers(site=self._site.name, at=time.time(), offers=(await self._one(option, None),))

    def untold(self, option: Option, why: str) -> StartOffer:
        """An offer whose start is not known."""
        return self._offer(option, None, why)

    def resolve(self, request: OffersRequest) -> Option:
        """The request with all that it left out. Raises NotFound, NotAllowed, InvalidRequest."""
        site = self._site
        name = request.lane or site.default_lane
        lane = find_lane(site, name)
        shape = find_shape(request.shape, site)
        check_shape(shape, name, lane)
        seconds = request.time_limit or lane.time_limit
        check_time(seconds, name, lane)
        return Option("as asked", name, shape, request.workers, seconds)

    async def _all(self, asked: Option, account: str | None) -> StartOffers:
        offers = [await self._one(option, account) for option in neighbours(asked, self._site)]
        return StartOffers(site=self._site.name, at=time.time(), offers=tuple(offers))

    async def _one(self, option: Option, account: str | None) -> StartOffer:
        """One question; a refusal or silence is an offer without a start."""
        nothing = Path("/dev/null")
        launch = Launch(
            name="ihpc-offer", script=nothing, lane=option.lane, shape=option.shape, log=str(nothing),
            said=nothing, tasks=option.workers, time_limit=option.time_limit, account=account,
        )  # fmt: skip
        try:
            start, told = await self._batch.expected_start(launch)
        except IhpcError as error:
            start, told = None, error.message
        return self._offer(option, start, told)

    def _offer(self, option: Option, start: float | None, told: str) -> StartOffer:
        return StartOffer(
            what=option.what, site=self._site.name, lane=option.lane, shape=option.shape, workers=option.workers,
            time_limit=option.time_limit, expected_start=start, price=option.price(self._site), told=told,
        )  # fmt: skip
