"""Answers that are kept for a while, so that however many ask, the batch system is asked once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 200
"""Answers that are kept."""


class Asked(Generic[T]):
    """Answers by question, each kept for *age* seconds from the end of its asking; errors are not kept.

    One question is asked at a time, whoever asks: the others wait, and take the answer where theirs is the same.
    """

    def __init__(self, age: float) -> None:
        self._age = age
        self._answers: dict[str, tuple[float, T]] = {}
        self._turn = asyncio.Lock()

    async def get(self, question: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The kept answer, or a new one. Raises what *ask* raises."""
        if (kept := self._kept(question)) is not None:
            return kept
        async with self._turn:
            if (kept := self._kept(question)) is not None:
                return kept
            began = time.monotonic()
            answer = await ask()
            # A slow batch system is asked less often.
            until = time.monotonic() + max(self._age, 5 * (time.monotonic() - began))
            self._answers[question] = until, answer
            return answer

    def _kept(self, question: str) -> T | None:
        now = time.monotonic()
        for key in [key for key, (until, _) in self._answers.items() if until < now][:MOST]:
            del self._answers[key]
        while len(self._answers) > MOST:
            del self._answers[next(iter(self._answers))]
        return self._answers[question][1] if question in self._answers else None

    def forget(self) -> None:
        """Something was changed: what is kept may no longer be so."""
        self._answers.clear()
