"""`IhpcSpawner`: a user's server as a batch job of a lane; nothing lost, every wait with its own clock.

The chain of a start: options are chosen (`choice`), the job is submitted as the user, its id is stored, the
hub's one watcher tells how it fares (`watch`), the server tells its port (`port`), the server answers.
"""

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping
from html import escape
from typing import Any

from batchspawner.batchspawner import BatchSpawnerBase
from jupyterhub.spawner import SpawnException
from jupyterhub.utils import url_path_join, wait_for_http_server
from traitlets import Callable, Integer, Tuple, Unicode, default

from ihpc_jupyter.errors import IhpcError, NotFound, Unavailable
from ihpc_jupyter.hub import choice, form, telling
from ihpc_jupyter.hub.account import unix_groups
from ihpc_jupyter.hub.centre import Centre, centre
from ihpc_jupyter.hub.jobs import UserJobs
from ihpc_jupyter.hub.port import hashed, register
from ihpc_jupyter.hub.progress import Event, Progress
from ihpc_jupyter.hub.script import ServerJob, server_script
from ihpc_jupyter.hub.watch import is_over
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Lane
from ihpc_jupyter.scheduler.slurm_for_many import server_directives

register()

_STOP_PATIENCE = 10.0
"""Seconds that a stop waits for the job's end, and a lost submission for its job to be seen."""

_MARGIN = 60
"""Seconds that the hub's own clock leaves to ours."""


def problem(message: str, reason: str, status: int = 400, html: str = "") -> SpawnException:
    """What the user reads, on the page and over REST; *reason* is a short label for the metrics."""
    failure = SpawnException(message, reason=reason, message_html=html, status_code=status)
    failure.jupyterhub_message = message
    failure.jupyterhub_html_message = html or f"<p>{escape(message)}</p>"
    return failure


class IhpcSpawner(BatchSpawnerBase):
    """Starts servers as jobs of the lanes of the system-wide site file.

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
        self.token_hash = ""
        self._tag = ""
        self._told_port = 0
        self._told_url = ""
        self._submitted = 0.0
        self._choice: choice.Choice | None = None
        self._lane_name = ""
        self._progress = Progress()
        self._news = asyncio.Event()
        self._up = False

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
        return lambda spawner, options: spawner.accept(options)

    # What may be asked for.

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

    def accept(self, options: Mapping[str, object]) -> None:
        """Choose lane, shape and time. Raises `SpawnException` with the field and what is allowed."""
        try:
            self._choice = choice.choose(self._centre.site, self._groups, options)
        except choice.RefusedOption as refused:
            raise problem(str(refused), "option") from None
        self._lane_name = self._choice.lane

    # What outlives the hub.

    def get_state(self) -> dict[str, Any]:
        """What finds job and server again; of the token only its hash."""
        state: dict[str, Any] = super().get_state()
        if self._tag:
            state["ihpc"] = {
                "tag": self._tag,
                "token_hash": self.token_hash,
                "port": self._told_port,
                "url": self._told_url,
                "submitted": self._submitted,
                "lane": self._lane_name,
            }
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take it up again."""
        super().load_state(state)
        kept = state.get("ihpc", {})
        self._tag, self.token_hash = kept.get("tag", ""), kept.get("token_hash", "")
        self._told_port, self._told_url = kept.get("port", 0), kept.get("url", "")
        self._submitted, self._lane_name = kept.get("submitted", 0.0), kept.get("lane", "")
        self._up = bool(self._told_url)

    def clear_state(self) -> None:
        """Forget the job: there is none (any more)."""
        if self.job_id:
            self._centre.watch.forget(self.job_id)
        super().clear_state()
        self.load_state({})

    def _remember(self) -> None:
        """Store now: the hub may be killed at any moment."""
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()

    # Start.

    async def start(self) -> str:
        """Submit the job, wait for its server; the server's URL. Raises `SpawnException` with the cause."""
        self._progress = Progress()
        self._news = asyncio.Event()
        if self._choice is None:
            self.accept({})
        self._tag = f"jupyter-{secrets.token_hex(6)}"
        self.token_hash = hashed(self.api_token)
        self._submitted = time.time()
        self._remember()
        self._progress.tell(5, f"The job is being submitted to lane {self._lane_name}.")
        try:
            self.job_id = await self._submit()
            self._remember()
            return await self._reach()
        except IhpcError as error:
            raise problem(str(error), error.kind, error.status) from None
        finally:
            self._progress.finish()

    async def _submit(self) -> str:
        chosen = self._choice or choice.choose(self._centre.site, self._groups, {})
        try:
            return await self._jobs().submit(self._tag, self._script(chosen), chosen)
        except Unavailable:
            # It may have been accepted all the same: a second one must not be asked for.
            found = await self._find()
            if not found:
                raise
            return found

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

    async def _find(self) -> str:
        """The id of the job that carries our tag, if one is to be seen within a while."""
        until = time.monotonic() + _STOP_PATIENCE
        while time.monotonic() < until:
            try:
                for job in await self._centre.watch.named(self._tag):
                    return job.id
            except Unavailable:
                pass
            await asyncio.sleep(1)
        return ""

    # From the queue to a server that answers.

    async def _reach(self) -> str:
        """Wait through queue and boot, each by its own clock; the URL."""
        watch = self._centre.watch
        watch.follow(self.job_id, self._tag, self._seen)
        watch.hurry(self.job_id, True)
        booting_since: float | None = None
        answer: asyncio.Task[None] | None = None
        try:
            while True:
                self._news.clear()
                job = watch.look(self.job_id)
                if job is not None and is_over(job):
                    raise await self._failure(telling.ended(job), "job-ended")
                if job is not None and job.state.active and booting_since is None:
                    booting_since = time.time()
                if answer is None and job is not None and job.node and self._told_port:
                    answer = self._ask_server(job)
                if answer is not None and answer.done() and answer.exception() is None:
                    return self._told_url
                self._tell(job)
                await self._wait(booting_since)
        finally:
            if answer is not None:
                answer.cancel()
            watch.hurry(self.job_id, False)

    async def _wait(self, booting_since: float | None) -> None:
        """Until there is news, or the clock has run out, which raises."""
        until = (
            self._submitted + self.queue_timeout if booting_since is None else booting_since + self.boot_timeout
        )
        try:
            async with asyncio.timeout(max(0.0, until - time.time())):
                await self._news.wait()
        except TimeoutError:
            queue = booting_since is None
            cause = (
                telling.too_late("The job did not start", self.queue_timeout, "queue_timeout")
                if queue
                else telling.too_late("The server did not answer", self.boot_timeout, "boot_timeout")
            )
            raise await self._failure(cause, "queue-timeout" if queue else "boot-timeout") from None

    def _ask_server(self, job: Job) -> asyncio.Task[None]:
        host = self.node_host(job.node)
        self._told_url = f"http://{host}:{self._told_port}"
        self._progress.tell(80, f"The server listens on {job.node}; waiting for its first answer.")
        asked = wait_for_http_server(
            url_path_join(self._told_url, self.server.base_url, "api"), timeout=self.boot_timeout
        )
        answer: asyncio.Task[None] = asyncio.ensure_future(asked)
        answer.add_done_callback(lambda _: self._news.set())
        return answer

    def _tell(self, job: Job | None) -> None:
        silent = self._centre.watch.silent
        waited = time.time() - self._submitted
        more = {"lane": self._lane_name, "job_id": self.job_id, "waited": round(waited)}
        if silent:
            words = "The batch system does not answer; the job is kept, and asked for again."
            self._progress.tell(10, words, ("silent",), state="UNKNOWN", **more)
        elif job is None:
            self._progress.tell(10, f"Job {self.job_id} was submitted to lane {self._lane_name}.", **more)
        elif job.state.waiting:
            about = (job.state, job.reason, job.expected_start and round(job.expected_start / 60))
            words = telling.waits(job, self._lane_name, waited)
            self._progress.tell(15, words, about, state=job.state.value, reason=job.reason, **more)
        elif not self._told_url:
            words = telling.runs(job, self._lane_name, waited)
            self._progress.tell(50, words, (job.state, job.node), state=job.state.value, **more)

    def _seen(self) -> None:
        """Called by the watcher: a start looks again; a server that is up and whose job is over is reported."""
        self._news.set()
        if self.ready and is_over(self._centre.watch.look(self.job_id)):
            self._reporting = asyncio.ensure_future(self.poll_and_notify())

    def take_port(self, port: int) -> None:
        """Called by the port handler with what this server's token brought; once a start."""
        first, last = self.ports
        if not first <= port <= last:
            raise ValueError(f"The port must lie between {first} and {last}.")
        if self._told_port or not self._tag:
            raise LookupError("No port is waited for.")
        self._told_port = port
        self._remember()
        self._news.set()

    async def _failure(self, cause: str, reason: str) -> SpawnException:
        """The exception that tells the cause and the end of the job's log, read as the user."""
        try:
            tail = await self._jobs().tail(self._tag)
        except NotFound:
            tail = ""
        text, html = telling.with_log(cause, tail)
        return problem(text, reason, 500, html)

    async def progress(self) -> AsyncIterator[Event]:
        """Everything told of this start, from its beginning, then what is new."""
        async for event in self._progress.replay():
            yield event

    # Afterwards.

    async def poll(self) -> int | None:
        """A look-up: None while the job waits, runs or nobody knows; else 0 (completed) or 1."""
        if not self._tag:
            self.clear_state()
            return 0
        if not self.job_id:
            if self._start_pending:
                return None
            # The hub went between submission and answer.
            self.job_id = await self._find()
            if not self.job_id:
                self.clear_state()
                return 1
            self._remember()
        self._centre.watch.follow(self.job_id, self._tag, self._seen)
        job = self._centre.watch.look(self.job_id)
        if job is None or not is_over(job):
            return None
        self.clear_state()
        return 0 if job.state is JobState.COMPLETED else 1

    async def get_url(self) -> str:
        """Where the server is; after a restart of the hub in the midst of a start, the rest of that start."""
        if not self._up:
            try:
                await self._reach()
                self._remember()
            except SpawnException as failure:
                self.log.error("The start of %s failed: %s", self._log_name, failure)
                return str(self.server.url)
        return str(url_path_join(self._told_url, self.server.base_url))

    async def stop(self, now: bool = False) -> None:
        """Cancel the job, and wait a moment for its end unless *now*."""
        if not self.job_id:
            return
        job_id, watch = self.job_id, self._centre.watch
        jobs = self._jobs()
        try:
            await jobs.cancel(job_id)
        except Unavailable:
            self.log.warning("Job %s could not be cancelled yet; it is tried again.", job_id)
            self._cancelling = asyncio.ensure_future(jobs.cancel_patiently(job_id))
            return
        watch.hurry(job_id, True)
        until = time.monotonic() + (0 if now else _STOP_PATIENCE)
        while not is_over(watch.look(job_id)) and time.monotonic() < until:
            self._news.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self._news.wait()
            except TimeoutError:
                return
