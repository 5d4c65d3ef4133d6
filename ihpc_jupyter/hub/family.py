"""Spawners for batch systems other than Slurm: our lanes, options and checked values in batchspawner's classes.

Jobs are submitted, asked for and cancelled as batchspawner does. Their scripts are rendered and tested as text:
no such system was run with them.
"""

import json
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from xml.etree.ElementTree import ParseError

from batchspawner.batchspawner import (
    CondorSpawner,
    GridengineSpawner,
    LsfSpawner,
    MoabSpawner,
    PBSSpawner,
    TorqueSpawner,
    format_template,
)
from traitlets import Unicode

from ihpc_jupyter.errors import IhpcError, InvalidRequest
from ihpc_jupyter.hub import directives, former
from ihpc_jupyter.hub.account import account_of
from ihpc_jupyter.hub.lanes import problem
from ihpc_jupyter.hub.port import hashed
from ihpc_jupyter.hub.rendered import RenderedLanes
from ihpc_jupyter.hub.script import ServerJob, server_command, server_lines

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
_JOB_ID = re.compile(r"(?=.*[0-9])[A-Za-z0-9_.-]+")
_SAFE_PATH = re.compile(r"(/[A-Za-z0-9_.@+-]+)+")


class FamilySpawner(RenderedLanes):
    """The mix-in: it goes before one of batchspawner's classes, and `system` says that one's words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaits_port = False

    # Submitted as batchspawner does, but nothing of the user's reaches a shell, and the token no log.

    def _home(self) -> str:
        """The user's home. Raises `InvalidRequest`, `NotFound` where it or the user's name, which stand in shell
        lines and scripts, are none that can.
        """
        name, home = self.user.name, account_of(self.user.name).pw_dir
        for what, value, safe in (("user's name", name, _SAFE_NAME), ("home directory", home, _SAFE_PATH)):
            if not safe.fullmatch(value):
                raise InvalidRequest(f"The {what} {value!r} cannot stand in a batch script.")
        return home

    async def start(self) -> tuple[str, int]:
        """As batchspawner does: host and port of the server. Raises `SpawnException` with the cause."""
        try:
            host, port = await super().start()
        except RuntimeError as error:  # what the command said, or batchspawner of the job
            raise problem(str(error), "job-failed", 500) from None
        return host, port

    async def submit_batch_script(self) -> str:
        """Submit the job of what was chosen; its id, empty where none was told. Raises `SpawnException` for a
        refused option, `RuntimeError` with what the command said.
        """
        chosen = self.accept(self.user_options or {})  # with what a hook of the centre's has set meanwhile
        try:
            home = self._home()
            script = self._script(chosen, home)
        except IhpcError as error:
            raise problem(str(error), error.kind, error.status) from None
        names = self.get_req_subvars()
        command = " ".join(format_template(line, **names) for line in (self.exec_prefix, self.batch_submit_cmd))
        self.token_hash, self._awaits_port = hashed(self.api_token), True
        if file := self._secrets_file(home):
            await self._leave_secrets(file)
        self.log.info("Submitting to lane %s: %s", chosen.lane, command)
        said = await self.run_command(command, input=script, env=self._submission_environment())
        self.job_id = self._told_id(said)
        return str(self.job_id)

    async def _leave_secrets(self, file: str) -> None:
        """Write, as the user, what only the user's server may read. Raises `RuntimeError` with the cause."""
        place = shlex.quote(file.rpartition("/")[0])
        kept = shlex.quote(file)
        write = f"PATH=/usr/bin:/bin; umask 077; mkdir -p {place} && rm -f {kept} && cat > {kept}"
        prefix = format_template(self.exec_prefix, **self.get_req_subvars())
        try:
            command = f"{prefix} /bin/sh -c {shlex.quote(write)}"
            await self.run_command(command, input=json.dumps(self._secrets()), env=self._submission_environment())
        except RuntimeError as error:
            raise RuntimeError(f"The server's token could not be left in {file}: {error}") from None

    def _told_id(self, said: str) -> str:
        """The job's id in the answer to a submission; empty where there is none."""
        try:
            told = str(self.parse_job_id(said))
        except Exception:  # each of batchspawner's classes has its own
            self.log.exception("This answer holds no job's id: %s", said)
            return ""
        if _JOB_ID.fullmatch(told):
            return told
        self.log.error("This is no job's id: %r", told)
        return ""

    async def run_command(self, cmd: str, input: str | None = None, env: dict[str, str] | None = None) -> str:  # noqa: A002
        """As batchspawner does. Raises `RuntimeError` with words: of one without any it makes "no such job"."""
        try:
            return str(await super().run_command(cmd, input=input, env=env))
        except RuntimeError as error:
            raise RuntimeError(str(error) or "The command failed without a word.") from None
        except OSError as error:
            raise RuntimeError(f"The command could not be run: {error}") from error
        except UnicodeDecodeError as error:
            raise RuntimeError(f"The command's answer is no text: {error}") from error

    def state_isunknown(self) -> bool:
        """Whether what was said of the job is neither of those, nor that it is over: unknown is not gone."""
        silent = bool(self.job_status) and not re.search(self.system.gone, self.job_status)
        return silent or bool(super().state_isunknown())

    def take_port(self, port: int) -> None:
        """Called by the port handler with what this server's token brought; once a start."""
        self._check_port(port)
        if not self._awaits_port:
            raise LookupError("No port is waited for.")
        self._awaits_port = False
        self.port = port

    # What outlives the hub: of the token its hash, so that the way for ports stays closed to a running server.

    def get_state(self) -> dict[str, Any]:
        """As batchspawner has it, and the token's hash."""
        state: dict[str, Any] = super().get_state()
        return {**state, "ihpc": {"token_hash": self.token_hash}} if self.token_hash else state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take it up again."""
        super().load_state(state)
        self.token_hash = state.get("ihpc", {}).get("token_hash", "")

    def clear_state(self) -> None:
        """Forget the job: there is none (any more)."""
        super().clear_state()
        self.token_hash, self._awaits_port = "", False


class IhpcTorqueSpawner(FamilySpawner, TorqueSpawner):
    """Servers as jobs of Torque."""

    system = directives.TORQUE


class IhpcMoabSpawner(FamilySpawner, MoabSpawner):
    """Servers as jobs of Torque that Moab places: it knows QoS and reservations."""

    system = directives.MOAB


class IhpcPBSSpawner(FamilySpawner, PBSSpawner):
    """Servers as jobs of OpenPBS or PBS Professional."""

    system = directives.PBS


class IhpcGridengineSpawner(FamilySpawner, GridengineSpawner):
    """Servers as jobs of GridEngine."""

    system = directives.GRIDENGINE

    parallel_environment = Unicode("", help="What gives a job several cores of one host.").tag(config=True)
    memory_resource = Unicode("h_vmem", help="The resource that is the memory of a core.").tag(config=True)

    @property
    def _resources(self) -> Mapping[str, str]:
        given = {name: str(getattr(self, name)) for name in ("parallel_environment", "memory_resource")}
        for name, value in given.items():
            if not _SAFE_NAME.fullmatch(value) and (value or name == "memory_resource"):
                raise InvalidRequest(f"{name}: {value!r} is not a name.")
        return given

    def state_ispending(self) -> bool:
        """As batchspawner has it; what is no list of jobs is no answer."""
        with suppress(ParseError):
            return bool(super().state_ispending())
        return False

    def state_isrunning(self) -> bool:
        """The same."""
        with suppress(ParseError):
            return bool(super().state_isrunning())
        return False


class IhpcLsfSpawner(FamilySpawner, LsfSpawner):
    """Servers as jobs of LSF. It shows a job's script to everybody: nothing of the environment is in it."""

    system = directives.LSF


class IhpcCondorSpawner(FamilySpawner, CondorSpawner):
    """Servers as jobs of HTCondor. Who may read its queue reads a job's environment: the token is not in it."""

    system = directives.CONDOR

    def _rendered(self, job: ServerJob) -> str:
        return directives.condor_description(server_lines(job), job.directives)

    def _quoted(self, job: ServerJob) -> str:
        return directives.condor_quoted(server_command(job))

    def _filled(self, values: Mapping[str, str], job: ServerJob) -> str:
        return former.fill(self.batch_script, values)
