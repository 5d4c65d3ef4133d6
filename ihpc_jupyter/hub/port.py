"""Where a server tells the hub on which port it will listen: one integer, once a start, and nothing else."""

import hashlib
import hmac
import json
from typing import Protocol

from batchspawner.api import BatchSpawnerAPIHandler
from jupyterhub.apihandlers import APIHandler, default_handlers
from tornado import web

PATH = r"/api/ihpc/port"

_LONGEST = 100
"""Bytes of a body that can be one."""


class Starting(Protocol):
    """A spawner that may wait for its server's port."""

    token_hash: str

    def take_port(self, port: int) -> None:
        """Accept it. Raises `ValueError` out of range, `LookupError` where none is waited for."""


def hashed(token: str) -> str:
    """What is kept of a server's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_port(body: bytes) -> int:
    """The port of ``{"port": N}``. Raises `ValueError` for anything else, however alike."""
    told = json.loads(body) if len(body) <= _LONGEST else None
    if not isinstance(told, dict) or set(told) != {"port"} or type(told["port"]) is not int:
        raise ValueError('The body is {"port": N} and nothing else.')
    return int(told["port"])


class PortHandler(APIHandler):
    """``POST /hub/api/ihpc/port`` with that server's own token: 204, else 400, 403 or 409."""

    @web.authenticated
    def post(self) -> None:
        """Take the port."""
        spawner = _waiting(self)
        if spawner is None:
            raise web.HTTPError(403, "This token is not one of a server that starts.")
        try:
            spawner.take_port(read_port(self.request.body))
        except LookupError as error:
            raise web.HTTPError(409, str(error)) from None
        except (ValueError, RecursionError):
            raise web.HTTPError(400, 'The body is {"port": N}, N an integer in the allowed range.') from None
        self.set_status(204)


class FormerHandler(BatchSpawnerAPIHandler):
    """batchspawner's own way for a port: it sets whatever it is told, so it is closed to servers of ours.

    It stays for others': every hub of an installation loads this module, by the entry point of our spawner.
    """

    @web.authenticated
    def post(self) -> None:
        """As batchspawner does, but 403 for a server of ours."""
        if _waiting(self) is not None:
            raise web.HTTPError(403, f"This server tells its port at {PATH}.")
        super().post()


def _waiting(handler: APIHandler) -> Starting | None:
    """The spawner of ours whose server's token the request has; another token of the same user's has none."""
    given = hashed(handler.get_auth_token() or "")
    spawners = getattr(handler.current_user, "spawners", None) or {}
    for spawner in spawners.values():
        kept = getattr(spawner, "token_hash", "")
        if kept and hmac.compare_digest(kept, given):
            found: Starting = spawner
            return found
    return None


def register() -> None:
    """Add our handler to the hub's, and put a guard before batchspawner's, which came with its classes."""
    former = [entry[0] for entry in default_handlers if issubclass(entry[1], BatchSpawnerAPIHandler)]
    ours = {PATH: PortHandler, **dict.fromkeys(former, FormerHandler)}
    default_handlers[:] = [*(entry for entry in default_handlers if entry[0] not in ours), *ours.items()]
