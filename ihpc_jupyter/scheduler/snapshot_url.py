"""A centre's snapshot over HTTP: for hosts that share no directory with its writer."""

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, UserJobs
from ihpc_jupyter.scheduler.snapshot_reader import LARGEST, SnapshotReader, Unusable
from ihpc_jupyter.scheduler.snapshot_web import PATIENCE, Marked, News, Session, purpose
from ihpc_jupyter.scheduler.source import Wish

ANSWER = 2.0
"""Seconds for which an answer may be on its way."""

_AModel = TypeVar("_AModel", bound=BaseModel)


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes


class SnapshotUrl(SnapshotReader):
    """The snapshot below *url*. *credential* proves, for a purpose, who we are: asked where there is no session.

    The session's token is held in memory only.
    """

    def __init__(self, url: str, credential: Callable[[str], str]) -> None:
        super().__init__()
        self._url = url.rstrip("/")
        self._credential = credential
        # Jobs and what is free are read by two threads: an earlier answer must not replace a later one.
        self._one_at_a_time = threading.Lock()
        self._line: httpx.Client | None = None
        self._session: Session | None = None
        self._known = ""
        self._mine: tuple[str, UserJobs] | None = None

    def mark(self, wish: Wish) -> float:
        """Ask the writer: the moment is what its clock says. Raises `Unusable`."""
        with self._one_at_a_time:
            before = time.time()
            at = self._asked("POST", f"marks/{wish.name.lower()}", Marked).at
            self._compare_clocks(before, at)
            return at

    def site(self, patience: float = 0.0) -> SiteSnapshot:
        """What the writer tells now, or within *patience* seconds where that is nothing new. Raises `Unusable`."""
        with self._one_at_a_time:
            before, mine = time.time(), self._mine[0] if self._mine else ""
            params = {"known": self._known, "jobs": mine, "wait": f"{min(patience, PATIENCE):.3f}"}
            news = self._asked("GET", "news", News, params=params)
            if self._offset is None:
                self._compare_clocks(before, news.now)
            self._keep(news)
            return self._not_gone(news.site, news.alive)

    def jobs(self) -> UserJobs | None:
        """Those that were told with the last `site`."""
        return self._mine[1] if self._mine else None

    def close(self) -> None:
        """End the session: it is not worth waiting for."""
        if self._line is not None:
            with suppress(httpx.HTTPError):
                if self._session is not None:
                    self._line.delete(f"{self._url}/session", headers=self._proof(), timeout=ANSWER)
            self._line.close()
        self._line = self._session = None

    def _keep(self, news: News) -> None:
        if news.jobs is not None and self._session is not None:
            self._mine = news.jobs_revision, UserJobs(uid=self._session.uid, text=news.jobs)
        elif self._mine is not None and self._mine[0] != news.jobs_revision:
            self._mine = None
        self._known = news.revision

    def _asked(
        self, method: str, path: str, kind: type[_AModel], *, params: dict[str, str] | None = None
    ) -> _AModel:
        """One answer, under a new session where there is none or it is over."""
        if self._session is None:
            self._enter()
        answer = self._send(method, path, params=params, headers=self._proof())
        if answer.status == httpx.codes.UNAUTHORIZED:
            self._enter()
            answer = self._send(method, path, params=params, headers=self._proof())
        return _parsed(answer, kind)

    def _enter(self) -> None:
        try:
            told = self._credential(purpose(self._url))
        except IhpcError as error:
            raise Unusable(f"{error}") from error
        self._session = _parsed(self._send("POST", "session", content=told), Session)

    def _proof(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._session.token}"} if self._session else {}

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content: str | None = None,
    ) -> _Answer:
        url = f"{self._url}/{path}"
        try:
            with self._http().stream(method, url, params=params, headers=headers, content=content) as answer:
                return _Answer(answer.status_code, _bounded(answer))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unusable(f"{self._url} does not answer: {error or type(error).__name__}") from error

    def _http(self) -> httpx.Client:
        if self._line is None:
            # The machine's own list of authorities: a centre's may be on no other.
            trusted = ssl.create_default_context()
            timeout = httpx.Timeout(ANSWER, read=PATIENCE + ANSWER)
            self._line = httpx.Client(verify=trusted, timeout=timeout, trust_env=False)
        return self._line


def _bounded(answer: httpx.Response) -> bytes:
    """The body, unpacked, where it is not larger than it may be."""
    data = bytearray()
    for part in answer.iter_bytes():
        data += part
        if len(data) > LARGEST:
            raise Unusable(f"it tells more than {LARGEST >> 20} MiB")
    return bytes(data)


def _parsed(answer: _Answer, kind: type[_AModel]) -> _AModel:
    if answer.status != httpx.codes.OK:
        said = " ".join(answer.body[:200].decode(errors="replace").split())
        raise Unusable(f"it is refused: {answer.status} {said}")
    try:
        return kind.model_validate_json(answer.body)
    except ValidationError as error:
        raise Unusable(f"its {kind.__name__.lower()} cannot be understood") from error
