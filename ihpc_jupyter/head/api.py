"""The head's small JSON API, on the same port as Dask's pages, behind mutual TLS."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from time import time
from typing import Any

from distributed.scheduler import Scheduler
from pydantic import ValidationError
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from ihpc_jupyter.head.report import Diary, describe
from ihpc_jupyter.head.worker import RETIRED
from ihpc_jupyter.model.head import Jobs

TICK = 1.0
"""Seconds between two reports when nothing special happens (loads change all the time)."""

_GATHER = 0.05
"""Seconds to gather further changes before a report: forty workers may come at once."""

_GOODBYE = 2.0
"""Seconds that a worker told to go may take to take leave; then it is removed as it is."""


class HeadHandler(RequestHandler):
    """What all of them need: the scheduler and its diary."""

    def initialize(self, scheduler: Scheduler, diary: Diary, followers: "Followers") -> None:
        """Take what the routes carry."""
        self.scheduler = scheduler
        self.diary = diary
        self.followers = followers


class Followers:
    """Wakes each stream when something changed; an event per stream, so that none steals another's."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._events: set[asyncio.Event] = set()

    async def watch(self) -> None:
        """Hand on the diary's wake-ups for ever."""
        while True:
            await self._diary.changed.wait()
            self._diary.changed.clear()
            for event in self._events:
                event.set()

    def join(self) -> asyncio.Event:
        """A wake-up of one's own."""
        event = asyncio.Event()
        self._events.add(event)
        return event

    def leave(self, event: asyncio.Event) -> None:
        """No longer needed."""
        self._events.discard(event)


class StateHandler(HeadHandler):
    """``GET /ihpc/state`` → HeadState."""

    async def get(self) -> None:
        """Answer once."""
        self.set_header("Content-Type", "application/json")
        self.finish(describe(self.scheduler, self.diary).model_dump_json())


class StreamHandler(HeadHandler):
    """``GET /ihpc/stream`` → one HeadState per line, at each change and each tick."""

    async def get(self) -> None:
        """Answer until the reader leaves."""
        self.set_header("Content-Type", "application/x-ndjson")
        changed = self.followers.join()
        try:
            while True:
                changed.clear()
                self.write(describe(self.scheduler, self.diary).model_dump_json() + "\n")
                await self.flush()
                await _change_or_tick(changed)
        except StreamClosedError:
            return
        finally:
            self.followers.leave(changed)


async def _change_or_tick(changed: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(TICK):
            await changed.wait()
    except TimeoutError:
        return
    await asyncio.sleep(_GATHER)


class JobsHandler(HeadHandler):
    """``POST`` {jobs} → 202: something begins with the workers of these jobs."""

    async def post(self) -> None:
        """Begin, without waiting for the end."""
        try:
            jobs = set(Jobs.model_validate_json(self.request.body).jobs)
        except ValidationError as error:
            self.set_status(422)
            self.finish({"error": "invalid", "message": str(error)})
            return
        state = describe(self.scheduler, self.diary)
        names = [worker.name for worker in state.workers if worker.job in jobs]
        if names:
            task = asyncio.ensure_future(self.begin(names))
            _BACKGROUND.add(task)
            task.add_done_callback(_BACKGROUND.discard)
        self.set_status(202)
        self.finish({"workers": names})

    async def begin(self, names: list[str]) -> None:
        """What is to be done with the workers of these names."""
        raise NotImplementedError


class RetireHandler(JobsHandler):
    """``POST /ihpc/retire``: they hand over their data and go."""

    async def begin(self, names: list[str]) -> None:
        """Each is told why: one that Dask removes for another reason (a user's `client.restart()`, a long
        silence) is still wanted, and comes back."""
        scheduler = self.scheduler
        retired = await scheduler.retire_workers(names=names, close_workers=False, remove=False)
        for address in retired:
            scheduler.worker_send(address, {"op": "close", "reason": RETIRED})
        # Removed before it has heard that, it takes its next heartbeat's answer for an accident, and comes back.
        await self._take_leave(retired)
        for address in retired:
            await scheduler.remove_worker(address, expected=True, close=False, stimulus_id=f"ihpc-retire-{time()}")

    async def _take_leave(self, addresses: Collection[str]) -> None:
        """Until they are gone, at most `_GOODBYE` seconds."""
        changed = self.followers.join()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    while any(address in self.scheduler.workers for address in addresses):
                        changed.clear()
                        await changed.wait()
        finally:
            self.followers.leave(changed)


class DropHandler(JobsHandler):
    """``POST /ihpc/drop``: they are taken for lost, their tasks are run elsewhere at once."""

    async def begin(self, names: list[str]) -> None:
        """Without asking them: they are silent."""
        for address in [self.scheduler.aliases[name] for name in names if name in self.scheduler.aliases]:
            await self.scheduler.remove_worker(address, stimulus_id=f"ihpc-drop-{time()}")


class PulseHandler(HeadHandler):
    """``POST /ihpc/pulse`` {jobs} → 204: these jobs are alive, however silent their workers."""

    async def post(self) -> None:
        """Feel it."""
        try:
            self.diary.feel(Jobs.model_validate_json(self.request.body).jobs)
        except ValidationError as error:
            self.set_status(422)
            self.finish({"error": "invalid", "message": str(error)})
            return
        self.set_status(204)
        self.finish()


class CloseHandler(HeadHandler):
    """``POST /ihpc/close`` → 202: the head closes, its workers with it."""

    async def post(self) -> None:
        """Begin, without waiting for the end."""
        self.set_status(202)
        self.finish({})
        asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(self.scheduler.close()))


_BACKGROUND: set[asyncio.Future[Any]] = set()
"""Keeps running tasks from being collected."""


def routes(
    scheduler: Scheduler, diary: Diary, followers: Followers
) -> list[tuple[str, type[HeadHandler], dict[str, Any]]]:
    """The API's routes, for Dask's own HTTP server."""
    arguments = {"scheduler": scheduler, "diary": diary, "followers": followers}
    return [
        (r"/ihpc/state", StateHandler, arguments),
        (r"/ihpc/stream", StreamHandler, arguments),
        (r"/ihpc/retire", RetireHandler, arguments),
        (r"/ihpc/drop", DropHandler, arguments),
        (r"/ihpc/pulse", PulseHandler, arguments),
        (r"/ihpc/close", CloseHandler, arguments),
    ]
