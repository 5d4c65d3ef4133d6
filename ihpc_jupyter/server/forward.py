"""Requests go to the agent as they are, once we know who asks and that they may."""

import time

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError, InvalidRequest
from ihpc_jupyter.model.protocol import Fault

MAX_BODY = 1 << 20
"""Bytes of a request's body: a description of a cluster is a thousandth of that."""


class ForwardHandler(APIHandler):
    """Every path of docs/api.md but the stream."""

    auth_resource = "ihpc"

    def initialize(self, agent: AgentClient) -> None:
        """Take the agent's client from the routes."""
        self.agent = agent

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Read."""
        await self._forward(path)

    @web.authenticated
    @authorized
    async def post(self, path: str) -> None:
        """Make, or make happen."""
        await self._forward(path)

    @web.authenticated
    @authorized
    async def patch(self, path: str) -> None:
        """Change."""
        await self._forward(path)

    @web.authenticated
    @authorized
    async def delete(self, path: str) -> None:
        """Stop, or forget."""
        await self._forward(path)

    async def _forward(self, path: str) -> None:
        query = f"?{self.request.query}" if self.request.query else ""
        began = time.perf_counter()
        try:
            if len(self.request.body) > MAX_BODY:
                raise InvalidRequest("The request's body is too large.", f"At most {MAX_BODY >> 20} MiB.")
            response = await self.agent.send(
                self.request.method or "GET", f"/{path}{query}", self.request.body or None
            )
        except IhpcError as error:
            self.set_status(error.status)
            self.finish(Fault(error=error.kind, message=error.message, hint=error.hint).model_dump_json())
            return
        # What a browser measures beyond this is the way between browser and server.
        self.set_header("Server-Timing", f"agent;dur={(time.perf_counter() - began) * 1000:.3f}")
        self.set_status(response.status_code)
        if response.status_code == 204:
            self.finish()
        else:
            kind = response.headers.get("Content-Type", "application/json")
            self.finish(response.content, set_content_type=kind)
