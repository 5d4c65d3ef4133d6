"""The snapshot over HTTP: who asks has to prove, by MUNGE, whose jobs are theirs to read."""

import asyncio
import resource
import ssl
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.visitors import LASTS, Visitor, Visitors
from ihpc_jupyter.errors import IhpcError, InvalidRequest, NotAllowed, Unavailable
from ihpc_jupyter.model.base import Model
from ihpc_jupyter.scheduler import munge
from ihpc_jupyter.scheduler.snapshot_web import PATIENCE, REVISION, Marked, Session, purpose
from ihpc_jupyter.scheduler.source import Wish

CHECKS = 4
"""Credentials that are looked at at the same time: each is a program's run."""
WAITING = 64
"""Credentials that wait for that, at most: anybody may send some."""
SILENT = 15.0
"""Seconds for which a connection may be without a question, or a question without its end."""
SENT = 10.0
"""Seconds in which an answer must have been taken."""
FILES = 65_536
"""Files that the process has open, at most, where the system allows so many."""
RESERVE = 256
"""Files that connections leave to the writer itself: its own, and those of the commands that it starts."""
_PREFIX = r"(?:/[A-Za-z0-9_.@~-]{1,64}){0,8}"
"""What a proxy leaves of its own address."""


@dataclass(frozen=True)
class Listening:
    """Where to listen: *host* and *port* (0: a free one), with a certificate and its key where it says https."""

    host: str
    port: int
    certificate: str | None = None
    key: str | None = None


@dataclass
class _Front:
    """What the handlers share. *url*: where readers find us; their credentials name it."""

    url: str
    publisher: Publisher
    visitors: Visitors
    entering: int = 0

    def __post_init__(self) -> None:
        self.checking = asyncio.Semaphore(CHECKS)


class _Question(Model):
    """What comes with a question for news."""

    known: Annotated[str, Field(pattern=REVISION)] = ""
    jobs: Annotated[str, Field(pattern=REVISION)] = ""
    wait: Annotated[float, Field(ge=0, le=PATIENCE, allow_inf_nan=False)] = 0.0


class _Handler(RequestHandler):
    def initialize(self, front: _Front) -> None:
        self.front = front

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def check_xsrf_cookie(self) -> None:
        """There are no cookies here."""

    @property
    def token(self) -> str:
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else ""

    @property
    def stream(self) -> IOStream:
        """The connection to who asks."""
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)  # noqa: S101 (for the type checker)
        return connection.stream

    def visitor(self) -> Visitor:
        try:
            return self.front.visitors.who(self.token)
        except NotAllowed as error:
            self.set_header("WWW-Authenticate", "Bearer")
            raise HTTPError(401, reason="Unauthorized", log_message=None) from error

    async def tell(self, model: BaseModel) -> int:
        """Send an answer, and see it taken: its size."""
        text = model.model_dump_json().encode()
        self.set_header("Content-Type", "application/json")
        self.set_header("Content-Length", str(len(text)))
        self.write(text)
        try:
            async with asyncio.timeout(SENT):
                await self.flush()
        except TimeoutError:
            self.stream.close()
        return len(text)

    def compute_etag(self) -> None:
        """None: answers have revisions of their own."""

    def write_error(self, status_code: int, **how: Any) -> None:
        error = how["exc_info"][1] if "exc_info" in how else None
        if isinstance(error, OSError):
            error = Unavailable(f"The snapshot's directory is away: {error.strerror}.")
        if isinstance(error, IhpcError):
            self.set_status(error.status)
            self.finish(str(error))
        else:
            self.finish(self._reason)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """What is told to who asked is nobody else's."""
        if not isinstance(error, IhpcError | HTTPError | OSError):
            super().log_exception(kind, error, trace)


class SessionHandler(_Handler):
    """POST: a credential for a session. DELETE: its end."""

    async def post(self) -> None:
        """Raises `NotAllowed`, `Unavailable`."""
        front = self.front
        told = self.request.body[: munge.LONGEST + 1].decode("ascii", "replace").strip()
        if len(told) > munge.LONGEST:
            raise InvalidRequest("That is too long for a credential.")
        if front.entering >= WAITING:
            raise Unavailable("Too many come at once.", "Try again later.")
        front.entering += 1
        try:
            async with front.checking:
                if self.stream.closed():
                    return
                bearer = await munge.bearer(told)
        finally:
            front.entering -= 1
        if bearer.payload != purpose(front.url):
            raise NotAllowed("That credential is for something else.", f"This is {front.url}.")
        token = front.visitors.admit(bearer.uid)
        await self.tell(Session(token=token, uid=bearer.uid, lasts=LASTS))

    def delete(self) -> None:
        """Whether there is one or not."""
        self.front.visitors.leave(self.token)


class MarkHandler(_Handler):
    """POST: something is wanted, from now on."""

    async def post(self, wish: str) -> None:
        """The moment of it. Raises `Unavailable`."""
        visitors, visitor = self.front.visitors, self.visitor()
        visitors.ask(visitor)
        try:
            moment = await asyncio.to_thread(self.front.publisher.moment)
        finally:
            visitors.answered(visitor, 0)
        visitor.marks[Wish[wish.upper()]] = moment
        await self.tell(Marked(at=moment))


class NewsHandler(_Handler):
    """GET: how the batch system is, and the visitor's jobs."""

    async def get(self) -> None:
        """Raises `InvalidRequest`, `Unavailable`."""
        visitor, given = self.visitor(), self.request.query_arguments
        try:
            asked = _Question.model_validate({name: self.get_query_argument(name) for name in given})
        except ValidationError as error:
            raise InvalidRequest("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())) from error
        visitors = self.front.visitors
        visitors.ask(visitor)
        size = 0
        try:
            waited = await visitors.wait(visitor, asked.known, asked.jobs, asked.wait)
            now = await asyncio.to_thread(self.front.publisher.moment)
            size = await self.tell(visitors.news(visitor, asked.jobs, now, waited))
        finally:
            visitors.answered(visitor, size)


class SnapshotServer(HTTPServer):
    """Connections beyond what the process can hold are closed at once: the writer's own files come first."""

    most = RESERVE

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """A new connection."""
        if len(self._connections) >= self.most:
            stream.close()
        else:
            super().handle_stream(stream, address)


def serve(url: str, publisher: Publisher, visitors: Visitors, where: Listening) -> SnapshotServer:
    """A server that listens there, in the running loop, until it is stopped.

    Raises `InvalidRequest` where it cannot: no such address, a port that is taken, a certificate not to be read.
    """
    shared = {"front": _Front(url.rstrip("/"), publisher, visitors)}
    routes = [
        (rf"{_PREFIX}/session", SessionHandler, shared),
        (rf"{_PREFIX}/marks/(looks|waits)", MarkHandler, shared),
        (rf"{_PREFIX}/news", NewsHandler, shared),
    ]
    try:
        server = SnapshotServer(
            Application(routes), ssl_options=_tls(where), max_body_size=munge.LONGEST, max_header_size=16 << 10,
            idle_connection_timeout=SILENT, body_timeout=SILENT,
        )  # fmt: skip
        server.most = _room()
        server.add_sockets(bind_sockets(where.port, where.host))
    except OSError as error:
        raise InvalidRequest(f"{where.host}:{where.port} cannot be served: {error.strerror or error}.") from error
    return server


def _room() -> int:
    """Let this process have as many files open as it may, within reason: how many of them may be connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - RESERVE, files // 2)


def _tls(where: Listening) -> ssl.SSLContext | None:
    if where.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(where.certificate, where.key)
    return context


def place_of(url: str) -> tuple[str, int]:
    """Host and port of an address. Raises `InvalidRequest`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidRequest(f"{url} is no address: {error}.") from error
    if not host or port is None:
        raise InvalidRequest(f"{url} is no address of the form HOST:PORT.")
    return host, port
