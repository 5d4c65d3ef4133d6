"""The embedded `local` site: a small batch system of this host, with lanes, preemption and time limits.

Jobs are processes in sessions of their own and survive the process that holds this object; the next one that
opens the same directory adopts them.
"""

import asyncio
import contextlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.model.why import Evidence
from ihpc_jupyter.scheduler import local_process as process
from ihpc_jupyter.scheduler.base import Capacity, Launch, Offers, Submission
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.fold import Fold, fold
from ihpc_jupyter.scheduler.local_check import check, check_memory
from ihpc_jupyter.scheduler.local_hold import LocalHold, as_submission
from ihpc_jupyter.scheduler.local_queue import Ending, LocalJob, new_job, next_moves, signal_time
from ihpc_jupyter.scheduler.local_state import Memory, StateFile
from ihpc_jupyter.scheduler.local_why import evidence_of, recollect

TOLD_FOR = 300.0
"""Seconds for which an ended job is still told, as Slurm does."""

KILL_WAIT = 5.0
"""Seconds between SIGTERM and SIGKILL."""

_SAVE_AGAIN = 5.0
"""Seconds until a state that could not be written is written again."""


class Local:
    """Batch jobs on this host. *directory* is private and host-local; one process at a time may hold it."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.requests = 0
        self.slots = site.slots or max(4, os.cpu_count() or 1)
        self._site = site
        self._state = StateFile(directory)
        self._jobs: dict[str, LocalJob] = {}
        self._last_id = 0
        self._opened = asyncio.Lock()
        self._pump: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._watched: dict[str, int] = {}
        self._dirty = False
        self._saving = asyncio.Lock()

    async def submit(self, submission: Submission) -> str:
        """Queue jobs; raises `Rejected` for a lane that is not there or more cores than this host gives."""
        await self._ready()
        check(submission, self._site, self.slots, len(self._jobs))
        self._last_id += 1
        root = str(self._last_id)
        try:
            script = await asyncio.to_thread(self._state.write_script, root, submission.script)
        except OSError as error:
            raise Unavailable(
                f"The script could not be stored: {error}", "Make room on this host's disk."
            ) from error
        lane = self._site.lanes[submission.lane]
        for job_id in [f"{root}_{index}" for index in range(submission.count)] if submission.array else [root]:
            self._jobs[job_id] = new_job(job_id, submission, lane, script)
        self._dirty = True
        await self._save()  # a submission that was answered is not forgotten
        self._wake.set()
        return root

    async def launch(self, launch: Launch) -> LocalHold:
        """Queue it; here every job starts as soon as there is room. Raises `Rejected` as `submit` does."""
        check_memory(launch.shape.memory)
        return LocalHold(await self.submit(as_submission(launch)), self.ended, self._give_up)

    async def test_launch(self, launch: Launch) -> str:
        """Whether it would start now."""
        check_memory(launch.shape.memory)
        return await self.test_only(as_submission(launch))

    async def expected_start(self, launch: Launch) -> tuple[float | None, str]:
        """Now, where there is room; later is not told: jobs here end when they like."""
        words, taken = await self.test_launch(launch), sum(job.cores for job in self._jobs.values() if job.holds)
        return time.time() if launch.cores <= self.slots - taken else None, words

    async def nodes(self) -> Nodes:
        """None: this host is all there is."""
        return Nodes(at=time.time())

    async def capacity(self) -> Capacity:
        """Slots that nobody holds, the same for every lane."""
        await self._ready()
        free, lanes = self.slots - sum(job.cores for job in self._jobs.values() if job.holds), self._site.lanes
        slots = dict.fromkeys(lanes, self.slots)
        return Capacity(dict.fromkeys(lanes, max(0, free)), slots, slots)

    async def cycles(self) -> dict[str, float]:
        """None: jobs are placed as they come."""
        return {}

    async def preemptible(self) -> dict[str, int]:
        """Jobs that hold slots in preemptible lanes."""
        await self._ready()
        running = [job.lane for job in self._jobs.values() if job.holds]
        return {name: running.count(name) for name, lane in self._site.lanes.items() if lane.preemptible}

    async def _give_up(self, ids: list[str]) -> None:
        await self.cancel(ids)

    async def ended(self, root: str) -> int:
        """Until all jobs of a submission have ended: 0 where all completed, else the code of one that did not."""
        while any(not job.state.ended for job in self._of(root)):
            self._news.clear()
            await self._news.wait()
        failed = [job for job in self._of(root) if job.state is not JobState.COMPLETED]
        return (failed[0].code or 1) if failed else 0

    def _of(self, root: str) -> list[LocalJob]:
        return [job for job in self._jobs.values() if job.id.partition("_")[0] == root]

    async def test_only(self, submission: Submission) -> str:
        """Whether it would start now."""
        await self._ready()
        check(submission, self._site, self.slots, len(self._jobs))
        free, wanted = (await self.capacity()).free[submission.lane], submission.cores * submission.count
        return f"Asks for {wanted} cores; {free} of this host's {self.slots} are free now."

    async def cancel(self, ids: Sequence[str]) -> None:
        """Cancel jobs; an array's own id cancels all of it. Unknown and ended ones are no error."""
        await self._ready()
        wanted = set(ids)
        for job in list(self._jobs.values()):
            if job.id in wanted or job.id.partition("_")[0] in wanted:
                self._cancel(job)
        self._wake.set()

    async def query(self) -> list[Job]:
        """All jobs that wait, run, or ended in the last 300 s."""
        await self._ready()
        return [job.told(platform.node()) for job in self._jobs.values()]

    async def history(self, ids: Sequence[str]) -> list[Job]:
        """Nothing: what is no longer told is forgotten."""
        return []

    async def sent_away(self, since: float, until: float) -> list[str]:
        """Jobs that are on their way out, or wait again."""
        await self._ready()
        gone = [job for job in self._jobs.values() if job.restarts and job.state.waiting]
        going = [job for job in self._jobs.values() if job.ending and job.ending.why == "preempted"]
        return [job.id for job in (*gone, *going)]

    async def account(self, since: float) -> list[Job]:
        """The jobs of the last minutes: this host keeps no other books."""
        return [job for job in await self.query() if (job.submitted_at or 0.0) >= since]

    async def everybody(self) -> list[Fold]:
        """The same jobs: nobody else's are here."""
        return fold(job for job in await self.query() if not job.state.ended)

    async def evidence(self, job_id: str) -> Evidence:
        """From this site's own queue."""
        await self._ready()
        return evidence_of(list(self._jobs.values()), self.slots, job_id, platform.node())

    def recollect(self, job: Job, asked_at: float, why: str) -> Evidence:
        """From what was told of the job."""
        return recollect(job, asked_at, why)

    async def log_path(self, job_id: str) -> str:
        """As it was given."""
        await self._ready()
        return self._jobs[job_id].log if job_id in self._jobs else ""

    def listing(self, *, everybody: bool) -> str:
        """Our own command."""
        return "ihpc jobs --site " + self._site.name

    async def offers(self) -> Offers:
        """The site's own lanes and shapes."""
        return Offers(lanes=dict(self._site.lanes), shapes=dict(self._site.shapes))

    async def close(self) -> None:
        """Stop looking after the jobs, which run on; whoever opens the directory next adopts them."""
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
            self._pump = None
            for job_id in list(self._watched):
                self._unwatch(job_id)
            await self._save()
        self._state.close()

    async def _ready(self) -> None:
        self.requests += 1
        async with self._opened:
            if self._pump is None or self._pump.done():
                if self._pump is None:
                    memory = await asyncio.to_thread(self._state.open)
                    self._jobs = {job.id: job for job in memory.jobs}
                    self._last_id = memory.last_id
                    await self._adopt_unrecorded()
                self._pump = asyncio.create_task(self._run_pump())

    async def _adopt_unrecorded(self) -> None:
        """Find jobs started in the moment before our predecessor died: they must not start twice."""
        unrecorded = {str(self._state.exit_file(job.id)): job for job in self._jobs.values() if job.state.waiting}
        for path, leader in (await asyncio.to_thread(process.find, set(unrecorded))).items():
            self._put(unrecorded[path], **process.running(leader))

    async def _run_pump(self) -> None:
        while True:
            self._wake.clear()
            self._reap()
            self._advance()
            await self._schedule()
            await self._save()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._wake.wait()

    def _reap(self) -> None:
        """Learn which jobs ended, and forget those that ended long ago."""
        for job in list(self._jobs.values()):
            if job.pid is not None and not process.alive(_leader(job)):
                self._unwatch(job.id)
                process.sweep(_leader(job))
                self._ended(job)
            elif job.pid is not None and job.id not in self._watched:
                self._watch(job)
            elif job.ended_at is not None and abs(time.time() - job.ended_at) > TOLD_FOR:
                self._forget(job)

    def _ended(self, job: LocalJob) -> None:
        code = process.exit_code(self._state.exit_file(job.id))
        why = job.ending.why if job.ending else None
        freed = {"pid": None, "identity": "", "ending": None, "warned": False}
        if why == "preempted":
            restarts = job.restarts + 1
            self._put(job, state=JobState.PENDING, reason="", started_at=None, restarts=restarts, **freed)
            return
        if why == "cancelled":
            state, reason = JobState.CANCELLED, ""
        elif why == "timeout":
            state, reason = JobState.TIMEOUT, "TimeLimit"
        elif code is None:
            state, reason = JobState.FAILED, "ended without a trace"
        else:
            state, reason = (JobState.FAILED, "NonZeroExitCode") if code else (JobState.COMPLETED, "")
        self._put(job, state=state, reason=reason, ended_at=time.time(), code=code, **freed)

    def _advance(self) -> None:
        """Take each running job's next step towards its end that is due."""
        now = time.monotonic()
        for job in list(self._jobs.values()):
            if job.pid is None:
                continue
            if job.ending is None and now >= job.begun + job.time_limit:
                self._end(job, "timeout", now)
            elif job.ending is None and not job.warned and now >= signal_time(job):
                process.notify(_leader(job))
                self._put(job, warned=True)
            elif job.ending is not None and now >= job.ending.at:
                self._harder(job, job.ending, now)

    def _end(self, job: LocalJob, why: Literal["timeout", "cancelled"], now: float) -> None:
        process.terminate(_leader(job))
        ending = Ending(why=why, step="kill", at=now + KILL_WAIT)
        self._put(job, state=JobState.COMPLETING, ending=ending)

    def _harder(self, job: LocalJob, ending: Ending, now: float) -> None:
        if ending.step == "terminate":
            process.terminate(_leader(job))
            self._put(job, ending=Ending(why=ending.why, step="kill", at=now + KILL_WAIT))
        else:
            process.kill(_leader(job))
            self._put(job, ending=Ending(why=ending.why, step="wait", at=now + KILL_WAIT))

    def _cancel(self, job: LocalJob) -> None:
        now = time.monotonic()
        if job.state.waiting and job.pid is None:
            self._put(job, state=JobState.CANCELLED, reason="", ended_at=time.time())
        elif job.pid is not None and (job.ending is None or job.ending.why == "preempted"):
            self._end(job, "cancelled", now)

    async def _schedule(self) -> None:
        starts, victims, reasons = next_moves(self._jobs.values(), self.slots)
        now = time.monotonic()
        for job_id in victims:
            job = self._jobs[job_id]
            process.notify(_leader(job))
            ending = Ending(why="preempted", step="terminate", at=now + job.grace)
            self._put(job, reason="Preempted", ending=ending)
        for job_id, reason in reasons.items():
            if self._jobs[job_id].reason != reason:
                self._put(self._jobs[job_id], reason=reason)
        for job_id in starts:
            await self._start(self._jobs[job_id])

    async def _start(self, job: LocalJob) -> None:
        job = self._jobs[job.id]
        if not job.state.waiting:  # cancelled while another one was being started
            return
        variables = {"IHPC_JOB_ID": job.id, "IHPC_RESTARTS": str(job.restarts)}
        environment = {**chosen_environment("TMPDIR", "XDG_RUNTIME_DIR"), **variables}
        exit_file = self._state.exit_file(job.id)
        started = asyncio.to_thread(process.start, Path(job.script), job.log, exit_file, environment)
        starting = asyncio.ensure_future(started)
        try:
            await asyncio.wait({starting})
        finally:  # also when we leave meanwhile: nobody else would know of the process
            await asyncio.wait({starting})
            self._begun(job, starting)

    def _begun(self, job: LocalJob, starting: asyncio.Future[process.Leader]) -> None:
        error = starting.exception()
        if isinstance(error, OSError):
            self._put(job, state=JobState.FAILED, reason=f"could not be started: {error}", ended_at=time.time())
            return
        leader = starting.result()
        cancelled = not self._jobs[job.id].state.waiting
        job = self._put(job, **process.running(leader))
        if cancelled:  # in the milliseconds while it was being started
            self._end(job, "cancelled", time.monotonic())
        self._watch(self._jobs[job.id])

    def _pause(self) -> float | None:
        """Seconds until something is due; None when only an event can change anything."""
        moments = []
        for job in self._jobs.values():
            if job.pid is not None and job.ending is not None:
                moments.append(job.ending.at)
            elif job.pid is not None:
                moments.append(job.begun + job.time_limit if job.warned else signal_time(job))
        ended = [job.ended_at for job in self._jobs.values() if job.ended_at is not None]
        pauses = [moment - time.monotonic() for moment in moments]
        pauses += [moment + TOLD_FOR + 1 - time.time() for moment in ended]
        pauses += [_SAVE_AGAIN] if self._dirty else []
        return max(0.005, min(pauses)) if pauses else None

    def _watch(self, job: LocalJob) -> None:
        descriptor = process.watch(_leader(job))
        if descriptor is None:
            self._wake.set()
            return
        self._watched[job.id] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._notice(job.id))

    def _notice(self, job_id: str) -> Callable[[], None]:
        def ended() -> None:
            self._unwatch(job_id)
            self._wake.set()

        return ended

    def _unwatch(self, job_id: str) -> None:
        descriptor = self._watched.pop(job_id, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def _forget(self, job: LocalJob) -> None:
        del self._jobs[job.id]
        shared = any(other.script == job.script for other in self._jobs.values())
        self._state.forget(job.id, "" if shared else job.script)
        self._dirty = True

    def _put(self, job: LocalJob, **changes: object) -> LocalJob:
        self._jobs[job.id] = changed = job.model_copy(update=changes)
        self._dirty = True
        self._news.set()
        return changed

    async def _save(self) -> None:
        """Write what changed; where the disk refuses, the pump tries again and the jobs go on."""
        async with self._saving:
            if not self._dirty:
                return
            self._dirty = False
            memory = Memory(last_id=self._last_id, jobs=tuple(self._jobs.values()))
            try:
                await asyncio.to_thread(self._state.save, memory)
            except OSError:
                self._dirty = True


def _leader(job: LocalJob) -> process.Leader:
    return process.Leader(job.pid or 0, job.identity)
