"""Answers that are kept for a while, so that however many ask, the batch system is asked once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ihpc_jupyter.errors import IhpcError

T = TypeVar("T")

Silence = Callable[[], IhpcError | None]
"""Why the batch system is known not to answer; None where it is not."""

PATIENCE = 5.0
"""Seconds that a person waits for an answer, until they are told what was last known."""
AT_ONCE = 0.4
"""The same where the batch system is known to be silent: it may have come back since."""

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
        self._under_way: dict[str, asyncio.Task[T]] = {}

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

    async def within(self, seconds: float, question: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The same, but None where that takes longer: the question goes on, its answer is for the next who asks.

        Raises what *ask* raises in that time.
        """
        task = self._under_way.get(question)
        if task is None:
            task = asyncio.create_task(self.get(question, ask))
            self._under_way[question] = task
            task.add_done_callback(lambda done: self._over(question, done))
        await asyncio.wait({task}, timeout=seconds)
        return task.result() if task.done() else None

    def asks(self, question: str) -> bool:
        """Whether that question, and no other, may be asked or waited for now: one is under way at a time."""
        return not self._under_way or question in self._under_way

    def _over(self, question: str, done: asyncio.Task[T]) -> None:
        self._under_way.pop(question, None)
        if not done.cancelled():
            done.exception()  # whoever waited has been told; nobody else need be

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
