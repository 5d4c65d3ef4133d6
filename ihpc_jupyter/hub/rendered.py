"""A server's job for batch systems other than Slurm: settings of batchspawner's classes, and the script.

Scripts are rendered and tested as text: no such system was run with them.
"""

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from batchspawner.batchspawner import UserEnvMixin
from traitlets import TraitError, Unicode
from traitlets.config import Config

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.hub import former
from ihpc_jupyter.hub.centre import server_site
from ihpc_jupyter.hub.choice import Choice
from ihpc_jupyter.hub.directives import System, Wanted, unsaid
from ihpc_jupyter.hub.lanes import LaneSpawner
from ihpc_jupyter.hub.script import ServerJob, exports_of, server_command, server_script
from ihpc_jupyter.hub.startup import Configured
from ihpc_jupyter.model.site import ServerSite

_SETTING_OF = {"partition": "queue", "gpus": "ngpus"}


class RenderedLanes(UserEnvMixin, LaneSpawner):
    """A spawner with lanes of the batch system that `system` describes: its settings and its script."""

    system: ClassVar[System]
    instead: ClassVar[Mapping[str, str]] = {
        "batchspawner_singleuser_cmd": former.INSTEAD["batchspawner_singleuser_cmd"]
    }

    batch_script = Unicode("", help="A template of the whole script, with {cmd} in it.").tag(config=True)

    @classmethod
    def find_mistakes(cls, configured: Configured) -> list[str]:
        """What is wrong with the hub's settings and its site file; one line each, by name."""
        found = list(former.not_kept(configured, cls.instead))
        if found:
            return found
        settings = {name: value for name, (_, value) in configured.items()}
        try:
            return cls(config=Config({cls.__name__: settings})).unsayable()
        except (IhpcError, TraitError) as error:
            name = str(error).partition(":")[0]
            return [f"c.{configured[name][0]}.{error}" if name in configured else str(error)]

    def unsayable(self) -> list[str]:
        """What lanes and shapes ask for that the system has no word for, one line each, by key.

        Raises `InvalidRequest` for a setting or a site file with a mistake.
        """
        site = self._site
        if site.proposed:
            former.check_undescribed(self._given, self.system.kind)
        if self.batch_script:
            own = [name.removeprefix("req_") for name in self.trait_names() if name.startswith("req_")]
            known = dict.fromkeys([*own, "lane", "shape"], "") | {"cmd": "SERVER"}
            self._filled(known, ServerJob([], {}, []))
        parallel = bool(self._resources.get("parallel_environment", True))
        return unsaid(self.system, site, parallel=parallel)

    # The site, and what the settings add to it.

    @property
    def _given(self) -> former.QueueGiven:
        texts = {key: str(getattr(self, f"req_{key}")) for key in former.QueueGiven.model_fields}
        given = former.read_given(self.system.with_units(texts), former.QueueGiven)
        # What the system has no word for was for templates of the centre's, and is so still.
        return given.model_copy(
            update={setting: None for key, setting in _SETTING_OF.items() if key in self.system.cannot}
        )

    @property
    def _site(self) -> ServerSite:
        return former.completed(server_site(self.site, self.system.kind), self._given)

    @property
    def _resources(self) -> Mapping[str, str]:
        """What the system's administrators have named as they liked. Raises `InvalidRequest`."""
        return {}

    # The job.

    def _script(self, chosen: Choice, home: str) -> str:
        """What goes to the submission's standard input; *home* is where the job's output goes."""
        site = self._site
        lane, shape = site.lanes[chosen.lane], site.shapes[chosen.shape]
        wanted = Wanted(lane, shape, chosen.time_limit, home, self._given.host or "", **self._resources)
        own = [line for line in self.req_options.splitlines() if line.strip()]
        job = ServerJob(
            [f"{self.system.mark}{option}" for option in [*self.system.said(wanted), *own]],
            self._without_token(self._environment()) if self.system.script_is_private else {},
            self._server_words(lane, self._secrets_file(home)),
            [*site.prologue, *self.req_prologue.splitlines()],
            self.req_epilogue.splitlines(),
            shebang="#!/bin/bash",
        )
        self.system.check_values([*job.environment.values(), *job.command])
        return self._from_template(chosen, wanted, job) if self.batch_script else self._rendered(job)

    def _from_template(self, chosen: Choice, wanted: Wanted, job: ServerJob) -> str:
        around = self._submission_environment()
        values = {
            **self.get_req_subvars(),
            **self.system.asked(wanted),
            "keepvars": ",".join(name for name in self._environment() if name in around),
            "lane": chosen.lane,
            "shape": chosen.shape,
            "prologue": "\n".join(job.before),
            "cmd": self._quoted(job),
        }
        return self._filled(values, job)

    def _submission_environment(self) -> dict[str, str]:
        """As batchspawner has it, without the token."""
        everything = {name: str(value) for name, value in self.get_env().items() if value is not None}
        return {name: value for name, value in everything.items() if value != self.api_token}

    # The server's token, where neither the script nor the environment is the user's and the staff's alone.

    def _without_token(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """What of it goes into the script."""
        if not self.system.token_in_file:
            return environment
        return {name: value for name, value in environment.items() if value != self.api_token}

    def _secrets(self) -> dict[str, str]:
        """The variables that hold the token."""
        return {name: value for name, value in self._environment().items() if value == self.api_token}

    def _secrets_file(self, home: str) -> str:
        """Where the server finds them, one file for each server that this hub has for the user; empty where the
        script has them."""
        key = hashlib.sha256(f"{self.hub.api_url} {self.name}".encode()).hexdigest()[:16]
        return f"{home}/.ihpc/hub/{key}.json" if self.system.token_in_file else ""

    # What is another matter where the script is no shell's.

    def _rendered(self, job: ServerJob) -> str:
        return server_script(job)

    def _quoted(self, job: ServerJob) -> str:
        return server_command(job)

    def _filled(self, values: Mapping[str, str], job: ServerJob) -> str:
        return former.fill_template(self.batch_script, values, [], exports_of(job))
