"""The snapshot's readers over HTTP: who they are, what they want, what they are told."""

import asyncio
import hashlib
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ihpc_jupyter.centre.wishes import FORGOTTEN, MARKS_OF_ONE, Wishes
from ihpc_jupyter.errors import NotAllowed, Unavailable
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot
from ihpc_jupyter.scheduler.snapshot_web import News
from ihpc_jupyter.scheduler.source import Wish

LASTS = 3600.0
"""Seconds for which a session's token is good."""
MOST = 20_000
"""Sessions at a time, of all users."""
AT_ONCE = 16
"""Questions of one user at a time, of all that user's sessions."""
PACE = 4 << 20
"""Bytes a second that one of these places is good for: it stays taken for as long as its answer is worth."""


@dataclass(eq=False)
class Visitor:
    """One session: whose, until when (monotonic), and its latest marks by the snapshot's clock."""

    uid: int
    until: float
    marks: dict[Wish, float] = field(default_factory=dict)


class Visitors:
    """Sessions by token, oldest first; only the tokens' digests are kept.

    *told* gives a user's jobs in the batch system's words, None where they were not told yet.
    """

    def __init__(self, told: Callable[[int], str | None]) -> None:
        self._told = told
        self._by_token: OrderedDict[bytes, Visitor] = OrderedDict()
        self._site: SiteSnapshot | None = None
        self._revision = ""
        self._alive = 0.0
        self._news = asyncio.Event()
        self._digests: dict[int, tuple[str, str]] = {}
        self._asking: Counter[int] = Counter()

    # -- who --------------------------------------------------------------------------------------------

    def admit(self, uid: int) -> str:
        """A new session's token; the user's oldest session ends where there are too many.

        Raises `Unavailable` where all others have too many.
        """
        self._forget()
        own = [key for key, one in self._by_token.items() if one.uid == uid]
        for key in own[: max(0, len(own) + 1 - MARKS_OF_ONE)]:
            del self._by_token[key]
        if len(self._by_token) >= MOST:
            raise Unavailable("There are too many sessions.", "Try again later.")
        token = secrets.token_urlsafe(32)
        self._by_token[_digest(token)] = Visitor(uid, time.monotonic() + LASTS)
        return token

    def who(self, token: str) -> Visitor:
        """Whose token that is. Raises `NotAllowed`."""
        found = self._by_token.get(_digest(token))
        if found is None or found.until < time.monotonic():
            raise NotAllowed("There is no such session, or it is over.", "Make a new one.")
        return found

    def leave(self, token: str) -> None:
        """End a session."""
        self._by_token.pop(_digest(token), None)

    def _forget(self) -> None:
        now = time.monotonic()
        while self._by_token and next(iter(self._by_token.values())).until < now:
            self._by_token.popitem(last=False)

    # -- what they want ---------------------------------------------------------------------------------

    def wishes(self, now: float) -> Wishes:
        """The latest marks, as `read_wishes` has those of files; *now* by the snapshot's clock."""
        self._forget()
        latest = dict.fromkeys(Wish, 0.0)
        readers = set()
        for one in self._by_token.values():
            for wish, moment in one.marks.items():
                if now - moment < FORGOTTEN:
                    latest[wish] = max(latest[wish], moment)
                    readers.add(one.uid)
        return Wishes(latest[Wish.LOOKS], latest[Wish.WAITS], frozenset(readers))

    # -- what they are told -----------------------------------------------------------------------------

    def tell(self, site: SiteSnapshot) -> None:
        """How the batch system is now."""
        self._site, self._revision = site, _short(site.model_dump_json())
        self.wake()

    def wake(self) -> None:
        """There may be news: all who wait for some look."""
        self._news.set()
        self._news = asyncio.Event()

    def beat(self, moment: float | None) -> None:
        """The writer lives, or (None) cannot write."""
        self._alive = moment or 0.0

    def ask(self, visitor: Visitor) -> None:
        """Take a place for one question. Raises `Unavailable` where the user has too many under way."""
        if self._asking[visitor.uid] >= AT_ONCE:
            raise Unavailable("You ask already.", "So many questions at a time are too many.")
        self._asking[visitor.uid] += 1

    def answered(self, visitor: Visitor, size: int) -> None:
        """Give the place back, soon where the answer was short."""
        asyncio.get_running_loop().call_later(size / PACE, self._give_back, visitor.uid)

    def _give_back(self, uid: int) -> None:
        self._asking[uid] -= 1
        if not self._asking[uid]:
            del self._asking[uid]

    async def wait(self, visitor: Visitor, known: str, jobs: str, seconds: float) -> float:
        """Until there may be news for somebody who has the answers *known* and *jobs*; so long at most.

        How long that took.
        """
        began = time.monotonic()
        if known and known == self._revision and self._jobs(visitor.uid)[0] == jobs:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        return time.monotonic() - began

    def news(self, visitor: Visitor, jobs: str, now: float, waited: float = 0.0) -> News:
        """What there is *now*, for somebody who has the answer *jobs* and has *waited* so long.

        Raises `Unavailable` before the writer has begun and while it cannot write.
        """
        if self._site is None or not self._alive:
            raise Unavailable("Nobody writes the snapshot at the moment.")
        revision, text = self._jobs(visitor.uid)
        return News(
            revision=self._revision, now=now, alive=self._alive, waited=waited, site=self._site,
            jobs_revision=revision, jobs=None if revision == jobs else text,
        )  # fmt: skip

    def _jobs(self, uid: int) -> tuple[str, str | None]:
        """The revision of a user's jobs, and their text."""
        text = self._told(uid)
        if text is None:
            self._digests.pop(uid, None)
            return "", None
        kept = self._digests.get(uid)
        if kept is None or kept[1] is not text:
            self._digests[uid] = kept = _short(text), text
        return kept


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
