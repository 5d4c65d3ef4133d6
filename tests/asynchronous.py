"""Scenarios in an event loop of their own, and waiting for what becomes true instead of sleeping."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run(scenario: Coroutine[Any, Any, _T], timeout: float = 120.0) -> _T:
    """Run *scenario* to its end; fail after *timeout* seconds."""

    async def bounded() -> _T:
        async with asyncio.timeout(timeout):
            return await scenario

    return asyncio.run(bounded())


async def eventually(ask: Callable[[], Awaitable[_T | None]], what: str, timeout: float = 30.0) -> _T:
    """The first answer of *ask* that is true; fails, naming *what* was waited for, after *timeout* seconds."""
    end = time.monotonic() + timeout
    while True:
        last = time.monotonic() >= end  # it is asked once more after the end, even when we were held up ourselves
        answer = await ask()
        if answer:
            return answer
        assert not last, f"waited {timeout:g} s in vain for: {what}"
        await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
    """Wait until *condition* holds."""

    async def ask() -> bool:
        return condition()

    await eventually(ask, what, timeout)
