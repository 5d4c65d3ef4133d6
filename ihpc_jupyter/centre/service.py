"""The snapshot's writer as a process of its own."""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.writer import Writer
from ihpc_jupyter.errors import InvalidRequest, NotFound
from ihpc_jupyter.scheduler.open import open_for_all
from ihpc_jupyter.sites.file import load_settings


async def keep_snapshot(name: str, directory: str | None) -> None:
    """Until SIGTERM or SIGINT; in *directory*, or where the site file says that readers look.

    Raises `NotFound`, `InvalidRequest`, `Rejected`, `NotAllowed` where it cannot be done.
    """
    site = load_settings().sites.get(name)
    if site is None:
        raise NotFound(f"There is no site {name!r}.", "“ihpc sites” lists them; the site file describes them.")
    place = directory or site.snapshot
    if place is None:
        raise InvalidRequest(f"Site {name} has no snapshot.", "Name its directory: --directory DIR.")
    publisher = Publisher(Path(place).absolute())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    whose = "each user's own" if publisher.private else "readable by everybody on this host: not run by root"
    logging.info("the snapshot of site %s is kept in %s; jobs are %s", name, place, whose)
    writing = asyncio.ensure_future(Writer(site, open_for_all(site), publisher).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, writing.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await writing
