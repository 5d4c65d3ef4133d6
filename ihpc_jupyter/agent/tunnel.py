"""A private socket to a head's pages: bytes in, bytes out over mutual TLS, so that any proxy can use it."""

import asyncio
import contextlib
from pathlib import Path
from urllib.parse import urlsplit

from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.contexts import client_context

CHUNK = 64 << 10


class Tunnel:
    """A unix socket (0600) that leads to whichever head the link knows."""

    def __init__(self, link: HeadLink, path: Path) -> None:
        self.path = path
        self._link = link
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._connect, str(self.path))
        self.path.chmod(0o600)

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        self.path.unlink(missing_ok=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            file = self._link.file
            if file is None:
                return
            address = urlsplit(file.api)
            far_reader, far_writer = await asyncio.open_connection(
                address.hostname, address.port, ssl=client_context(self._link.spool)
            )
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        except OSError:
            return
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
