"""`IhpcSpawner`: a user's server as a batch job of a lane; nothing lost, every wait with its own clock.

The chain of a start: options are chosen (`choice`), the job is submitted as the user, its id is stored, the
hub's one watcher tells how it fares (`watch`), the server tells its port (`port`), the server answers.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from batchspawner.batchspawner import JobStatus
from jupyterhub.spawner import SpawnException
from jupyterhub.utils import url_path_join

from ihpc_jupyter.errors import IhpcError, NotAllowed, NotFound, Unavailable
from ihpc_jupyter.hub import lost, telling
from ihpc_jupyter.hub.answer import wait_for_answer
from ihpc_jupyter.hub.choice import Choice
from ihpc_jupyter.hub.clocks import PARTS, Part
from ihpc_jupyter.hub.lanes import problem
from ihpc_jupyter.hub.owed import Owed, kept_in, take_up_at_start
from ihpc_jupyter.hub.port import hashed
from ihpc_jupyter.hub.progress import Event, Progress
from ihpc_jupyter.hub.settings import SlurmLanes
from ihpc_jupyter.hub.watch import is_over
from ihpc_jupyter.model.job import Job, JobState

_STOP_PATIENCE = 10.0
"""Seconds that a stop waits for the job's end."""


class IhpcSpawner(SlurmLanes):
    """Starts servers as jobs of the lanes of the system-wide site file, and looks after them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tag = ""
        self._told_port = 0
        self._told_url = ""
        self._submitted = 0.0
        self._lane_name = ""
        self._progress = Progress()
        self._news = asyncio.Event()
        self._up = False
        self._given_up = False
        self._cancelling: dict[str, asyncio.Task[None]] = {}

    # What outlives the hub.

    def get_state(self) -> dict[str, Any]:
        """What finds job and server again, and jobs still to be cancelled; of the token only its hash."""
        state: dict[str, Any] = super().get_state()
        state |= kept_in(self.orm_spawner.state)
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
        self._given_up = False
        chosen = self.accept(self.user_options or {})  # with what a hook of the centre's has set meanwhile
        self._lane_name = chosen.lane
        self.http_timeout = self._clock("http", self._lane_name)
        self._tag = f"jupyter-{secrets.token_hex(6)}"
        self.token_hash = hashed(self.api_token)
        self._submitted = time.time()
        self._remember()
        self._tell_waiting(5, f"The job is being submitted to lane {self._lane_name}.")
        try:
            self.job_id = await self._submit(chosen)
            self._remember()
            return await self._reach()
        except IhpcError as error:
            if not self.job_id:
                self._tag = ""  # nothing was accepted: there is nothing to look for
            raise problem(str(error), error.kind, error.status) from None
        finally:
            self._progress.finish()

    async def _submit(self, chosen: Choice) -> str:
        try:
            return await self._jobs().submit(self._tag, self._script(chosen), chosen)
        except Unavailable:
            # It may have been accepted all the same: a second one must not be asked for.
            found = await lost.find(self._centre.watch, self._tag)
            if found is None:
                self._cancel_later(self._tag)
            if not found:
                raise
            return found

    # From the queue to a server that answers.

    async def _reach(self) -> str:
        """Wait through queue and boot, each by its own clock; the URL."""
        watch = self._centre.watch
        watch.follow(self.job_id, self._tag, self._seen)
        watch.hurry(self.job_id, True)
        since: dict[Part, float] = {"queue": self._submitted}
        answer: asyncio.Task[None] | None = None
        try:
            while True:
                self._news.clear()
                job = watch.look(self.job_id)
                if job is not None and is_over(job):
                    raise await self._failure(telling.ended(job), "job-ended")
                if job is not None and job.state.active:
                    since.setdefault("boot", time.time())
                if answer is None and job is not None and job.node and self._told_port:
                    answer = self._ask_server(job, since)
                if answer is not None and answer.done() and answer.exception() is None:
                    return self._told_url
                self._tell(job)
                await self._wait(since)
        finally:
            if answer is not None:
                answer.cancel()
            watch.hurry(self.job_id, False)

    async def _wait(self, since: Mapping[Part, float]) -> None:
        """Until there is news, or the clock of the part that is under way has run out, which raises."""
        part = next(one for one in reversed(PARTS) if one in since)
        seconds = self._clock(part, self._lane_name)
        try:
            async with asyncio.timeout(max(0.0, since[part] + seconds - time.time())):
                await self._news.wait()
        except TimeoutError:
            cause = telling.too_late(part, seconds)
            raise await self._failure(cause, f"{part}-timeout") from None

    def _ask_server(self, job: Job, since: dict[Part, float]) -> asyncio.Task[None]:
        def listens() -> None:
            since["http"] = time.time()
            self._progress.tell(80, f"The server listens on {job.node}; waiting for its first answer.")
            self._news.set()

        host = self.node_host(job.node)
        self._told_url = f"http://{host}:{self._told_port}"
        self._progress.tell(65, f"The server has a port on {job.node}; waiting until it listens there.")
        url = url_path_join(self._told_url, self.server.base_url, "api")
        asked = wait_for_answer(host, self._told_port, url, self._clock("http", self._lane_name), listens)
        answer: asyncio.Task[None] = asyncio.ensure_future(asked)
        answer.add_done_callback(lambda _: self._news.set())
        return answer

    def _tell(self, job: Job | None) -> None:
        waited = time.time() - self._submitted
        more: dict[str, object] = {"job_id": self.job_id, "waited": round(waited)}
        if self._centre.watch.silent:
            self._tell_waiting(10, telling.SILENT, ("silent",), state="UNKNOWN", **more)
        elif job is None:
            self._tell_waiting(10, f"Job {self.job_id} was submitted to lane {self._lane_name}.", **more)
        elif job.state.waiting:
            place = self._centre.watch.place(self.job_id)
            about = (job.state, job.reason, job.expected_start and round(job.expected_start / 60), place)
            words = telling.waits(job, self._lane_name, self._submitted, place)
            more |= {"state": job.state.value, "reason": job.reason, "place": place}
            self._tell_waiting(15, words, about, **more)
        elif not self._told_url:
            words = telling.runs(job, self._lane_name, waited)
            more |= {"lane": self._lane_name, "state": job.state.value}
            self._progress.tell(50, words, (job.state, job.node), **more)

    def _tell_waiting(self, progress: int, words: str, about: object = None, **more: object) -> None:
        """What is told before the job runs: the page counts the time meanwhile."""
        html = telling.waiting(words, self._submitted)
        self._progress.tell(progress, words, about, html_message=html, lane=self._lane_name, **more)

    def _seen(self) -> None:
        """Called by the watcher: a start looks again; a server that is up and whose job is over is reported."""
        self._news.set()
        if self.ready and is_over(self._centre.watch.look(self.job_id)):
            self._reporting = asyncio.ensure_future(self.poll_and_notify())

    def take_port(self, port: int) -> None:
        """Called by the port handler with what this server's token brought; once a start."""
        self._check_port(port)
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

    @property
    def last_word(self) -> str:
        """What was last told of this start, for a page without JavaScript."""
        return self._progress.last

    async def progress(self) -> AsyncIterator[Event]:
        """Everything told of this start, from its beginning, then what is new."""
        async for event in self._progress.replay():
            yield event

    # Afterwards.

    async def poll(self) -> int | None:
        """A look-up: None while the job waits, runs or nobody knows; else 0 (completed) or 1."""
        if not self._tag:
            self.clear_state()
            return 1
        if not self.job_id:
            return None  # it is being submitted, or was when an earlier hub went: `get_url` looks for it
        self._centre.watch.follow(self.job_id, self._tag, self._seen)
        job = self._centre.watch.look(self.job_id)
        if job is None or not is_over(job):
            return None
        self.clear_state()
        return 0 if job.state is JobState.COMPLETED else 1

    async def get_url(self) -> str:
        """Where the server is; after a restart of the hub in the midst of a start, the rest of that start."""
        if not self._up:
            reached: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            # The two things by which JupyterHub's pages find a start, its progress and its cause of failure.
            self._spawn_pending = True
            self._spawn_future: asyncio.Task[None] | None = asyncio.ensure_future(self._go_on(reached))
            if not await reached:
                self.http_timeout = 0  # there is no server that JupyterHub could wait for
                return str(self.server.url)
            self.http_timeout = self._clock("http", self._lane_name)
        return str(url_path_join(self._told_url, self.server.base_url))

    async def _go_on(self, reached: "asyncio.Future[bool]") -> None:
        """The rest of a start that an earlier hub began, until JupyterHub has found the server, too."""
        try:
            if not self.job_id:
                await self._recall()
            await self._reach()
            self._remember()
            reached.set_result(True)
            while self._check_pending:  # noqa: ASYNC110 (JupyterHub tells nobody when it has looked)
                await asyncio.sleep(0.1)
            self._spawn_future = None
        except asyncio.CancelledError:
            self._given_up = True
            raise problem("The start was cancelled.", "cancelled") from None
        except SpawnException as failure:
            self.log.error("The start of %s failed: %s", self._log_name, failure)
            raise
        finally:
            self._progress.finish()
            self._spawn_pending = False
            if not reached.done():
                reached.set_result(False)

    async def _recall(self) -> None:
        """The job that an earlier hub submitted without hearing of it, as soon as somebody tells."""
        self._tell_waiting(10, "The hub was away while the job was submitted; it is looked for.", state="UNKNOWN")
        self.job_id = await lost.find_patiently(self._centre.watch, self._tag)
        if not self.job_id:
            raise problem("The hub was started again before the job was in the queue; start anew.", "lost", 500)
        self._remember()

    async def stop(self, now: bool = False) -> None:
        """Cancel the job, and wait a moment for its end unless *now*."""
        if not self.job_id:
            if self._tag:  # it may be there, though nobody has told of it
                self._cancel_later(self._tag)
            return
        job_id, watch = self.job_id, self._centre.watch
        if self._given_up:
            # JupyterHub comes back one second after it has cancelled a start, and fails where it still stops.
            self._cancel_later(self._tag, job_id)
            return
        try:
            await self._jobs().cancel(job_id)
        except (Unavailable, NotAllowed) as error:
            self.log.warning("Job %s could not be cancelled yet; it is tried again: %s", job_id, error)
            self._cancel_later(self._tag, job_id)
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

    def take_up(self) -> None:
        """Repeat the cancellations that an earlier hub still owed this user."""
        for tag, job_id in Owed(self.user).jobs().items():
            self._cancel_later(tag, job_id)

    def _cancel_later(self, tag: str, job_id: str = "") -> None:
        """Cancel as soon as Slurm answers, in this hub or in the next one."""
        Owed(self.user).add(tag, job_id)
        self._cancelling[tag] = asyncio.ensure_future(self._cancel_owed(tag, job_id))

    async def _cancel_owed(self, tag: str, job_id: str) -> None:
        await lost.cancel(self._centre.watch, self._jobs(), tag, job_id)
        Owed(self.user).remove(tag)
        del self._cancelling[tag]

    # What other code knows of batchspawner's classes: the same questions, answered without a shell.

    async def query_job_status(self) -> JobStatus:
        """How the job fares, as batchspawner words it: a look-up."""
        if not self.job_id:
            return JobStatus.NOTFOUND
        job = self._centre.watch.look(self.job_id)
        if job is None or self._centre.watch.silent:
            return JobStatus.UNKNOWN
        if is_over(job):
            return JobStatus.NOTFOUND
        return JobStatus.PENDING if job.state.waiting else JobStatus.RUNNING

    async def cancel_batch_job(self) -> None:
        """Cancel the job. Raises `Unavailable`, `NotAllowed`."""
        await self._jobs().cancel(self.job_id)

    async def run_command(self, cmd: str, input: str | None = None, env: dict[str, str] | None = None) -> str:  # noqa: A002
        """Refused: it would hand *cmd* to a shell."""
        raise NotImplementedError("This spawner runs no shell's lines; see docs/hub.md for what to use instead.")


take_up_at_start(IhpcSpawner)
