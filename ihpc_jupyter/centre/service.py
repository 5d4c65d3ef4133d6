"""The snapshot's writer as a process of its own."""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.visitors import Visitors
from ihpc_jupyter.centre.web import Listening, place_of, serve
from ihpc_jupyter.centre.writer import Writer
from ihpc_jupyter.errors import InvalidRequest, NotFound
from ihpc_jupyter.model.site import Site, is_loopback
from ihpc_jupyter.scheduler.open import open_for_all
from ihpc_jupyter.sites.file import load_settings

_LOG = logging.getLogger("ihpc.snapshot")


async def keep_snapshot(
    name: str,
    directory: str | None = None,
    listen: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
) -> None:
    """Until SIGTERM or SIGINT; in *directory*, or where the site file says that readers look.

    Where that is an address, readers are served at *listen* (``HOST:PORT``; what JupyterHub tells its services
    when left out). Raises `NotFound`, `InvalidRequest`, `Rejected`, `NotAllowed` where it cannot be done.
    """
    site = load_settings().sites.get(name)
    if site is None:
        raise NotFound(f"There is no site {name!r}.", "“ihpc sites” lists them; the site file describes them.")
    where = _listening(site, listen, certificate, key)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)  # each reader asks once a second
    with _place(site, directory) as place:
        publisher = Publisher(place)
        own = publisher.private or (where is not None and directory is None)

        def ready() -> None:
            whose = "each user's own" if own else "readable by everybody on this host: not run by root"
            _LOG.info("the snapshot of site %s is kept in %s; jobs are %s", site.name, place, whose)
            if where is not None:
                _LOG.info("it is told at %s:%s, for readers of %s", where.host, where.port, site.snapshot)

        await _keep(site, publisher, where, ready)


async def _keep(site: Site, publisher: Publisher, where: Listening | None, ready: Callable[[], None]) -> None:
    visitors = Visitors(publisher.told)
    writing = asyncio.ensure_future(Writer(site, open_for_all(site), publisher, visitors).run(ready))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, writing.cancel)
    server = None
    try:
        if where is not None and site.snapshot is not None:
            server = serve(site.snapshot, publisher, visitors, where)
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    finally:
        writing.cancel()
        if server is not None:
            server.stop()


@contextlib.contextmanager
def _place(site: Site, directory: str | None) -> Iterator[Path]:
    """Where the files are: for readers over HTTP only, in a directory that nobody else sees."""
    named = directory or (site.snapshot if site.snapshot and site.snapshot.startswith("/") else None)
    if named is not None:
        yield Path(named).absolute()
    elif site.snapshot is not None:
        below = os.environ.get("RUNTIME_DIRECTORY")  # of a service of systemd
        made = tempfile.TemporaryDirectory(prefix="ihpc-snapshot-", dir=below, ignore_cleanup_errors=True)
        with made as private:
            yield Path(private) / "snapshot"
    else:
        raise InvalidRequest(f"Site {site.name} has no snapshot.", "Name its directory: --directory DIR.")


def _listening(site: Site, listen: str | None, certificate: str | None, key: str | None) -> Listening | None:
    """Where to serve; None where readers look into a directory."""
    told = f"//{listen}" if listen else os.environ.get("JUPYTERHUB_SERVICE_URL")
    address = site.snapshot if site.snapshot and not site.snapshot.startswith("/") else None
    if address is None:
        if listen:
            raise InvalidRequest(
                f"Readers of site {site.name} are told no address.",
                'Write snapshot = "https://…" in the site file.',
            )
        return None
    if not told:
        raise InvalidRequest(
            f"Readers of site {site.name} ask {address}.", "Say where to serve: --listen HOST:PORT."
        )
    host, port = place_of(told)
    if certificate is None and not is_loopback(host):
        raise InvalidRequest(
            f"{host} can be reached from elsewhere: what is told there has to be encrypted.",
            "Name --certificate and --key, or listen on 127.0.0.1 behind a proxy that does so.",
        )
    return Listening(host, port, certificate, key)
