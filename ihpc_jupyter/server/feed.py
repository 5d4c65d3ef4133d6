"""The agent's stream, handed on to a browser over a WebSocket."""

import asyncio
import contextlib

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError

AGENT_LOST = 4503
"""Close code: the agent has gone; connecting again starts another."""


class FeedHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``ihpc/api/stream``: the snapshot, then each change, as JSON texts. What a browser sends is ignored."""

    auth_resource = "ihpc"

    def initialize(self, agent: AgentClient) -> None:
        """Take the agent's client from the routes."""
        self._agent = agent
        self._task: asyncio.Task[None] | None = None

    def set_default_headers(self) -> None:
        """None: this is no page."""

    @ws_authenticated
    async def get(self) -> None:
        """Upgrade, for users who may read."""
        if not self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource):
            raise web.HTTPError(403)
        await super().get()

    def open(self) -> None:
        """Begin to hand on."""
        self._task = asyncio.create_task(self._hand_on())

    def on_message(self, message: str | bytes) -> None:
        """A browser only listens here."""

    def on_close(self) -> None:
        """The browser has left."""
        if self._task is not None:
            self._task.cancel()

    async def _hand_on(self) -> None:
        with contextlib.suppress(IhpcError, WebSocketClosedError):
            async with contextlib.aclosing(self._agent.lines(here=True)) as lines:
                async for line in lines:
                    await self.write_message(line)
        self.close(AGENT_LOST, "the agent has gone")
