"""A centre's snapshot over HTTP: for hosts that share no directory with its writer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import BaseModel

from ihpc_jupyter.scheduler.snapshot import SiteSnapshot, UserJobs
from ihpc_jupyter.scheduler.snapshot_line import WHOLE, SessionOver, SnapshotLine
from ihpc_jupyter.scheduler.snapshot_reader import SnapshotReader, Unusable
from ihpc_jupyter.scheduler.snapshot_web import PATIENCE, Marked, News
from ihpc_jupyter.scheduler.source import Wish

_AModel = TypeVar("_AModel", bound=BaseModel)


class SnapshotUrl(SnapshotReader):
    """The snapshot below *url*. *credential* proves, for a purpose, who we are."""

    def __init__(self, url: str, credential: Callable[[str], str]) -> None:
        super().__init__()
        self._line = SnapshotLine(url, credential)
        # Jobs and what is free are read by two threads: an earlier answer must not replace a later one.
        self._lock = threading.Lock()
        self._wishes: set[Wish] = set()
        self._known = ""
        self._mine: tuple[str, UserJobs] | None = None

    def mark(self, wish: Wish) -> float:
        """Ask the writer: the moment is what its clock says. Raises `Unusable`."""
        with self._one_at_a_time():
            told, before = self._asked("POST", _path(wish), Marked)
            self._wishes.add(wish)
            self._compare_clocks(before, told.at)
            return told.at

    def site(self, patience: float = 0.0) -> SiteSnapshot:
        """What the writer tells now, or within *patience* seconds where that is nothing new. Raises `Unusable`."""
        with self._one_at_a_time():
            mine, wait = self._mine[0] if self._mine else "", f"{min(patience, PATIENCE):.3f}"
            news, before = self._asked("GET", "news", News, known=self._known, jobs=mine, wait=wait)
            self._compare_clocks(before + news.waited, news.now)
            self._keep(news)
            return self._not_gone(news.site, news.alive, news.now)

    def jobs(self) -> UserJobs | None:
        """Those that were told with the last `site`."""
        return self._mine[1] if self._mine else None

    def close(self) -> None:
        """End the session."""
        self._line.close()

    def _keep(self, news: News) -> None:
        session = self._line.session
        if news.jobs is not None and session is not None:
            self._mine = news.jobs_revision, UserJobs(uid=session.uid, text=news.jobs)
        elif self._mine is not None and self._mine[0] != news.jobs_revision:
            self._mine = None
        self._known = news.revision

    def _asked(self, method: str, path: str, kind: type[_AModel], **params: str) -> tuple[_AModel, float]:
        if self._line.session is None:
            self._enter()
        try:
            return self._line.ask(method, path, kind, **params)
        except SessionOver:
            self._enter()
        try:
            return self._line.ask(method, path, kind, **params)
        except SessionOver:
            raise Unusable("its sessions do not last") from None

    def _enter(self) -> None:
        """A new session; what was wanted in the former is wanted still."""
        self._line.enter()
        for wish in self._wishes:
            try:
                self._line.ask("POST", _path(wish), Marked)
            except SessionOver:
                raise Unusable("its sessions do not last") from None

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=WHOLE):
            raise Unusable("an answer is still on its way")
        try:
            yield
        finally:
            self._lock.release()


def _path(wish: Wish) -> str:
    return f"marks/{wish.name.lower()}"
