"""How a hub's staff set the spawner up, what its users may ask for, and the job that this comes to."""

import sys
from collections.abc import Mapping
from html import escape
from typing import Any

from batchspawner.batchspawner import BatchSpawnerBase
from jupyterhub.spawner import SpawnException
from traitlets import Callable, Integer, Tuple, Unicode, default

from ihpc_jupyter.hub import choice, form
from ihpc_jupyter.hub.account import unix_groups
from ihpc_jupyter.hub.centre import Centre, centre
from ihpc_jupyter.hub.jobs import UserJobs
from ihpc_jupyter.hub.script import ServerJob, server_script
from ihpc_jupyter.model.site import Lane
from ihpc_jupyter.scheduler.slurm_for_many import server_directives

_MARGIN = 60
"""Seconds that the hub's own clock leaves to ours."""


def problem(message: str, reason: str, status: int = 400, html: str = "") -> SpawnException:
    """What the user reads, on the page and over REST; *reason* is a short label for the metrics."""
    failure = SpawnException(message, reason=reason, message_html=html, status_code=status)
    failure.jupyterhub_message = message
    failure.jupyterhub_html_message = html or f"<p>{escape(message)}</p>"
    return failure


class LaneSpawner(BatchSpawnerBase):
    """A spawner with lanes: its settings, its form, its script; it starts nothing.

    Of batchspawner's settings `exec_prefix`, `req_prologue`, `req_epilogue` and `req_options` go on working;
    what a job asks for is the lane's and the shape's business.
    """

    site = Unicode("", help="Name of the site in the system-wide site file; the first Slurm there when empty.")
    queue_timeout = Integer(86400, min=1, help="Seconds that a job may wait in the queue.")
    boot_timeout = Integer(300, min=1, help="Seconds from the job's start until its server answers.")
    ports = Tuple(Integer(), Integer(), default_value=(30000, 39999), help="Ports of servers: first and last.")
    log_directory = Unicode("{homedir}/.ihpc/hub", help="Where the logs of the jobs go; {homedir}, {username}.")
    node_python = Unicode("", help="Interpreter on the nodes; the lane's, the site's, the hub's when empty.")
    node_host = Callable(lambda node: node, help="From a node's name to the host on which the hub reaches it.")
    for _trait in (site, queue_timeout, boot_timeout, ports, log_directory, node_python, node_host):
        _trait.tag(config=True)
    del _trait

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choice: choice.Choice | None = None

    @default("start_timeout")
    def _long_enough(self) -> int:
        return int(self.queue_timeout + self.boot_timeout + _MARGIN)

    @default("cmd")
    def _server_program(self) -> list[str]:
        return [self._python(), "-m", "jupyterhub.singleuser"]

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

    @property
    def _centre(self) -> Centre:
        return centre(self.site)

    @property
    def _groups(self) -> set[str]:
        return unix_groups(self.user.name) | {group.name for group in self.user.groups}

    def render_form(self) -> str:
        """The options form's inside."""
        capacity, age = self._centre.room.look()
        last = dict(self.user_options or self.orm_spawner.user_options or {})
        return form.render(self._centre.site, self._groups, last, capacity, age)

    def read_form(self, form_data: Mapping[str, list[str]]) -> dict[str, object]:
        """Options from the form or the query, refused here so that the page with the form says why."""
        options = choice.from_form(form_data)
        self.accept(options)
        return options

    def accept(self, options: Mapping[str, object]) -> choice.Choice:
        """Choose lane, shape and time, and keep that. Raises `SpawnException` with field and allowed values."""
        try:
            self._choice = choice.choose(self._centre.site, self._groups, options)
        except choice.RefusedOption as refused:
            raise problem(str(refused), "option") from None
        return self._choice

    def _script(self, chosen: choice.Choice) -> str:
        site = self._centre.site
        lane, shape = site.lanes[chosen.lane], site.shapes[chosen.shape]
        own = [f"#SBATCH {line}" for line in self.req_options.splitlines() if line.strip()]
        first, last = self.ports
        wrapper = [self._python(lane), "-m", "ihpc_jupyter.hub.singleuser", str(first), str(last)]
        return server_script(
            ServerJob(
                [*server_directives(lane, shape, chosen.time_limit), *own],
                {name: str(value) for name, value in self.get_env().items() if value is not None},
                [*wrapper, *self.cmd, *self.get_args()],
                [*site.prologue, *self.req_prologue.splitlines()],
                self.req_epilogue.splitlines(),
            )
        )

    def _python(self, lane: Lane | None = None) -> str:
        own = lane.python if lane is not None else None
        return str(self.node_python or own or self._centre.site.python or sys.executable)

    def _jobs(self) -> UserJobs:
        return UserJobs(self._centre.site, self.user.name, self.exec_prefix, self.log_directory)
