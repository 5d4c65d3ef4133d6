"""The snapshot over HTTP: who asks has to prove, by MUNGE, whose jobs are theirs to read."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.visitors import LASTS, Visitor, Visitors
from ihpc_jupyter.errors import IhpcError, InvalidRequest, NotAllowed, Unavailable
from ihpc_jupyter.model.base import Model
from ihpc_jupyter.scheduler import munge
from ihpc_jupyter.scheduler.snapshot_web import PATIENCE, REVISION, Marked, Session, purpose
from ihpc_jupyter.scheduler.source import Wish

AT_ONCE = 4
"""Credentials that are looked at at the same time: each is a program's run."""
WAITING = 64
"""Credentials that wait for that, at most: anybody may send some."""
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
        self.checking = asyncio.Semaphore(AT_ONCE)


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

    def visitor(self) -> Visitor:
        try:
            return self.front.visitors.who(self.token)
        except NotAllowed as error:
            self.set_header("WWW-Authenticate", "Bearer")
            raise HTTPError(401, reason="Unauthorized", log_message=None) from error

    def tell(self, model: BaseModel) -> None:
        self.set_header("Content-Type", "application/json")
        self.write(model.model_dump_json())

    def write_error(self, status_code: int, **how: Any) -> None:
        error = how["exc_info"][1] if "exc_info" in how else None
        if isinstance(error, IhpcError):
            self.set_status(error.status)
            self.finish(str(error))
        else:
            self.finish(self._reason)

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """What is told to who asked is nobody else's."""
        if not isinstance(error, IhpcError | HTTPError):
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
                bearer = await munge.bearer(told)
        finally:
            front.entering -= 1
        if bearer.payload != purpose(front.url):
            raise NotAllowed("That credential is for something else.", f"This is {front.url}.")
        token = front.visitors.admit(bearer.uid)
        self.tell(Session(token=token, uid=bearer.uid, lasts=LASTS))

    def delete(self) -> None:
        """Whether there is one or not."""
        self.front.visitors.leave(self.token)


class MarkHandler(_Handler):
    """POST: something is wanted, from now on."""

    async def post(self, wish: str) -> None:
        """The moment of it. Raises `Unavailable`."""
        visitor = self.visitor()
        with self.front.visitors.asking(visitor):
            moment = await asyncio.to_thread(self.front.publisher.moment)
        visitor.marks[Wish[wish.upper()]] = moment
        self.tell(Marked(at=moment))


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
        with visitors.asking(visitor):
            await visitors.wait(visitor, asked.known, asked.jobs, asked.wait)
            now = await asyncio.to_thread(self.front.publisher.moment)
        self.tell(visitors.news(visitor, asked.jobs, now))


def serve(url: str, publisher: Publisher, visitors: Visitors, where: Listening) -> HTTPServer:
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
        server = HTTPServer(
            Application(routes), ssl_options=_tls(where), max_body_size=munge.LONGEST, max_header_size=16 << 10,
            idle_connection_timeout=600, body_timeout=5,
        )  # fmt: skip
        server.add_sockets(bind_sockets(where.port, where.host))
    except OSError as error:
        raise InvalidRequest(f"{where.host}:{where.port} cannot be served: {error.strerror or error}.") from error
    return server


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
