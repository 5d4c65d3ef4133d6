"""Where a server tells the hub on which port it will listen: one integer, once a start, and nothing else."""

import hashlib
import hmac
import json
from typing import Protocol

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
        spawner = self._spawner()
        try:
            spawner.take_port(read_port(self.request.body))
        except LookupError as error:
            raise web.HTTPError(409, str(error)) from None
        except (ValueError, RecursionError):
            raise web.HTTPError(400, 'The body is {"port": N}, N an integer in the allowed range.') from None
        self.set_status(204)

    def _spawner(self) -> Starting:
        """The one whose server's token this is; a token of the same user's that is another's is refused."""
        given = hashed(self.get_auth_token() or "")
        spawners = getattr(self.current_user, "spawners", None) or {}
        for spawner in spawners.values():
            kept = getattr(spawner, "token_hash", "")
            if kept and hmac.compare_digest(kept, given):
                found: Starting = spawner
                return found
        raise web.HTTPError(403, "This token is not one of a server that starts.")


def register() -> None:
    """Add our handler to the hub's, and take away batchspawner's, which came with the import of its classes:
    it accepts more than a port, and nothing of ours uses it."""
    kept = [entry for entry in default_handlers if not entry[1].__module__.startswith("batchspawner.")]
    default_handlers[:] = [*(entry for entry in kept if entry[0] != PATH), (PATH, PortHandler)]
