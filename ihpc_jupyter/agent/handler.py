"""What every handler on the agent's socket is: same user only, JSON in and out, every error a `Fault`."""

import os
import socket
import struct
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from tornado.iostream import IOStream
from tornado.web import RequestHandler

from ihpc_jupyter.agent.agent import Agent
from ihpc_jupyter.errors import IhpcError, InvalidRequest, NotAllowed
from ihpc_jupyter.model.protocol import Fault
from ihpc_jupyter.validation import explain

ModelType = TypeVar("ModelType", bound=BaseModel)


class AgentHandler(RequestHandler):
    """What all handlers share: the caller is checked, bodies are validated, errors are faults."""

    def initialize(self, agent: Agent) -> None:
        """Take the agent from the routes."""
        self.agent = agent

    def prepare(self) -> None:
        """Only the agent's own user gets further (the socket's directory is closed to others anyway)."""
        if (uid := self._peer_uid()) not in (None, os.getuid(), 0):
            raise NotAllowed(f"This agent belongs to user {os.getuid()}, not {uid}.")
        self.agent.used()

    def _peer_uid(self) -> int | None:
        stream = getattr(self.request.connection, "stream", None)
        if not isinstance(stream, IOStream) or stream.socket.family != socket.AF_UNIX:
            return None
        credentials = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])

    def body(self, kind: type[ModelType]) -> ModelType:
        """The request's body as a model. Raises InvalidRequest that names each wrong field."""
        try:
            return kind.model_validate_json(self.request.body or b"{}")
        except ValidationError as error:
            raise InvalidRequest(explain(error), "See docs/api.md for what is allowed.") from error

    def argument(self, name: str) -> str:
        """A query argument. Raises InvalidRequest when it is missing."""
        if not (value := self.get_query_argument(name, "")):
            raise InvalidRequest(f"The query argument {name!r} is missing.", f"Add ?{name}=…")
        return value

    def flag(self, name: str) -> bool:
        """Whether a query argument says ``true``. Raises InvalidRequest for what is neither that nor ``false``."""
        if (value := self.get_query_argument(name, "false")) not in {"true", "false"}:
            raise InvalidRequest(f"{name}={value} is neither true nor false.", f"Write ?{name}=true.")
        return value == "true"

    def number(self, name: str, default: float, most: float) -> float:
        """A query argument that is a number, 0 to *most* (the default may be anything). Raises InvalidRequest."""
        text = self.get_query_argument(name, "")
        try:
            value = float(text) if text else default
        except ValueError:
            value = float("nan")
        if text and not 0 <= value <= most:
            raise InvalidRequest(f"{name} is {text!r}.", f"Give a number from 0 to {most:g}.")
        return value

    def place(self, name: str) -> int | None:
        """A query argument that is a place in a file, in bytes. Raises InvalidRequest."""
        value = self.number(name, -1.0, float(1 << 53))
        return None if value < 0 else int(value)

    def answer(self, model: BaseModel | None, status: int = 200) -> None:
        """Finish with a model, or with nothing (204)."""
        self.set_status(status if model is not None else 204)
        if model is None:
            self.finish()
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(model.model_dump_json())

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every error as a `Fault`; what we did not foresee is logged and said to be our fault."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, IhpcError):
            self.set_status(error.status)
            fault = Fault(error=error.kind, message=error.message, hint=error.hint)
        elif status_code in (404, 405):
            fault = Fault(
                error="not-found",
                message=f"There is nothing at {self.request.path}.",
                hint="See docs/api.md.",
            )
        else:
            fault = Fault(
                error="internal", message=f"The agent failed ({status_code}).", hint="Its log tells more."
            )
        self.set_header("Content-Type", "application/json")
        self.finish(fault.model_dump_json())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors meant for users are no surprises to log."""
        if not isinstance(value, IhpcError):
            super().log_exception(typ, value, tb)
