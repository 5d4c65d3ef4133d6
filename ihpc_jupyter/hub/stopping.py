"""Stopping a server, or its start, by a plain form: JupyterHub's own way takes JavaScript."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from jupyterhub.handlers import default_handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import url_path_join
from tornado import web

_PATHS = (r"/ihpc/stop/([^/]+)", r"/ihpc/stop/([^/]+)/([^/]+)")

_Method = TypeVar("_Method", bound=Callable[..., Any])
_with_the_right: Callable[[_Method], _Method] = needs_scope("delete:servers")

_PATIENCE = 10.0
"""Seconds that a start which was cancelled may take to end."""


class StopHandler(BaseHandler):
    """``POST /hub/ihpc/stop/USER[/SERVER]`` stops that server and leads home; so does one that is stopped already.

    Who may is JupyterHub's to say, as for ``DELETE /hub/api/users/USER/servers/SERVER``: it looks at the cookie,
    at its own token against forged forms, and at the rights.
    """

    @web.authenticated
    @_with_the_right
    async def post(self, user_name: str, server_name: str = "") -> None:
        """Stop it."""
        user = self.find_user(user_name)
        if user is None:
            raise web.HTTPError(404, f"There is no user {user_name}.")
        if server_name in user.spawners:
            await self._end(user, server_name)
        self.redirect(url_path_join(self.hub.base_url, "home"), status=303)

    async def _end(self, user: Any, name: str) -> None:
        spawner = user.spawners[name]
        interrupted = spawner.pending == "spawn"
        if interrupted and spawner._spawn_future:  # noqa: SLF001 (a start has no other end)
            spawner._spawn_future.cancel()  # noqa: SLF001
        until = asyncio.get_running_loop().time() + _PATIENCE
        # A hub that was started again looks at a server by itself, and may be about to stop this one.
        while spawner.pending in {"spawn", "check"} and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        if spawner.pending or user.spawners.get(name) is not spawner:
            return
        if interrupted or (spawner.ready and await spawner.poll_and_notify() is None):
            await self.stop_single_user(user, name)


def register() -> None:
    """Add our handler to the hub's."""
    default_handlers.extend((path, StopHandler) for path in _PATHS)
