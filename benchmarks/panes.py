"""Browsers' side of a Jupyter server: many clients on its stream. ``python -m benchmarks.panes URL TOKEN COUNT``.

A process of its own, so that what else is measured does not slow it. Until its standard input ends it prints a
line of JSON for each change of jobs that a client hears: who, when, when the batch system had answered, the jobs.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

AGAIN = 0.5
"""Seconds until a client connects again."""

Jobs = dict[str, tuple[str, str]]
"""By id: the batch system's state, and which count its workers are in."""


def views(change: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The clusters that a change tells of."""
    if change["kind"] == "snapshot":
        yield from change["snapshot"]["clusters"]
    elif change["kind"] == "cluster":
        yield change["cluster"]


def jobs_of(view: Mapping[str, Any]) -> Jobs:
    """Its jobs."""
    groups = view["groups"].values()
    return {job["id"]: (job["state"], job["worker_state"]) for group in groups for job in group["jobs"]}


def say(**told: object) -> None:
    """One line."""
    print(json.dumps(told), flush=True)


async def listen(number: int, url: str, token: str) -> None:
    """One client; it connects again when the server lets go, as a browser does."""
    before: Jobs | None = None
    while True:
        request = HTTPRequest(f"{url}ihpc/api/stream", headers={"Authorization": f"token {token}"})
        stream = await websocket_connect(request)
        while (message := await stream.read_message()) is not None:
            at = time.time()
            if before is None:
                say(client=number, connected=True)
                before = {}
            for view in views(json.loads(message)):
                if (jobs := jobs_of(view)) != before:
                    say(client=number, at=at, asked_at=view["asked_at"], before=before, jobs=jobs)
                    before = jobs
        await asyncio.sleep(AGAIN)


async def main(url: str, token: str, count: int) -> None:
    """All of them, until standard input ends."""
    clients = [asyncio.create_task(listen(number, url, token)) for number in range(count)]
    await asyncio.to_thread(sys.stdin.read)
    for client in clients:
        client.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1].replace("http", "ws", 1), sys.argv[2], int(sys.argv[3])))
