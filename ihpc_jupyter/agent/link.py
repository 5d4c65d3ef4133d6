"""The agent's line to one head: finds it by its file, follows its stream, hands on short commands."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable

import httpx

from ihpc_jupyter.contexts import client_context
from ihpc_jupyter.files import read_model
from ihpc_jupyter.model.head import HeadFile, HeadState, Jobs, RunTask
from ihpc_jupyter.model.spool import Spool

QUIET = 4.0
"""Seconds without a line (they come each second) after which the head counts as not answering."""


class HeadLink:
    """Keeps *state* (the head's last word), *heard_at* and *file* up to date while *follow* runs."""

    def __init__(self, spool: Spool, changed: Callable[[], None]) -> None:
        self.spool = spool
        self.file: HeadFile | None = None
        self.state: HeadState | None = None
        self.heard_at = 0.0
        self.up_since = 0.0
        self._changed = changed
        self._line: httpx.AsyncClient | None = None
        self._line_to: HeadFile | None = None

    @property
    def up(self) -> bool:
        """Whether the head has been heard lately."""
        return time.monotonic() - self.heard_at < QUIET and self.heard_at > 0

    async def find(self) -> None:
        """Read where the head is."""
        self.file = await asyncio.to_thread(read_model, self.spool.head, HeadFile)

    def forget(self) -> None:
        """The head is dead: what it last said is no longer so."""
        self.state = None
        self.heard_at = 0.0

    async def follow(self) -> None:
        """Follow whichever head the file names, for ever; a silent one is tried again each second at most."""
        while True:
            await self.find()
            if self.file is not None:
                with contextlib.suppress(httpx.HTTPError, OSError, ssl.SSLError, ValueError):
                    await self._follow_one(self.file)
                self._changed()
            await asyncio.sleep(0.1 if self.file is None else 0.5)

    async def _follow_one(self, file: HeadFile) -> None:
        async with self._client(file, QUIET) as client, client.stream("GET", "/ihpc/stream") as answer:
            self.up_since = time.time()
            async for line in answer.aiter_lines():
                self.state = HeadState.model_validate_json(line)
                self.heard_at = time.monotonic()
                self._changed()

    async def retire(self, jobs: tuple[str, ...]) -> bool:
        """Ask that these jobs' workers hand over and go; False where the head does not answer."""
        return await self._post("/ihpc/retire", Jobs(jobs=jobs).model_dump_json())

    async def drop(self, jobs: tuple[str, ...]) -> bool:
        """Tell that these jobs' workers are lost; False where the head does not answer (it finds out later)."""
        return await self._post("/ihpc/drop", Jobs(jobs=jobs).model_dump_json())

    async def close(self) -> bool:
        """Ask the head to close; False where it does not answer."""
        return await self._post("/ihpc/close", "{}")

    async def round_trip(self) -> float | None:
        """Seconds to the head and back with an empty request; None where it does not answer."""
        empty = Jobs(jobs=()).model_dump_json()
        if not await self._post("/ihpc/pulse", empty):  # the first may have to open the line
            return None
        began = time.perf_counter()
        answered = await self._post("/ihpc/pulse", empty)
        return time.perf_counter() - began if answered else None

    async def run(self, task: RunTask) -> str | None:
        """Hand an urgent attempt to the workers; None when one takes it, else why not."""
        answer = await self._ask("/ihpc/run", task.model_dump_json())
        if answer is None:
            return "The cluster's head does not answer."
        return None if answer.is_success else "No worker is idle any more."

    async def _post(self, path: str, body: str) -> bool:
        answer = await self._ask(path, body)
        return answer is not None and answer.is_success

    async def _ask(self, path: str, body: str) -> httpx.Response | None:
        """One request over the line that stays open; None where nobody answers."""
        if self.file is None:
            return None
        if self._line is None or self._line_to != self.file:
            await self.hang_up()
            self._line, self._line_to = self._client(self.file, 2.0), self.file
        try:
            return await self._line.post(path, content=body)
        except (httpx.HTTPError, OSError, ssl.SSLError):
            return None

    async def hang_up(self) -> None:
        """Close the line for requests."""
        if self._line is not None:
            await self._line.aclose()
        self._line = None

    def _client(self, file: HeadFile, timeout: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=file.api, verify=client_context(self.spool), timeout=timeout, trust_env=False
        )
