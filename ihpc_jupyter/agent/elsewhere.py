"""Offers of other sites beside those of the one that was asked: one question each, and a short wait for them."""

import asyncio
from collections.abc import Mapping

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.explain.neighbours import Option
from ihpc_jupyter.model.offer import OffersRequest, StartOffer, StartOffers

MOST_SITES = 3
"""Other sites that are asked, in the order of the site file."""
PATIENCE = 5.0
"""Seconds to wait for another site; what it says later is there for the next who asks."""


class Elsewhere:
    """Asks all sites what would start when."""

    def __init__(self, desks: Mapping[str, SiteDesk]) -> None:
        self._desks = desks
        self._asking: set[asyncio.Task[StartOffer]] = set()

    async def ask(self, name: str, request: OffersRequest) -> StartOffers:
        """The offers of that site, and one of each other one. Raises what the site's own desk raises."""
        desk = self._desks[name]
        asked = desk.offers.resolve(request)
        others = [other for key, other in self._desks.items() if key != name][:MOST_SITES]
        like = [(other.offers.like(asked), other) for other in others]
        guests = [asyncio.create_task(self._guest(other, option)) for option, other in like if option]
        try:
            told = await desk.offers.ask(request)
            found = [await guest for guest in guests]
        finally:
            for guest in guests:
                guest.cancel()
        return told.model_copy(update={"offers": (*told.offers, *found)})

    async def _guest(self, desk: SiteDesk, option: Option) -> StartOffer:
        """What the other site says; where it is silent, that it is."""
        if (silence := desk.silence) is not None:
            return desk.offers.untold(option, f"Not asked. {silence.message}")
        asking = asyncio.create_task(desk.offers.guest(option))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        await asyncio.wait({asking}, timeout=PATIENCE)
        if not asking.done():
            return desk.offers.untold(option, f"{desk.site.name} has not answered within {PATIENCE:.0f} s.")
        return asking.result()
