"""One question whose answer is good enough for a while, and for which nobody waits longer than they like."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ihpc_jupyter.errors import IhpcError

T = TypeVar("T")


class Glance(Generic[T]):
    """Asks with *ask* when the last answer is older than *age* seconds; one question at a time, whoever looks."""

    def __init__(self, ask: Callable[[], Awaitable[T]], age: float) -> None:
        self.silence: IhpcError | None = None
        """Why the last question was not answered; None where it was, or is under way."""
        self.silent_at = float("-inf")
        """When that became known (seconds since 1970)."""
        self._ask = ask
        self._age = age
        self._answer: T | None = None
        self._answered_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def look(self, patience: float) -> T | None:
        """An answer at most twice as old as it should be; None where there is none within *patience* seconds."""
        if time.monotonic() - self._answered_at > self._age:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._renew())
            await asyncio.wait({self._asking}, timeout=patience)
        return self.last(2 * self._age)

    def last(self, age: float) -> T | None:
        """The last answer where it is at most *age* seconds old; asks nobody."""
        return self._answer if self.age <= age else None

    @property
    def age(self) -> float:
        """Seconds since the last answer; infinite where there was none."""
        return time.monotonic() - self._answered_at

    async def _renew(self) -> None:
        self.silence = None
        try:
            self._answer = await self._ask()
            self._answered_at = time.monotonic()
        except IhpcError as error:
            self.silence, self.silent_at = error, time.time()
