"""Waiting for the first answer of a server that starts: noticed late, it would keep a person waiting."""

import asyncio
import contextlib
from collections.abc import Callable

from jupyterhub.utils import wait_for_http_server

_PAUSE = 0.2
"""Seconds between two knocks."""
_HANGS = 2.0
"""Seconds after which a knock that nobody answers or refuses is given up."""


async def wait_for_answer(host: str, port: int, url: str, timeout: float, listening: Callable[[], None]) -> None:
    """Until *host* answers at *url* over HTTP; *listening* is called once it listens at *port*.

    Raises `TimeoutError` where it has listened for *timeout* s without an answer; for one that does not listen the
    caller has to have a clock.
    """
    while not await _listens(host, port):  # noqa: ASYNC110 (a server elsewhere tells nothing)
        await asyncio.sleep(_PAUSE)
    listening()
    # Who listens answers as soon as it can: JupyterHub's own question, with longer pauses, is in time.
    await wait_for_http_server(url, timeout=timeout)


async def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_HANGS):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False
