"""What would start sooner: the batch system itself is asked, about few ways and not often."""

import time
from pathlib import Path

from ihpc_jupyter.agent.asked import AT_ONCE, PATIENCE, Asked, Silence
from ihpc_jupyter.agent.requests import check_shape, check_time, find_lane, find_shape, my_groups
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.explain.neighbours import Option, at_site, neighbours
from ihpc_jupyter.model.offer import OffersRequest, StartOffer, StartOffers
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.base import BatchSystem, Launch

OFFERS_AGE = 30.0
"""Seconds for which an answer holds."""
ALL_PATIENCE = 2 * PATIENCE
"""Seconds that a person waits for them all."""
MOST_KNOWN = 50
"""Answers that are kept for a silence."""


class OfferDesk:
    """One site's offers."""

    def __init__(self, site: Site, batch: BatchSystem, silence: Silence) -> None:
        self._site = site
        self._batch = batch
        self._silence = silence
        self._asked: Asked[StartOffers] = Asked(OFFERS_AGE)
        self._known: dict[str, StartOffers] = {}
        self._was_silent = False

    async def ask(self, request: OffersRequest) -> StartOffers:
        """Offers for a request and its neighbours. Within `ALL_PATIENCE` seconds; at once where the
        site is known to be silent: then those that it told last, and that it is.

        Raises NotFound for unknown names, InvalidRequest, Unavailable where it has told none of these before.
        """
        asked = self.resolve(request)
        question = f"{asked} {request.account}"
        silence = self._silence()
        try:
            told = await self._ask(question, asked, request.account, known_silent=silence is not None)
        except Unavailable as error:
            told, silence = None, self._silence() or error
        if told is not None:
            self._known.pop(question, None)
            self._known[question] = told
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
            return told
        late = Unavailable(f"Site {self._site.name} has not answered within {ALL_PATIENCE:.0f} s.")
        return self._last_known(question, silence or self._silence() or late)

    async def _ask(
        self, question: str, asked: Option, account: str | None, *, known_silent: bool
    ) -> StartOffers | None:
        """What is told now, or was told lately; None where nobody says so in time."""
        if known_silent or self._was_silent:
            self._asked.forget()  # of before the silence
        self._was_silent = known_silent
        if known_silent and not self._asked.asks(question):
            return None
        patience = AT_ONCE if known_silent else ALL_PATIENCE
        return await self._asked.within(patience, question, lambda: self._all(asked, account))

    def _last_known(self, question: str, silence: IhpcError) -> StartOffers:
        known = self._known.get(question)
        if known is None:
            raise Unavailable(
                str(silence),
                "Only the batch system itself can tell what would start when: ask again once it answers.",
            )
        return known.model_copy(update={"silence": str(silence)})

    def like(self, asked: Option) -> Option | None:
        """The same as at another site, in a lane of ours; None where no lane that this user may use allows it."""
        mine = my_groups()
        lanes = {name for name, lane in self._site.lanes.items() if not lane.groups or set(lane.groups) & mine}
        return at_site(asked, self._site, lanes)

    async def guest(self, option: Option) -> StartOffer:
        """One way alone: at most one question. Accounts are each site's own, so it is the usual one."""
        try:
            told = await self._asked.get(f"{option}", lambda: self._only(option))
        except Unavailable as error:
            return self.untold(option, error.message)
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
        """Raises `Unavailable` as soon as one is not answered: to ask on would take as long again."""
        at = time.time()
        offers = [await self._one(option, account) for option in neighbours(asked, self._site)]
        return StartOffers(site=self._site.name, at=at, offers=tuple(offers))

    async def _one(self, option: Option, account: str | None) -> StartOffer:
        """One question; a refusal is an offer without a start. Raises `Unavailable` where nobody answers."""
        nothing = Path("/dev/null")
        launch = Launch(
            name="ihpc-offer", script=nothing, lane=option.lane, shape=option.shape, log=str(nothing),
            said=nothing, tasks=option.workers, time_limit=option.time_limit, account=account,
        )  # fmt: skip
        try:
            start, told = await self._batch.expected_start(launch)
        except Unavailable:
            raise
        except IhpcError as error:
            start, told = None, error.message
        return self._offer(option, start, told)

    def _offer(self, option: Option, start: float | None, told: str) -> StartOffer:
        return StartOffer(
            what=option.what, site=self._site.name, lane=option.lane, shape=option.shape, workers=option.workers,
            time_limit=option.time_limit, expected_start=start, price=option.price(self._site), told=told,
        )  # fmt: skip
