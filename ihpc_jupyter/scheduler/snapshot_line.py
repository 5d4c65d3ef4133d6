"""Questions to the writer of a snapshot over HTTP, under a session that MUNGE has opened."""

import os
import random
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.scheduler.snapshot_reader import LARGEST, Unusable
from ihpc_jupyter.scheduler.snapshot_web import PATIENCE, Session, purpose

ANSWER = 2.0
"""Seconds for which an answer may be on its way."""
WHOLE = 20.0
"""Seconds in which all of it must have come."""
REFUSED = (5.0, 60.0)
"""Seconds for which a refusal is not tried again: at first, and at most."""

_LISTENS = "0A"

_AModel = TypeVar("_AModel", bound=BaseModel)


class SessionOver(Exception):
    """The writer knows of no such session (any more)."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes


class SnapshotLine:
    """The way to *url*; one question at a time. *credential* proves, for a purpose, who we are.

    Everything that goes wrong is `Unusable`. The session's token is held in memory only.
    """

    def __init__(self, url: str, credential: Callable[[str], str]) -> None:
        self.url = url.rstrip("/")
        self.session: Session | None = None
        self._credential = credential
        self._http: httpx.Client | None = None
        self._closed = False
        self._refusal = ""
        self._refused_until = 0.0
        self._refused_for = 0.0

    def enter(self) -> None:
        """Open a session; a refusal is remembered for a while, so that nobody is asked in vain again and again."""
        if time.monotonic() < self._refused_until:
            raise Unusable(self._refusal)
        self.session = None
        try:
            self._not_a_strangers()
            told = self._credential(purpose(self.url))
            self.session = _parsed(self._send("POST", "session", content=told), Session)
        except (IhpcError, Unusable, OSError) as error:
            first, most = REFUSED
            self._refused_for = min(most, max(first, 2 * self._refused_for))
            self._refusal = str(error)
            self._refused_until = time.monotonic() + self._refused_for * random.uniform(1.0, 1.5)  # noqa: S311
            raise Unusable(self._refusal) from error
        self._refused_for = 0.0

    def ask(self, method: str, path: str, kind: type[_AModel], **params: str) -> tuple[_AModel, float]:
        """The answer, and the moment before it was asked for. Raises `SessionOver`, too."""
        before = time.time()
        answer = self._send(method, path, params=params)
        if answer.status == httpx.codes.UNAUTHORIZED:
            raise SessionOver
        return _parsed(answer, kind), before

    def close(self) -> None:
        """End the session, where that takes no time."""
        self._closed, http = True, self._http
        if http is not None:
            with suppress(httpx.HTTPError, RuntimeError):
                if self.session is not None:
                    http.delete(f"{self.url}/session", headers=self._proof(), timeout=ANSWER / 4)
            http.close()

    def _not_a_strangers(self) -> None:
        """On loopback anybody may listen: our credential is for root, or for ourselves."""
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not listeners(parts.port or 80) <= {0, os.getuid()}:
            raise Unusable(f"somebody else listens at {self.url}")

    def _proof(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session.token}"} if self.session else {}

    def _send(
        self, method: str, path: str, *, params: dict[str, str] | None = None, content: str | None = None
    ) -> _Answer:
        if self._closed:
            raise Unusable("it is read no more")
        url, headers = f"{self.url}/{path}", self._proof()
        try:
            with self._client().stream(method, url, params=params, headers=headers, content=content) as answer:
                return _Answer(answer.status_code, _bounded(answer))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            raise Unusable(f"{self.url} does not answer: {error or type(error).__name__}") from error

    def _client(self) -> httpx.Client:
        if self._http is None:
            # The machine's own list of authorities: a centre's may be on no other.
            trusted = ssl.create_default_context()
            timeout = httpx.Timeout(ANSWER, read=PATIENCE + ANSWER)
            self._http = httpx.Client(verify=trusted, timeout=timeout, trust_env=False)
        return self._http


def listeners(port: int, tables: tuple[str, ...] = ("/proc/net/tcp", "/proc/net/tcp6")) -> set[int]:
    """The users who listen on a port of this host, as the kernel's tables say (``man 5 proc``)."""
    found = set()
    for table in tables:
        with suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTENS and int(words[1].rpartition(":")[2], 16) == port:
                    found.add(int(words[7]))
    return found


def _bounded(answer: httpx.Response) -> bytes:
    """The body, unpacked, where it is neither larger than it may be nor takes longer."""
    data, end = bytearray(), time.monotonic() + WHOLE
    for part in answer.iter_bytes():
        data += part
        if len(data) > LARGEST:
            raise Unusable(f"it tells more than {LARGEST >> 20} MiB")
        if time.monotonic() > end:
            raise Unusable(f"its answer does not end within {WHOLE:g} s")
    return bytes(data)


def _parsed(answer: _Answer, kind: type[_AModel]) -> _AModel:
    if answer.status != httpx.codes.OK:
        said = " ".join(answer.body[:200].decode(errors="replace").split())
        raise Unusable(f"it is refused: {answer.status} {said}")
    try:
        return kind.model_validate_json(answer.body)
    except ValidationError as error:
        raise Unusable(f"its {kind.__name__.lower()} cannot be understood") from error
