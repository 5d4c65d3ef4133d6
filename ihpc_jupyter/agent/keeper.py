"""Looks after one cluster: holds its lease, keeps its head running, brings actual towards desired.

One task, one round after the other; a round never waits for the batch system: what takes long (submitting,
cancelling, starting a head) runs beside it, at most one of a kind, and wakes the next round.
"""

import asyncio
import contextlib
import logging
import shutil
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ihpc_jupyter.agent import headstart
from ihpc_jupyter.agent.backoff import Backoff
from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.lease import RENEW, Lease
from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.agent.store import Store
from ihpc_jupyter.agent.tunnel import Tunnel
from ihpc_jupyter.agent.view import cluster_view, group_view, head_view, notes_on
from ihpc_jupyter.cluster.adapt import Follower
from ihpc_jupyter.cluster.decide import Decision, decide, settle_submissions
from ihpc_jupyter.cluster.naming import HEAD_GROUP, JobTag, new_submission_id, parse_job_name
from ihpc_jupyter.cluster.record import ClusterRecord, Submission
from ihpc_jupyter.cluster.sight import GroupSight, Memory, Sight, look
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.model.cluster import ClusterState, ClusterView, JobView, Load, Note, Problem
from ihpc_jupyter.model.head import HeadState
from ihpc_jupyter.scheduler import base

_LOG = logging.getLogger("ihpc.agent")

ROUND = 1.0
"""Seconds between two rounds when nothing wakes the keeper."""
HEAD_PATIENCE = 60.0
"""Seconds that a head may take to come up on this host."""
HEAD_REJOIN = 15.0
"""Seconds after a head came up in which its workers may come back before they count as lost."""
CANCEL_AGAIN = 5.0
"""Seconds before a cancellation that showed no effect is repeated."""
HEAD_FAILURES = 3
"""Failed starts of a head after which a cluster is given up."""


class Keeper:
    """One cluster's keeper. *publish* is called with each new view, with None when the cluster is gone."""

    def __init__(
        self, record: ClusterRecord, desk: SiteDesk, store: Store, lease: Lease,
        publish: Callable[[ClusterView | None], None],
    ) -> None:  # fmt: skip
        self.record = record
        self.desk = desk
        self.link = HeadLink(desk.spool(record.uid), self.wake)
        self.tunnel = Tunnel(self.link, desk.runtime / f"head-{record.uid}.sock")
        self._store = store
        self._lease = lease
        self._publish = publish
        self._wake = asyncio.Event()
        self._memory = Memory()
        self._followers = {name: Follower() for name in record.groups}
        self._backoffs = {name: Backoff() for name in (*record.groups, HEAD_GROUP, "stop")}
        self._problems: dict[str, Problem] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled_at: dict[str, float] = {}
        self._jobs: dict[str, JobView] = {}
        self._renewed_at = 0.0
        self._head_started_at = 0.0
        self._head_failures = 0
        self._dirty = False
        self._unsaved: str | None = None
        self._head_notes = time.time()
        self.gone = False

    # -- what doors ask for ------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something changed: look soon."""
        self._wake.set()

    def change(self, **update: object) -> None:
        """Replace parts of the record; it is saved in the next round."""
        self.record = self.record.model_copy(update=update)
        self._dirty = True
        self.wake()

    def note(self, text: str, level: str = "info") -> None:
        """Write a line into the cluster's diary."""
        self.record = self.record.noted(
            Note.model_validate({"at": time.time(), "level": level, "text": text})
        )
        self._dirty = True

    def retry(self) -> None:
        """Ask the batch system again now, whatever went wrong before."""
        for backoff in self._backoffs.values():
            backoff.reset()
        self._head_failures = 0
        if self.record.state is ClusterState.FAILED:
            self.change(state=ClusterState.STARTING)
        self.desk.watcher.poke()
        self.wake()

    @property
    def held(self) -> bool:
        """Whether this agent looks after the cluster."""
        return self._lease.held

    def view(self) -> ClusterView:
        """The cluster as it is now."""
        sights = self._sights(self._sight())
        groups = {
            name: group_view(self.record, name, self.desk.site, seen, self._problems.get(name))
            for name, seen in sights.items()
        }
        holder = None if self.held else self._holder()
        return cluster_view(
            self.record, groups, head_view(self.record, self.link, self._head_job()),
            self.link.state.load if self.link.state and self.link.up else Load(),
            self._problem(), holder, self.desk.watcher.snapshot.answered_at,
        )  # fmt: skip

    # -- the loop ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look after the cluster until it is gone."""
        await self.link.find()
        subscription = self.desk.watcher.subscribe(lambda _: self.wake())
        following = asyncio.create_task(self.link.follow())
        await self.tunnel.open()
        try:
            while not self.gone:
                subscription.waiting = await self._safe_round()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ROUND):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            subscription.close()
            following.cancel()
            await self.tunnel.close()
            for task in self._tasks.values():
                task.cancel()

    async def _safe_round(self) -> bool:
        """One round; True while something is expected to change soon. A fault of ours must not end the loop."""
        try:
            return await self._round()
        except OSError as error:
            self._unsaved = f"{error.strerror or error}"
        except Exception:
            _LOG.exception("cluster %s: a round failed", self.record.name)
        return True

    async def _round(self) -> bool:
        if not await self._hold():
            self._publish(self.view())
            return False
        headstart.collect_ended()
        waiting = True
        if self.record.state is ClusterState.STOPPING:
            await self._stop_round()
        elif self.record.state in (ClusterState.STARTING, ClusterState.RUNNING):
            self._keep_head()
            waiting = self._reconcile()
        if self._dirty and not self.gone:
            await self._save()
        self._publish(None if self.gone else self.view())
        return waiting

    async def _hold(self) -> bool:
        """Hold the lease; when another agent does, follow its record on disk."""
        if self._lease.held:
            if time.monotonic() - self._renewed_at > RENEW:
                self._renewed_at = time.monotonic()
                await asyncio.to_thread(self._lease.renew)
            return True
        latest = await asyncio.to_thread(self._store.load, self.record)
        if latest is None:
            self.gone = True
            return True
        self.record = latest
        if not await asyncio.to_thread(self._lease.acquire):
            return False
        self._adopt()
        return True

    def _adopt(self) -> None:
        """Newly responsible: what another agent was sending when it went may have been accepted."""
        self._renewed_at = time.monotonic()
        for submission in self.record.submissions:
            if submission.state == "sending":
                self.record = self.record.with_submission(
                    submission.model_copy(update={"state": "uncertain"})
                )
        self.desk.watcher.poke()

    def _holder(self) -> str | None:
        lease = self._lease.holder()
        return lease.owner.host if lease else None

    async def _save(self) -> None:
        self._dirty = False
        try:
            await asyncio.to_thread(self._store.save, self.record)
            self._unsaved = None
        except OSError as error:
            self._dirty = True
            self._unsaved = error.strerror or str(error)

    async def release(self) -> None:
        """Save and let go of the lease, so that the next agent need not wait."""
        with contextlib.suppress(OSError):
            if self._dirty and self.held:
                await self._save()
            await asyncio.to_thread(self._lease.release)

    # -- looking -----------------------------------------------------------------------------------------

    def _sight(self) -> Sight:
        return self.desk.sight(self.record.uid)

    def _head(self) -> HeadState | None:
        return self.link.state

    def _sights(self, sight: Sight) -> dict[str, GroupSight]:
        now = time.time()
        return {
            name: look(self.record, name, sight, self._head(), now, self._memory)
            for name in self.record.groups
        }

    def _problem(self) -> Problem | None:
        if self._unsaved:
            return Problem(
                message=f"The cluster's record cannot be saved: {self._unsaved}.",
                hint="What runs goes on. Free some space in your home; saving is tried again by itself.",
                since=time.time(),
            )
        return self._problems.get(HEAD_GROUP) or self._problems.get("stop")

    def _reconcile(self) -> bool:
        """Compare and act; True while something is under way."""
        sight, now = self._sight(), time.time()
        self._change_quietly(settle_submissions(self.record, sight))
        self._adapt()
        sights = self._sights(sight)
        self._learn(sight, sights)
        decision = Decision()
        if self.link.up:
            decision = decide(self.record, sights, sight, self._head(), now, self._memory, self._waits(sight))
        self._act(decision)
        moving = any(seen.unseen or any(job.state.waiting for job in seen.jobs) for seen in sights.values())
        return moving or bool(
            decision.submit or decision.cancel or decision.abandon or self._memory.lost_since
        )

    def _change_quietly(self, record: ClusterRecord) -> None:
        if record != self.record:
            self.record = record
            self._dirty = True

    def _adapt(self) -> None:
        """Set the targets of groups that follow the load."""
        head = self._head()
        if head is None or not self.link.up:
            return
        desired = head.load.desired
        for name, group in self.record.groups.items():
            if group.adapt is None:
                continue
            target = self._followers[name].target(group.adapt, group.target, desired, time.monotonic())
            desired = max(0, desired - target)
            if target != group.target:
                self.note(f"{name}: {group.target} → {target} workers, following the load.")
                self.change(groups={**self.record.groups, name: group.model_copy(update={"target": target})})

    def _learn(self, sight: Sight, sights: dict[str, GroupSight]) -> None:
        """Remember what later rounds (and later agents) need to know."""
        jobs = {job.id: job for seen in sights.values() for job in seen.jobs}
        if self.link.up and time.time() - self.link.up_since < HEAD_REJOIN:
            self._memory.lost_since = dict.fromkeys(self._memory.lost_since, time.time())
        for note in notes_on(self._jobs, jobs, self.record):
            self.record = self.record.noted(note)
            self._dirty = True
        self._jobs = jobs
        self._memory.keep(set(sight.jobs) | set(jobs))
        self._remember_jobs(sight, jobs)
        for note in self._head_diary():
            self.record = self.record.noted(note)
            self._dirty = True

    def _head_diary(self) -> list[Note]:
        head = self._head()
        new = [note for note in head.notes if note.at > self._head_notes] if head else []
        if new:
            self._head_notes = new[-1].at
        return new

    def _remember_jobs(self, sight: Sight, jobs: dict[str, JobView]) -> None:
        head = self._head()
        alive = {worker.job for worker in head.workers} if head and self.link.up else set()
        known = set(jobs) | set(sight.jobs)
        waiting = {id_ for id_, job in sight.jobs.items() if job.state.waiting}
        update = {
            "registered": tuple(sorted((set(self.record.registered) | alive) & known - (waiting - alive))),
            "abandoned": tuple(id_ for id_ in self.record.abandoned if id_ in jobs and id_ not in waiting),
            "leaving": tuple(id_ for id_ in self.record.leaving if id_ in jobs),
        }
        self._change_quietly(self.record.model_copy(update=update))
        self.record.core_seconds.update(self._core_seconds(sight))

    def _core_seconds(self, sight: Sight) -> dict[str, float]:
        spent = {}
        for id_, job in sight.jobs.items():
            tag = parse_job_name(job.name)
            if tag and tag.group in self.record.groups and job.started_at and job.state.active:
                group = self.record.groups[tag.group]
                factor = self.desk.site.lanes[group.lane].cost_factor
                spent[id_] = max(0.0, time.time() - job.started_at) * group.shape.cores * factor
        return spent

    def _waits(self, sight: Sight) -> dict[str, float]:
        """Median queue wait of each group's jobs that run now, in seconds."""
        waits: dict[str, list[float]] = {}
        for job in sight.jobs.values():
            tag = parse_job_name(job.name)
            if tag and job.state.active and job.started_at and job.submitted_at:
                waits.setdefault(tag.group, []).append(max(0.0, job.started_at - job.submitted_at))
        return {group: statistics.median(values) for group, values in waits.items()}

    # -- acting ------------------------------------------------------------------------------------------

    def _act(self, decision: Decision) -> None:
        for group, jobs in decision.submit.items():
            if self._backoffs[group].ready:
                self._beside(f"submit {group}", self._submit(group, jobs))
        if not decision.submit:
            self._problems = {
                key: value for key, value in self._problems.items() if key in (HEAD_GROUP, "stop")
            }
        if decision.abandon:
            self.note(
                f"Replacing {', '.join(decision.abandon)}: running for the batch system, its workers are gone.",
                "warning",
            )
            self.change(abandoned=(*self.record.abandoned, *decision.abandon))
        if due := self._not_yet_cancelled(decision.cancel):
            self._beside("cancel", self._cancel(due))
        if decision.retire:
            self.change(leaving=(*self.record.leaving, *decision.retire))
            self._beside("retire", self._retire(tuple(decision.retire)))

    def _beside(self, kind: str, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* beside the rounds, unless its like is still under way."""
        task = self._tasks.get(kind)
        if task is not None and not task.done():
            work.close()
            return
        self._tasks[kind] = asyncio.create_task(work)
        self._tasks[kind].add_done_callback(self._beside_done)

    def _beside_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("cluster %s: %s", self.record.name, error, exc_info=error)
        self.wake()

    async def _submit(self, group: str, jobs: int) -> None:
        """Ask for *jobs* in one request, written down before it is sent."""
        spec = self.record.groups[group]
        submission = Submission(id=new_submission_id(), group=group, count=jobs, sent_at=time.time())
        self.record = self.record.with_submission(submission)
        await self._save()
        spool = self.link.spool
        request = base.Submission(
            name=JobTag(self.record.uid, group, submission.id).job_name,
            script=await asyncio.to_thread(spool.script(group).read_text),
            lane=spec.lane, count=jobs, log=str(spool.log("{job}")),
            cores=spec.shape.cores, time_limit=spec.time_limit,
        )  # fmt: skip
        try:
            job_id = await self.desk.batch.submit(request)
        except Unavailable as error:
            self.record = self.record.with_submission(submission.model_copy(update={"state": "uncertain"}))
            self._failed(group, error)
        except IhpcError as error:
            self.record = self.record.without_submission(submission.id)
            self._failed(group, error)
        else:
            accepted = {"state": "accepted", "job_id": job_id, "sent_at": time.time()}
            self.record = self.record.with_submission(submission.model_copy(update=accepted))
            self._backoffs[group].reset()
            self._problems.pop(group, None)
        self._dirty = True
        self.desk.watcher.poke()

    def _failed(self, key: str, error: IhpcError) -> None:
        backoff = self._backoffs[key]
        backoff.failed()
        old = self._problems.get(key)
        since = old.since if old and old.message == error.message else time.time()
        self._problems[key] = Problem(
            message=error.message, hint=error.hint, since=since, retry_at=backoff.retry_at
        )

    def _not_yet_cancelled(self, ids: list[str]) -> list[str]:
        now = time.monotonic()
        return [id_ for id_ in ids if now - self._cancelled_at.get(id_, -CANCEL_AGAIN) >= CANCEL_AGAIN]

    async def _cancel(self, ids: list[str]) -> None:
        self._cancelled_at.update(dict.fromkeys(ids, time.monotonic()))
        try:
            await self.desk.batch.cancel(ids)
        except IhpcError as error:
            _LOG.warning("cluster %s: cancelling %s: %s", self.record.name, ids, error)
        else:
            self.desk.watcher.poke()

    async def _retire(self, jobs: tuple[str, ...]) -> None:
        if not await self.link.retire(jobs):
            self.change(leaving=tuple(id_ for id_ in self.record.leaving if id_ not in jobs))

    # -- the head ----------------------------------------------------------------------------------------

    def _head_job(self) -> str | None:
        for job in self._sight().jobs.values():
            tag = parse_job_name(job.name)
            if tag and tag.group == HEAD_GROUP and not job.state.ended:
                return job.id
        return None

    def _keep_head(self) -> None:
        """See that a head runs: start the first one, and another when one is proved dead."""
        if self.link.up:
            if self.record.state is ClusterState.STARTING:
                self.change(state=ClusterState.RUNNING)
                self.note("The head is up.")
            self._head_failures = 0
            self._problems.pop(HEAD_GROUP, None)
            self._backoffs[HEAD_GROUP].reset()
        elif self._closed_by_itself():
            self.note(f"Stopped by itself: nothing to do for {self.record.idle_timeout / 60:.0f} min.")
            self.change(state=ClusterState.STOPPING, submissions=())
            self._idle_stop = True
        elif self._head_is_missing() and self._backoffs[HEAD_GROUP].ready:
            self._beside("head", self._start_head())

    _idle_stop = False

    def _closed_by_itself(self) -> bool:
        started = (
            self.link.file is not None
            or bool(self.record.registered)
            or self.record.state is ClusterState.RUNNING
        )
        return started and not self.link.spool.gate.exists() and self.link.spool.path.exists()

    def _head_is_missing(self) -> bool:
        file = self.link.file
        if self.record.placement == "job":
            seen = self._sight().asked_at
            return self._head_job() is None and seen is not None and seen > self._head_started_at + 2.0
        if file is None:
            return time.time() - self._head_started_at > HEAD_PATIENCE or self._head_died_early()
        return headstart.head_is_dead(file)

    def _head_died_early(self) -> bool:
        return self._head_pid is None or not headstart.is_child_running(self._head_pid)

    _head_pid: int | None = None

    async def _start_head(self) -> None:
        """Start a head (again). Too many failures in a row make the cluster fail, with the log's end."""
        if self._head_failures >= HEAD_FAILURES:
            tail = await asyncio.to_thread(headstart.log_tail, self.link.spool.log("head"))
            self._problems[HEAD_GROUP] = Problem(
                message="The head does not start.", hint=tail[-1500:], since=time.time()
            )
            self.change(state=ClusterState.FAILED)
            return
        if self.link.heard_at:
            self.note(
                "The head was lost; results that it knew of are lost. A new one starts at the same address.",
                "error",
            )
        self._head_failures += 1
        self._backoffs[HEAD_GROUP].failed()
        self._head_started_at = time.time()
        self.link.heard_at = 0.0
        spool = self.link.spool
        try:
            await asyncio.to_thread(headstart.write_order, spool, self.record, self.desk.site)
            if self.record.placement == "job":
                await headstart.start_as_job(spool, self.record, self.desk.site, self.desk.batch)
            else:
                self._head_pid = await asyncio.to_thread(headstart.start_on_host, spool, self.record)
        except IhpcError as error:
            self._failed(HEAD_GROUP, error)
        except OSError as error:
            self._failed(
                HEAD_GROUP,
                Unavailable(f"The head cannot be started: {error}.", "Is the spool directory full?"),
            )
        self.desk.watcher.poke()

    # -- the end -----------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the cluster; the intent is kept on disk and retried until the batch system confirms it."""
        if self.record.state is not ClusterState.STOPPING:
            self.note("Stopping.")
            self._stop_asked_at = time.time()
            self.change(state=ClusterState.STOPPING)

    _stop_asked_at = 0.0
    _stop_sent = False

    async def _stop_round(self) -> None:
        """Close the gate, cancel everything of ours, and be done when an answer shows none of it."""
        spool = self.link.spool
        spool.gate.unlink(missing_ok=True)
        sight = self._sight()
        alive = [job.id for job in sight.jobs.values() if not job.state.ended]
        arrays = [s.job_id for s in self.record.submissions if s.job_id]
        if not self._stop_sent:
            self._stop_sent = True
            self._stop_asked_at = self._stop_asked_at or time.time()
            self._beside("close", self._close_head())
        self._change_quietly(settle_submissions(self.record, sight))
        if self._stopped(sight, alive):
            await self._finish()
        elif self._backoffs["stop"].ready and (due := self._not_yet_cancelled([*alive, *arrays])):
            self._beside("cancel", self._cancel_all(due))
        else:
            self.desk.watcher.poke()

    def _stopped(self, sight: Sight, alive: list[str]) -> bool:
        answered = sight.asked_at is not None and sight.asked_at > self._stop_asked_at
        return answered and not alive and not self.record.submissions

    async def _close_head(self) -> None:
        await self.link.close()

    async def _cancel_all(self, ids: list[str]) -> None:
        self._cancelled_at.update(dict.fromkeys(ids, time.monotonic()))
        try:
            await self.desk.batch.cancel(ids)
        except IhpcError as error:
            self._cancelled_at.clear()
            self._failed(
                "stop", Unavailable(f"Stopping, unconfirmed: {error.message}", "It is tried again by itself.")
            )
        else:
            self._problems.pop("stop", None)
            self._backoffs["stop"].reset()
        self.desk.watcher.poke()

    async def _finish(self) -> None:
        """Everything ended: remove keys and files. A cluster that stopped by itself stays to be read."""
        await asyncio.to_thread(shutil.rmtree, self.link.spool.path, True)
        self._problems.clear()
        if self._idle_stop:
            self.change(state=ClusterState.STOPPED, groups={
                name: group.model_copy(update={"target": 0, "adapt": None}) for name, group in self.record.groups.items()
            })  # fmt: skip
            return
        await self.forget()

    async def forget(self) -> None:
        """Remove every trace of a cluster that has ended."""
        await asyncio.to_thread(shutil.rmtree, self.link.spool.path, True)
        await asyncio.to_thread(self._store.forget, self.record)
        self.gone = True
        self.wake()
