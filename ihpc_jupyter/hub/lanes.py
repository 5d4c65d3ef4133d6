"""What all our spawners have, whatever the batch system: lanes, the form, the options, the server's own words."""

import sys
from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar

from batchspawner.batchspawner import BatchSpawnerBase
from jupyterhub.spawner import SpawnException
from traitlets import Integer, TraitError, Tuple, Unicode, default, validate

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.hub import choice, form, stopping
from ihpc_jupyter.hub.account import unix_groups
from ihpc_jupyter.hub.port import register
from ihpc_jupyter.hub.singleuser import SECRETS
from ihpc_jupyter.hub.startup import Configured, check_hub
from ihpc_jupyter.model.metrics import Summary
from ihpc_jupyter.model.site import Described, Lane
from ihpc_jupyter.scheduler.base import Capacity

register()
stopping.register()

_ALWAYS = ("JUPYTERHUB_", "JPY_")
_OF_THE_USER = {"HOME", "USER", "SHELL", "PATH"}
"""What a server needs in its environment, whatever `req_keepvars` says."""


def problem(message: str, reason: str, status: int = 400, html: str = "") -> SpawnException:
    """What the user reads, on the page and over REST; *reason* is a short label for the metrics."""
    failure = SpawnException(message, reason=reason, message_html=html, status_code=status)
    failure.jupyterhub_message = message
    failure.jupyterhub_html_message = html or f"<p>{escape(message)}</p>"
    return failure


class LaneSpawner(BatchSpawnerBase):
    """A spawner with lanes: the form, the options, a server's command and environment; it starts nothing.

    Mixed into batchspawner's classes, so that settings for those reach it: `former` tells what becomes of them.
    """

    site = Unicode("", help="Name of the site in the system-wide site file; the first of its kind when empty.")
    ports = Tuple(Integer(), Integer(), default_value=(30000, 39999), help="Ports of servers: first and last.")
    node_python = Unicode("", help="Interpreter on the nodes; the lane's, the site's, the hub's when empty.")
    for _trait in (site, ports, node_python):
        _trait.tag(config=True)
    del _trait

    instead: ClassVar[Mapping[str, str]] = {}
    """Settings for batchspawner that cannot be kept, with what to use instead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.token_hash = ""
        self._asked: Mapping[str, object] | None = None

    @validate("ports")
    def _fit_ports(self, proposal: Mapping[str, Any]) -> tuple[int, int]:
        first, last = proposal["value"]
        if not 1 <= first <= last <= 65535:
            raise TraitError(f"{(first, last)} are not the first and the last of ports.")
        return first, last

    @classmethod
    def find_mistakes(cls, configured: Configured) -> list[str]:
        """What is wrong with the hub's settings and its site file; one line each, by name."""
        raise NotImplementedError

    @property
    def _site(self) -> Described:
        """The site, with what the settings add to it. Raises `InvalidRequest`."""
        raise NotImplementedError

    @property
    def _groups(self) -> set[str]:
        return unix_groups(self.user.name) | {group.name for group in self.user.groups}

    # What the user asks for.

    @default("options_form")
    def _form(self) -> Any:
        return lambda spawner: spawner.render_form()

    @default("options_from_form")
    def _from_form(self) -> Any:
        return self.read_form

    @default("apply_user_options")
    def _apply(self) -> Any:
        def apply(spawner: "LaneSpawner", options: Mapping[str, object]) -> None:
            spawner.accept(options)

        return apply

    def _room(self) -> tuple[Capacity | None, float | None, Mapping[str, Summary]]:
        """What is free, how many seconds ago that was told (None: nobody asks), and waits by lane."""
        return None, None, {}

    def render_form(self) -> str:
        """The options form's inside; once after a refusal with what was asked for and what is wrong with it."""
        asked, self._asked = self._asked, None
        capacity, age, waits = self._room()
        last = asked or dict(self.user_options or self.orm_spawner.user_options or {})
        refused = None
        if asked is not None:
            try:
                choice.choose(self._site, self._groups, asked)
            except choice.RefusedOption as error:
                refused = error
        return form.render(self._site, self._groups, last, capacity, age, refused, waits)

    def read_form(self, form_data: Mapping[str, list[str]]) -> dict[str, object]:
        """Options from the form or the query, refused here so that the page with the form says why."""
        options = choice.from_form(form_data)
        self._asked = options
        self.accept(options)
        self._asked = None
        return options

    def accept(self, options: Mapping[str, object]) -> choice.Choice:
        """Choose lane, shape and time. Raises `SpawnException` with field and allowed values."""
        try:
            return choice.choose(self._site, self._groups, options)
        except choice.RefusedOption as refused:
            raise problem(str(refused), "option", html=form.summary(refused)) from None
        except IhpcError as error:
            raise problem(str(error), error.kind, error.status) from None

    # The server.

    @default("cmd")
    def _server_program(self) -> list[str]:
        return [self._python(), "-m", "jupyterhub.singleuser"]

    def _server_words(self, lane: Lane, secrets: str = "") -> list[str]:
        """The command that tells the hub its port and becomes the server; *secrets* is a file with its token."""
        first, last = self.ports
        wrapper = [self._python(lane), "-m", "ihpc_jupyter.hub.singleuser", str(first), str(last)]
        return [*wrapper, *([SECRETS, secrets] if secrets else []), *self.cmd, *self.get_args()]

    def _environment(self) -> dict[str, str]:
        """The server's environment; of the hub's own choice what `req_keepvars` names, where that is set."""
        everything = {name: str(value) for name, value in self.get_env().items() if value is not None}
        kept = {*self.req_keepvars.split(","), *self.req_keepvars_extra.split(","), *_OF_THE_USER}
        return {name: value for name, value in everything.items() if name in kept or name.startswith(_ALWAYS)}

    def _python(self, lane: Lane | None = None) -> str:
        own = lane.python if lane is not None else None
        return str(self.node_python or own or self._site.python or sys.executable)

    def _check_port(self, port: int) -> None:
        """Raises `ValueError` for one that servers may not have."""
        first, last = self.ports
        if not first <= port <= last:
            raise ValueError(f"The port must lie between {first} and {last}.")


check_hub(LaneSpawner)
