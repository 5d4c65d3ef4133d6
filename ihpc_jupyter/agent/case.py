"""One cluster in work: its record as changed in memory, what went wrong with it, what runs beside its rounds."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ihpc_jupyter.agent.backoff import Backoff
from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.cluster.naming import HEAD_GROUP
from ihpc_jupyter.cluster.record import ClusterRecord
from ihpc_jupyter.cluster.sight import Sight
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.model.cluster import Note, Problem

_LOG = logging.getLogger("ihpc.agent")

STOP = "stop"
"""Key of the problem and the back-off of stopping; others are keyed by group, the head's by `HEAD_GROUP`."""
CANCEL_AGAIN = 5.0
"""Seconds before a cancellation that showed no effect is repeated."""


class Case:
    """What the parts that look after one cluster share.

    *held* tells whether this agent (still) looks after the cluster: it is asked before each act, as an agent
    that was frozen for a while may wake up in the middle of one when another has long taken over.
    """

    def __init__(
        self, record: ClusterRecord, desk: SiteDesk, store: Store[ClusterRecord], held: Callable[[], bool]
    ) -> None:
        self.record = record
        self.held = held
        self.desk = desk
        self.link = HeadLink(desk.spool(record.uid), self.wake)
        self.problems: dict[str, Problem] = {}
        self.backoffs = {name: Backoff() for name in (*record.groups, HEAD_GROUP, STOP)}
        self.gone = False
        self.woken = asyncio.Event()
        self._store = store
        self._dirty = False
        self._saving = asyncio.Lock()
        self._unsaved: Problem | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled_at: dict[str, float] = {}

    def wake(self) -> None:
        """Something changed: look soon."""
        self.woken.set()

    # -- the record --------------------------------------------------------------------------------------

    def replace(self, record: ClusterRecord) -> None:
        """Take a new record; it is saved at the end of the round."""
        if record != self.record:
            self.record = record
            self._dirty = True

    def change(self, **update: object) -> None:
        """Replace parts of the record and look soon."""
        self.replace(self.record.model_copy(update=update))
        self.wake()

    def note(self, text: str, level: str = "info") -> None:
        """Write a line into the cluster's diary."""
        self.replace(self.record.noted(Note.model_validate({"at": time.time(), "level": level, "text": text})))

    async def save(self) -> None:
        """Save what changed. A home that is full or read-only stops nothing: it is said, and tried again."""
        async with self._saving:  # one after the other: the last to be written is the latest
            if not self._dirty or self.gone or not self.held():
                return
            self._dirty = False
            try:
                await asyncio.to_thread(self._store.save, self.record)
                self._unsaved = None
            except OSError as error:
                self._dirty = True
                self.not_saved(error)

    def not_saved(self, error: OSError) -> None:
        """Remember that the home did not take what we wrote."""
        since = self._unsaved.since if self._unsaved else time.time()
        self._unsaved = Problem(
            message=f"The cluster's record cannot be saved: {error.strerror or error}.",
            hint="What runs goes on. Free some space in your home; saving is tried again by itself.",
            since=since,
        )

    # -- what went wrong ---------------------------------------------------------------------------------

    def problem(self) -> Problem | None:
        """The most important problem of the cluster as a whole."""
        return self._unsaved or self.problems.get(HEAD_GROUP) or self.problems.get(STOP)

    def failed(self, key: str, error: IhpcError) -> None:
        """Something was refused or not answered: say so, and try again later."""
        backoff = self.backoffs[key]
        backoff.failed()
        old = self.problems.get(key)
        since = old.since if old and old.message == error.message else time.time()
        self.problems[key] = Problem(
            message=error.message, hint=error.hint, since=since, retry_at=backoff.retry_at
        )

    def worked(self, key: str) -> None:
        """It works (again)."""
        self.problems.pop(key, None)
        self.backoffs[key].reset()

    # -- what is done beside the rounds ------------------------------------------------------------------

    def sight(self) -> Sight:
        """The batch system's last answer about this cluster."""
        return self.desk.sight(self.record.uid)

    def busy(self, kind: str) -> bool:
        """Whether work of that kind is under way."""
        task = self._tasks.get(kind)
        return task is not None and not task.done()

    def beside(self, kind: str, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* beside the rounds, unless its like is still under way; its end wakes the next round."""
        if self.busy(kind):
            work.close()
            return
        self._tasks[kind] = asyncio.create_task(work)
        self._tasks[kind].add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("cluster %s: %s", self.record.name, error, exc_info=error)
        self.wake()

    def drop_work(self) -> None:
        """Cancel what runs beside the rounds."""
        for task in self._tasks.values():
            task.cancel()

    def cancel(self, ids: list[str]) -> None:
        """Cancel jobs in one request, those not asked for within the last seconds."""
        now = time.monotonic()
        due = [id_ for id_ in ids if now - self._cancelled_at.get(id_, -CANCEL_AGAIN) >= CANCEL_AGAIN]
        if due and self.backoffs[STOP].ready and not self.busy("cancel"):
            self._cancelled_at.update(dict.fromkeys(due, now))
            self.beside("cancel", self._cancel(due))

    async def _cancel(self, ids: list[str]) -> None:
        if not self.held():
            return
        try:
            await self.desk.batch.cancel(ids)
        except IhpcError as error:
            for id_ in ids:
                self._cancelled_at.pop(id_, None)
            self.failed(STOP, type(error)(f"Cancelling, unconfirmed: {error.message}", error.hint))
        else:
            self.worked(STOP)
        self.desk.watcher.poke()
