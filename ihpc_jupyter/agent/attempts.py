"""The acts of one run: starting an attempt's job, and making sure that it goes."""

import asyncio
import contextlib
import shlex
import time
from collections.abc import Callable, Coroutine, Sequence

import psutil

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.cluster.naming import JobTag, new_submission_id, parse_job_name, run_group
from ihpc_jupyter.cluster.prologue import environment_lines
from ihpc_jupyter.errors import IhpcError, Rejected, Unavailable
from ihpc_jupyter.files import write_text
from ihpc_jupyter.identity import proved_dead, this_host, this_process
from ihpc_jupyter.model.head import RunTask
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.process import Process
from ihpc_jupyter.model.run import Attempt, WayKind
from ihpc_jupyter.runs.decide import first_way
from ihpc_jupyter.runs.record import RunRecord
from ihpc_jupyter.runs.sight import CommandSight
from ihpc_jupyter.scheduler.base import Held, Launch

CANCEL_AGAIN = 2.0
"""Seconds before a cancellation that showed no effect is repeated."""

WORKER_WAYS = frozenset({WayKind.IDLE_WORKERS, WayKind.OWN_WORKERS})
"""The ways that need no job of their own."""

WORKER_PATIENCE = 2.0
OWN_PATIENCE = 10.0
"""Seconds in which a worker has to begin with an attempt: an idle one; one that starts again or ends a task."""


def attempt_name(run: str, number: int) -> str:
    """The name of an attempt's job: run and attempt, and a part that no other submission has."""
    return JobTag(run, run_group(number), new_submission_id()).job_name


DRIVER = "from ihpc_jupyter.driver.process import main; main()"
"""As ``-m ihpc_jupyter.driver`` does, without the machinery by which Python finds a module to run."""


def attempt_script(record: RunRecord, desk: SiteDesk, mailbox: Mailbox, number: int) -> str:
    """The script of an attempt's job: the gate, the environment, the driver."""
    lines = [
        "#!/usr/bin/env bash",
        f"[ -e {shlex.quote(str(mailbox.gate))} ] || exit 0",
        *environment_lines(desk.site, desk.site.lanes[record.lane], record.environment),
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-" + str(record.shape.cores) + "}",
        f'exec "$IHPC_PYTHON" -c {shlex.quote(DRIVER)} {shlex.quote(str(mailbox.path))} {number}',
    ]
    return "\n".join(lines) + "\n"


class Attempts:
    """The jobs of one run. *wake* is called when something has changed that is worth a look."""

    def __init__(
        self, desk: SiteDesk, mailbox: Mailbox, wake: Callable[[], None], link: Callable[[], HeadLink | None]
    ) -> None:
        self._desk = desk
        self._link = link
        self._mailbox = mailbox
        self._wake = wake
        self._held: dict[int, Held] = {}
        self._ended: dict[int, CommandSight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancelled_at: dict[str, float] = {}

    def prepare(self, record: RunRecord, why: str, exclude: Sequence[str]) -> Attempt:
        """The next attempt, to be written down before anything is asked."""
        number = len(record.attempts) + 1
        return Attempt(
            number=number, way=first_way(record), name=attempt_name(record.id, number), why=why[:200],
            exclude=tuple(exclude), submitted_at=time.time(),
        )  # fmt: skip

    async def write_script(self, record: RunRecord, attempt: Attempt) -> None:
        """What the attempt's job will run, if it has one. A spool that takes none: nothing will be asked for."""
        if attempt.way in WORKER_WAYS:
            return
        text = attempt_script(record, self._desk, self._mailbox, attempt.number)
        try:  # it is read now or never
            await asyncio.to_thread(write_text, self._mailbox.script(attempt.number), text, durable=False)
        except OSError as error:
            full = _full(error)
            # Who has only just ordered it is told; later ones may find room again.
            self._ended[attempt.number] = CommandSight(refused=full.unanswered) if attempt.number == 1 else full

    async def launch(self, record: RunRecord, attempt: Attempt) -> Process | None:
        """Ask for the attempt's job; the process that holds it, for whoever comes after us."""
        if attempt.way in WORKER_WAYS:
            await self._hand_over(attempt, let_go=record.order.let_go)
            return None
        if attempt.number in self._ended:
            return None
        number, mailbox = attempt.number, self._mailbox
        launch = Launch(
            name=attempt.name, script=mailbox.script(number), lane=record.lane, shape=record.shape,
            log=str(mailbox.log(number, "{copy}")), said=mailbox.command(number), copies=record.order.copies,
            tasks=record.order.tasks, time_limit=record.time_limit, account=record.account,
            reservation=_reservation(record, attempt), exclude=attempt.exclude,
        )  # fmt: skip
        try:
            held = await self._desk.batch.launch(launch)
        except OSError as error:
            self._ended[number] = _full(error)
            return None
        except Rejected as error:
            self._ended[number] = CommandSight(refused=str(error))
            return None
        except IhpcError as error:
            self._ended[number] = CommandSight(unanswered=error.message)
            return None
        self._held[number] = held
        self._beside(self._wait(number, held))
        return _process(held.pid)

    async def _hand_over(self, attempt: Attempt, *, let_go: bool) -> None:
        """Give the attempt to the own cluster's workers."""
        link = self._link()
        if link is None:
            self._ended[attempt.number] = CommandSight(unanswered="The cluster is gone.")
            return
        own, path = attempt.way is WayKind.OWN_WORKERS, str(self._mailbox.path)
        task = RunTask(mailbox=path, attempt=attempt.number, let_go=own and let_go, wait=own)
        if (why := await link.run(task)) is not None:
            self._revoke(attempt)
            self._ended[attempt.number] = CommandSight(unanswered=why)

    def _revoke(self, attempt: Attempt) -> bool:
        """Take the claim of an attempt for ourselves: its body will not run. False where it has begun."""
        try:
            self._mailbox.claim(attempt.number, 0).touch(mode=0o600, exist_ok=False)
        except OSError:
            return False
        return True

    def _on_workers(self, attempt: Attempt) -> CommandSight:
        """An attempt that no worker has begun in time is taken back."""
        patience = OWN_PATIENCE if attempt.way is WayKind.OWN_WORKERS else WORKER_PATIENCE
        waits = attempt.started_at is None and attempt.outcome is None
        if waits and time.time() - attempt.submitted_at > patience and self._revoke(attempt):
            self._ended[attempt.number] = CommandSight(unanswered="No worker began with it in time.")
        return self._ended.get(attempt.number, CommandSight(known=False))

    async def _wait(self, number: int, held: Held) -> None:
        try:
            code = await held.wait()
            self._ended[number] = CommandSight(code=code, job_id=held.job_id)
        except Unavailable as error:
            self._ended[number] = CommandSight(unanswered=error.message)
        except IhpcError as error:
            self._ended[number] = CommandSight(refused=error.message)
        self._wake()

    def command(self, record: RunRecord, attempt: Attempt) -> CommandSight:
        """The command that holds an attempt's job, ours or one that an agent before us started."""
        number = attempt.number
        if number in self._ended:
            return self._ended[number]
        if attempt.way in WORKER_WAYS:
            return self._on_workers(attempt)
        if number in self._held:
            return CommandSight(job_id=self._held[number].job_id)
        process = record.commands.get(number)
        if process is None or process.host != this_host():
            return CommandSight(known=False)
        return CommandSight(code=-9) if proved_dead(process) else CommandSight()

    def jobs(self, attempt: Attempt) -> tuple[Job, ...]:
        """Its jobs, as the batch system last told."""
        tag = parse_job_name(attempt.name)
        told = self._desk.tally.tagged.get(tag.uid, {}) if tag else {}
        return tuple(job for job in told.values() if job.name == attempt.name)

    def cancel(self, record: RunRecord, attempts: Sequence[Attempt]) -> None:
        """Make these attempts' jobs go: their commands are asked to give up, their jobs are cancelled."""
        ids: list[str] = []
        for attempt in attempts:
            if attempt.way in WORKER_WAYS:
                self._revoke(attempt)  # begun, it sees the closed gate; the job that it names is its workers'
                continue
            if (held := self._held.get(attempt.number)) and attempt.number not in self._ended:
                held.stop()
            elif attempt.number not in self._ended:
                _terminate(record.commands.get(attempt.number))
            told = [job for job in self.jobs(attempt) if not job.state.ended]
            ids += [job.id for job in told]
            if not self.jobs(attempt) and attempt.job_id and attempt.number not in self._ended:
                ids.append(attempt.job_id)
        now = time.monotonic()
        due = [id_ for id_ in ids if now - self._cancelled_at.get(id_, -CANCEL_AGAIN) >= CANCEL_AGAIN]
        if due:
            self._cancelled_at.update(dict.fromkeys(due, now))
            self._beside(self._cancel(due))

    async def _cancel(self, ids: list[str]) -> None:
        with contextlib.suppress(IhpcError):  # asked again while they are still there
            await self._desk.batch.cancel(ids)
        self._desk.watcher.poke()
        self._wake()

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drop(self) -> None:
        """Stop waiting; jobs and their commands go on."""
        for task in self._tasks:
            task.cancel()


def _full(error: OSError) -> CommandSight:
    return CommandSight(unanswered=f"The spool takes no files: {error.strerror}.")


def _reservation(record: RunRecord, attempt: Attempt) -> str | None:
    """The reservation that the plan found, where the attempt goes that way."""
    names = [way.name for way in record.plan.ways if way.kind is attempt.way is WayKind.RESERVATION]
    return names[0] if names else None


def _process(pid: int | None) -> Process | None:
    """A command of ours on this host, for good."""
    if pid is None:
        return None
    me = this_process()
    try:
        return me.model_copy(update={"pid": pid, "started_at": psutil.Process(pid).create_time()})
    except psutil.Error:
        return None


def _terminate(process: Process | None) -> None:
    """Ask a command of an agent before us to give its job up."""
    if process is None or process.host != this_host() or proved_dead(process):
        return
    with contextlib.suppress(psutil.Error):
        psutil.Process(process.pid).terminate()
