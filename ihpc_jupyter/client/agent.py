"""The agent's API as methods: models in, models out, our errors raised."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from ihpc_jupyter.client.launch import start_agent
from ihpc_jupyter.errors import ERRORS, IhpcError, Unavailable
from ihpc_jupyter.model.cluster import ClusterView, CreateCluster, PatchCluster
from ihpc_jupyter.model.metrics import Responsiveness
from ihpc_jupyter.model.offer import OffersRequest, StartOffers
from ihpc_jupyter.model.protocol import (
    API_VERSION,
    About,
    Change,
    Connection,
    Fault,
    LogTail,
    Report,
    Script,
    Snapshot,
)
from ihpc_jupyter.model.queue import Cancellation, Queue
from ihpc_jupyter.model.run import Audit, Ledger, Plan, Policy, RunOrder, RunView
from ihpc_jupyter.model.site import SiteStatus
from ihpc_jupyter.model.why import Explanation
from ihpc_jupyter.paths import agent_socket
from ihpc_jupyter.scheduler.environment import own_job

ModelType = TypeVar("ModelType", bound=BaseModel)

START_PATIENCE = 20.0
"""Seconds that an agent may take to start."""
START_AGAIN = 2.0
"""Seconds between two starts: one that found another agent that was about to leave has left itself."""
TIMEOUT = 60.0
"""Seconds for one answer: the agent answers at once, but the doctor's job takes its time."""


class AgentClient:
    """Talks to this user's agent on this host, and starts it when nobody listens."""

    def __init__(self) -> None:
        self._socket = str(agent_socket())
        self._http = self._open(TIMEOUT)
        self._understood = False

    def _open(self, timeout: float | None) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=self._socket)
        return httpx.AsyncClient(transport=transport, base_url="http://agent", timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections; the agent goes on."""
        await self._http.aclose()

    async def send(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        """One request, starting the agent if need be. Raises Unavailable when it cannot be reached."""
        if not self._understood:
            await self._understand()
        return await self._send(method, path, body)

    async def _understand(self) -> None:
        """Compare versions, once. An agent from before an upgrade leaves (its clusters go on), and another starts.

        Raises Unavailable when the agent is newer than this program, or does not leave.
        """
        about = await self._about()
        if about.api < API_VERSION:
            os.kill(about.pid, signal.SIGTERM)
            about = await self._next_agent(about)
        if about.api != API_VERSION:
            raise Unavailable(
                f"The agent speaks version {about.api} of the API, this program version {API_VERSION}.",
                "Use one version of ihpc-jupyter in the Jupyter server, kernels and terminals.",
            )
        self._understood = True

    async def _next_agent(self, old: About) -> About:
        """The agent after the old one, which was told to leave and may break off in the middle of an answer."""
        until = time.monotonic() + START_PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(Unavailable):
                if (about := await self._about()).pid != old.pid:
                    return about
            await asyncio.sleep(0.1)
        return old

    async def _about(self) -> About:
        return About.model_validate_json((await self._send("GET", "/api/about", None)).content)

    async def _send(self, method: str, path: str, body: bytes | None) -> httpx.Response:
        due = time.monotonic()
        until = due + START_PATIENCE
        while True:
            try:
                return await self._http.request(method, path, content=body)
            except httpx.ConnectError as error:
                if time.monotonic() > until:
                    raise _unreachable(error) from error
            except httpx.HTTPError as error:
                raise _unreachable(error) from error
            if time.monotonic() >= due:
                await asyncio.to_thread(start_agent)
                due = time.monotonic() + START_AGAIN
            await asyncio.sleep(0.05)

    async def ask(self, method: str, path: str, kind: type[ModelType], body: BaseModel | None = None) -> ModelType:
        """One request with a model for an answer. Raises the error that the agent answered with."""
        content = body.model_dump_json(exclude_unset=True).encode() if body is not None else None
        response = await self.send(method, path, content)
        _raise_fault(response)
        return kind.model_validate_json(response.content)

    async def about(self) -> About:
        """About the agent."""
        return await self.ask("GET", "/api/about", About)

    async def snapshot(self) -> Snapshot:
        """Everything."""
        return await self.ask("GET", "/api/snapshot", Snapshot)

    async def site(self, name: str) -> SiteStatus:
        """One site."""
        return await self.ask("GET", f"/api/sites/{name}", SiteStatus)

    async def check(self, site: str) -> Report:
        """The doctor's report of a site."""
        return await self.ask("POST", f"/api/sites/{site}/check", Report)

    async def policy(self, site: str) -> Policy:
        """Commands by which a site's batch system itself enforces the lanes."""
        return await self.ask("GET", f"/api/sites/{site}/policy", Policy)

    async def audit(self, site: str, since: float) -> Audit:
        """Everybody's urgent runs since a moment (seconds since 1970), by a site's accounting."""
        return await self.ask("GET", f"/api/sites/{site}/audit?since={since:.0f}", Audit)

    async def jobs(self, site: str, *, everybody: bool = False, fresh: bool = True) -> Queue:
        """My jobs (*fresh*: as told from now on), or everybody's."""
        query = "all=true" if everybody else f"fresh={str(fresh).lower()}"
        return await self.ask("GET", f"/api/sites/{quote(site, safe='')}/jobs?{query}", Queue)

    async def why_job(self, site: str, job: str) -> Explanation:
        """Why a job waits, or ended."""
        path = f"/api/sites/{quote(site, safe='')}/jobs/{quote(job, safe='')}/why"
        return await self.ask("GET", path, Explanation)

    async def responsiveness(self, window: float) -> Responsiveness:
        """What was measured within so many seconds."""
        return await self.ask("GET", f"/api/responsiveness?window={window:.0f}", Responsiveness)

    async def offers(self, site: str, request: OffersRequest) -> StartOffers:
        """What would start when, as asked and otherwise."""
        return await self.ask("POST", f"/api/sites/{quote(site, safe='')}/offers", StartOffers, request)

    async def job_offers(self, site: str, job: str) -> StartOffers:
        """What would start sooner than a waiting job of mine."""
        path = f"/api/sites/{quote(site, safe='')}/jobs/{quote(job, safe='')}/offers"
        return await self.ask("GET", path, StartOffers)

    async def cancel_job(self, site: str, job: str, *, waiting_only: bool = False) -> Cancellation:
        """Cancel a job of mine, or all (the waiting ones) of an array."""
        path = f"/api/sites/{quote(site, safe='')}/jobs/{quote(job, safe='')}"
        return await self.ask("DELETE", f"{path}?waiting={str(waiting_only).lower()}", Cancellation)

    async def create(self, request: CreateCluster) -> ClusterView:
        """A new cluster."""
        return await self.ask("POST", "/api/clusters", ClusterView, request)

    async def cluster(self, name: str) -> ClusterView:
        """One cluster."""
        return await self.ask("GET", f"/api/clusters/{name}", ClusterView)

    async def patch(self, name: str, request: PatchCluster) -> ClusterView:
        """New targets."""
        return await self.ask("PATCH", f"/api/clusters/{name}", ClusterView, request)

    async def retry(self, name: str) -> ClusterView:
        """Ask the batch system again now."""
        return await self.ask("POST", f"/api/clusters/{name}/retry", ClusterView)

    async def stop(self, name: str) -> None:
        """Stop a cluster, or forget one that has ended."""
        _raise_fault(await self.send("DELETE", f"/api/clusters/{name}"))

    async def connection(self, name: str) -> Connection:
        """Where the head is."""
        return await self.ask("GET", f"/api/clusters/{name}/connection", Connection)

    async def script(self, name: str, group: str) -> Script:
        """A group's batch script."""
        return await self.ask("GET", f"/api/clusters/{name}/script?group={group}", Script)

    async def log(self, name: str, job: str) -> LogTail:
        """The end of a job's log."""
        return await self.ask("GET", f"/api/clusters/{name}/log?job={job}", LogTail)

    async def plan_run(self, order: RunOrder) -> Plan:
        """What would happen."""
        return await self.ask("POST", "/api/runs/plan", Plan, order)

    async def check_run(self, order: RunOrder) -> Report:
        """The rehearsal; nothing is run."""
        return await self.ask("POST", "/api/runs/check", Report, order)

    async def create_run(self, order: RunOrder) -> RunView:
        """A new run, planned: its mailbox waits for payload and order."""
        return await self.ask("POST", "/api/runs", RunView, order)

    async def start_run(self, id_: str) -> RunView:
        """The payload is there: go."""
        return await self.ask("POST", f"/api/runs/{quote(id_, safe='')}/start", RunView)

    async def runs(self) -> Ledger:
        """All runs, the latest first."""
        return await self.ask("GET", "/api/runs", Ledger)

    async def run(self, id_: str) -> RunView:
        """One run."""
        return await self.ask("GET", f"/api/runs/{quote(id_, safe='')}", RunView)

    async def cancel_run(self, id_: str) -> RunView | None:
        """Cancel a run everywhere; None: it had ended and is forgotten."""
        response = await self.send("DELETE", f"/api/runs/{quote(id_, safe='')}")
        _raise_fault(response)
        return RunView.model_validate_json(response.content) if response.content else None

    async def lines(self, *, here: bool = False) -> AsyncGenerator[str]:
        """The agent's stream, a JSON `Change` per line; ends when the agent goes.

        *here*: also what becomes of the batch job that this process runs in.
        """
        await self.send("GET", "/api/about")
        own = own_job() if here else None
        path = "/api/stream" if own is None else f"/api/stream?here={quote(':'.join(own))}"
        async with self._open(TIMEOUT) as http, http.stream("GET", path) as response:
            with contextlib.suppress(httpx.HTTPError):
                async for line in response.aiter_lines():
                    yield line

    async def changes(self) -> AsyncIterator[Change]:
        """The snapshot, then every change, for ever: over a new agent where the old one has gone."""
        while True:
            async with contextlib.aclosing(self.lines()) as lines:
                async for line in lines:
                    yield Change.model_validate_json(line)
            await asyncio.sleep(0.5)


def _unreachable(error: Exception) -> Unavailable:
    return Unavailable(
        f"The agent does not answer ({type(error).__name__}).",
        "Its log is agent.log in the runtime directory.",
    )


def _raise_fault(response: httpx.Response) -> None:
    if response.is_success:
        return
    try:
        fault = Fault.model_validate_json(response.content)
    except ValueError:
        raise IhpcError(f"The agent answered {response.status_code}.") from None
    raise ERRORS.get(fault.error, IhpcError)(fault.message, fault.hint)
