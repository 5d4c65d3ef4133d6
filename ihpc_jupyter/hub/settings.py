"""How a hub's staff set the spawner up, what its users may ask for, and the job that this comes to."""

import sys
from collections.abc import Mapping
from html import escape
from typing import Any

from batchspawner.batchspawner import SlurmSpawner
from jupyterhub.spawner import SpawnException
from traitlets import Callable, Integer, Tuple, Unicode, default

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.hub import choice, form, former
from ihpc_jupyter.hub.account import unix_groups
from ihpc_jupyter.hub.centre import Centre, centre
from ihpc_jupyter.hub.jobs import UserJobs
from ihpc_jupyter.hub.script import ServerJob, exports_of, server_command, server_script
from ihpc_jupyter.model.site import Lane, Site
from ihpc_jupyter.scheduler.slurm_commands import (
    STEP_IN_COMMAND,
    Written,
    gres_directive,
    read_command,
    template_directives,
)
from ihpc_jupyter.scheduler.slurm_for_many import server_directives

_MARGIN = 60
"""Seconds that the hub's own clock leaves to ours."""

_ALWAYS = ("JUPYTERHUB_", "JPY_")
_OF_THE_USER = {"HOME", "USER", "SHELL", "PATH"}
"""What a server needs in its environment, whatever `req_keepvars` says."""


def problem(message: str, reason: str, status: int = 400, html: str = "") -> SpawnException:
    """What the user reads, on the page and over REST; *reason* is a short label for the metrics."""
    failure = SpawnException(message, reason=reason, message_html=html, status_code=status)
    failure.jupyterhub_message = message
    failure.jupyterhub_html_message = html or f"<p>{escape(message)}</p>"
    return failure


class LaneSpawner(SlurmSpawner):
    """A spawner with lanes: its settings, its form, its script; it starts nothing.

    It is one of batchspawner's, so that settings for those reach it: `former` tells what becomes of them.
    """

    site = Unicode("", help="Name of the site in the system-wide site file; the first Slurm there when empty.")
    queue_timeout = Integer(86400, min=1, help="Seconds that a job may wait in the queue.")
    boot_timeout = Integer(300, min=1, help="Seconds from the job's start until its server answers.")
    ports = Tuple(Integer(), Integer(), default_value=(30000, 39999), help="Ports of servers: first and last.")
    log_directory = Unicode("{homedir}/.ihpc/hub", help="Where the logs of the jobs go; {homedir}, {username}.")
    node_python = Unicode("", help="Interpreter on the nodes; the lane's, the site's, the hub's when empty.")
    node_host = Callable(lambda node: node, help="From a node's name to the host on which the hub reaches it.")
    batch_script = Unicode("", help="A template of the whole script, with {cmd} in it.")
    batch_submit_cmd = Unicode("", help="Where the program is, and options that go with each submission.")
    batch_query_cmd = Unicode("", help="Where the program is.")
    batch_cancel_cmd = Unicode("", help="Where the program is.")
    req_srun = Unicode("", help="Words before the server's command; a job step of its own is not needed.")
    for _trait in (
        site, queue_timeout, boot_timeout, ports, log_directory, node_python, node_host, batch_script,
        batch_submit_cmd, batch_query_cmd, batch_cancel_cmd, req_srun,
    ):  # fmt: skip
        _trait.tag(config=True)
    del _trait

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked: Mapping[str, object] | None = None

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

    # The site, and what the settings add to it.

    @property
    def _given(self) -> former.Given:
        return former.read_given({key: getattr(self, f"req_{key}") for key in former.Given.model_fields})

    @property
    def _commands(self) -> dict[str, Written]:
        lines = {"submit": self.batch_submit_cmd, "query": self.batch_query_cmd, "cancel": self.batch_cancel_cmd}
        return {kind: read_command(kind, line) for kind, line in lines.items()}

    @property
    def _centre(self) -> Centre:
        return centre(self.site, self._commands["query"])

    @property
    def _site(self) -> Site:
        return former.completed(self._centre.site, self._given)

    @property
    def _groups(self) -> set[str]:
        return unix_groups(self.user.name) | {group.name for group in self.user.groups}

    # What the user asks for.

    def render_form(self) -> str:
        """The options form's inside; once after a refusal with what was asked for and what is wrong with it."""
        asked, self._asked = self._asked, None
        capacity, age = self._centre.room.look()
        last = asked or dict(self.user_options or self.orm_spawner.user_options or {})
        refused = None
        if asked is not None:
            try:
                choice.choose(self._site, self._groups, asked)
            except choice.RefusedOption as error:
                refused = error
        waits = self._centre.watch.waits.look()
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

    # The job.

    def _script(self, chosen: choice.Choice) -> str:
        site = self._site
        lane, shape = site.lanes[chosen.lane], site.shapes[chosen.shape]
        first, last = self.ports
        wrapper = [self._python(lane), "-m", "ihpc_jupyter.hub.singleuser", str(first), str(last)]
        job = ServerJob(
            [*server_directives(lane, shape, chosen.time_limit), *self._own_directives(with_gres=not shape.gpus)],
            self._environment(),
            [*former.step_words(self.req_srun), *wrapper, *self.cmd, *self.get_args()],
            [*site.prologue, *self.req_prologue.splitlines()],
            self.req_epilogue.splitlines(),
        )
        return self._from_template(chosen, job) if self.batch_script else server_script(job)

    def _own_directives(self, *, with_gres: bool) -> list[str]:
        """What the settings ask for beside the lane and the shape, the centre's own lines last: they win."""
        gres = self._given.gres
        return [
            *self._commands["submit"].directives,
            *([gres_directive(gres)] if gres and with_gres else []),
            *(f"#SBATCH {line}" for line in self.req_options.splitlines() if line.strip()),
        ]

    def _from_template(self, chosen: choice.Choice, job: ServerJob) -> str:
        site = self._site
        lane, shape = site.lanes[chosen.lane], site.shapes[chosen.shape]
        values = {
            **self.get_req_subvars(),
            **former.asked(lane, shape, chosen.time_limit, self._given.gres or ""),
            "lane": chosen.lane,
            "shape": chosen.shape,
            "prologue": "\n".join(job.before),
            **STEP_IN_COMMAND,
            "cmd": server_command(job),
        }
        first = [*template_directives(), *self._commands["submit"].directives]
        return former.fill_template(self.batch_script, values, first, exports_of(job))

    def _environment(self) -> dict[str, str]:
        """The server's environment; of the hub's own choice what `req_keepvars` names, where that is set."""
        everything = {name: str(value) for name, value in self.get_env().items() if value is not None}
        kept = {*self.req_keepvars.split(","), *self.req_keepvars_extra.split(","), *_OF_THE_USER}
        return {name: value for name, value in everything.items() if name in kept or name.startswith(_ALWAYS)}

    def _python(self, lane: Lane | None = None) -> str:
        own = lane.python if lane is not None else None
        return str(self.node_python or own or self._centre.site.python or sys.executable)

    def _jobs(self) -> UserJobs:
        commands = [self._commands[kind] for kind in ("submit", "cancel")]
        return UserJobs(self._site, self.user.name, self.exec_prefix, self.log_directory, commands)
