"""How a hub's staff set Slurm's spawner up, and the job that a user's choice comes to there."""

from collections.abc import Mapping
from typing import Any

from batchspawner.batchspawner import SlurmSpawner
from traitlets import Callable, Dict, Integer, TraitError, Unicode, default, validate

from ihpc_jupyter.errors import IhpcError, InvalidRequest
from ihpc_jupyter.hub import choice, former
from ihpc_jupyter.hub.account import fill_in
from ihpc_jupyter.hub.centre import Centre, centre
from ihpc_jupyter.hub.clocks import Clocks, Part, check_lanes, longest, read_clocks
from ihpc_jupyter.hub.jobs import UserJobs
from ihpc_jupyter.hub.lanes import LaneSpawner
from ihpc_jupyter.hub.script import ServerJob, exports_of, server_command, server_script
from ihpc_jupyter.hub.startup import Configured
from ihpc_jupyter.model.metrics import Summary
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.base import Capacity
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


class SlurmLanes(LaneSpawner, SlurmSpawner):
    """A spawner with lanes of a Slurm: its settings and its script; it starts nothing."""

    queue_timeout = Integer(86400, min=1, help="Seconds that a job may wait in the queue.")
    boot_timeout = Integer(300, min=1, help="Seconds from the job's start until its server listens.")
    lane_timeouts = Dict(help="Other clocks of single lanes: {'urgent': {'queue': 600, 'boot': 60, 'http': 30}}.")
    log_directory = Unicode("{homedir}/.ihpc/hub", help="Where the logs of the jobs go; {homedir}, {username}.")
    node_host = Callable(lambda node: node, help="From a node's name to the host on which the hub reaches it.")
    # Batchspawner's keeps the hub's environment, which takes a rule with SETENV, and may ask for a password.
    exec_prefix = Unicode("sudo -n -u {username}", help="Words that make a command the user's.")
    batch_script = Unicode("", help="A template of the whole script, with {cmd} in it.")
    batch_submit_cmd = Unicode("", help="Where the program is, and options that go with each submission.")
    batch_query_cmd = Unicode("", help="Where the program is.")
    batch_cancel_cmd = Unicode("", help="Where the program is.")
    req_srun = Unicode("", help="Words before the server's command; a job step of its own is not needed.")
    for _own in (
        queue_timeout, boot_timeout, lane_timeouts, log_directory, node_host, exec_prefix,
        batch_script, batch_submit_cmd, batch_query_cmd, batch_cancel_cmd, req_srun,
    ):  # fmt: skip
        _own.tag(config=True)
    del _own

    instead = former.INSTEAD

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http_timeout = max(1, int(self.http_timeout))  # as set for all; each start has its own

    @validate("log_directory")
    def _fit_log_directory(self, proposal: Mapping[str, Any]) -> str:
        value = str(proposal["value"])
        try:
            words = fill_in(value, "user", "/home/user")
        except InvalidRequest as error:
            raise TraitError(str(error)) from None
        if len(words) != 1 or not words[0].startswith("/"):
            raise TraitError(f"{value!r} is not one absolute path.")
        return value

    @classmethod
    def find_mistakes(cls, configured: Configured) -> list[str]:
        """What is wrong with the hub's settings and its site file; one line each, by name."""
        own = [name.removeprefix("req_") for name in cls.class_trait_names() if name.startswith("req_")]
        found = list(former.mistakes(configured, own))
        if found:
            return found
        text = {name: str(value) for name, (_, value) in configured.items()}
        try:
            site = centre(text.get("site", ""), read_command("query", text.get("batch_query_cmd", ""))).site
            cls._check_clocks(configured, site)
            if site.proposed:
                given = {key: text.get(f"req_{key}", "") for key in former.Given.model_fields}
                former.check_undescribed(former.read_given(given, former.Given))
        except IhpcError as error:
            return [str(error)]
        return []

    @staticmethod
    def _check_clocks(configured: Configured, site: Site) -> None:
        section, value = configured.get("lane_timeouts", ("", {}))
        try:
            check_lanes(read_clocks(value), site.lanes)
        except InvalidRequest as error:
            raise InvalidRequest(f"c.{section}.lane_timeouts: {error.message}", error.hint) from None

    @default("start_timeout")
    def _long_enough(self) -> int:
        return longest(read_clocks(self.lane_timeouts), self._everywhere) + _MARGIN

    def _clock(self, part: Part, lane: str) -> int:
        """Seconds that this part of a start may take there."""
        clocks = read_clocks(self.lane_timeouts).get(lane, Clocks())
        return int(getattr(clocks, part) or self._everywhere[part])

    @property
    def _everywhere(self) -> Mapping[Part, int]:
        """The clocks of lanes that have none of their own."""
        return {"queue": self.queue_timeout, "boot": self.boot_timeout, "http": self._http_timeout}

    # The site, and what the settings add to it.

    @property
    def _given(self) -> former.Given:
        return former.given_by(self, former.Given)

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

    def _room(self) -> tuple[Capacity | None, float | None, Mapping[str, Summary]]:
        """As the hub's watcher and its last question have it."""
        return *self._centre.room.look(), self._centre.watch.waits.look()

    # The job.

    def _script(self, chosen: choice.Choice) -> str:
        site = self._site
        lane, shape = site.lanes[chosen.lane], site.shapes[chosen.shape]
        job = ServerJob(
            [*server_directives(lane, shape, chosen.time_limit), *self._own_directives(with_gres=not shape.gpus)],
            self._environment(),
            [*former.step_words(self.req_srun), *self._server_words(lane)],
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

    def _jobs(self) -> UserJobs:
        commands = [self._commands[kind] for kind in ("submit", "cancel")]
        return UserJobs(self._site, self.user.name, self.exec_prefix, self.log_directory, commands)
