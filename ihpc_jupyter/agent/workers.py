"""Brings a cluster's workers from actual towards desired."""

import asyncio
import statistics
import time

from ihpc_jupyter.agent.case import Case
from ihpc_jupyter.agent.view import notes_on
from ihpc_jupyter.cluster.adapt import Follower
from ihpc_jupyter.cluster.decide import Decision, decide, settle_submissions
from ihpc_jupyter.cluster.naming import JobTag, new_submission_id, parse_job_name
from ihpc_jupyter.cluster.record import Submission, settled
from ihpc_jupyter.cluster.sight import GroupSight, Memory, Sight, look
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.model.cluster import ClusterState, JobView, Note
from ihpc_jupyter.scheduler import base

HEAD_REJOIN = 15.0
"""Seconds after a head came up in which its workers may come back before they count as lost."""
RETIRE_PATIENCE = 60.0
"""Seconds that workers told to go may take before their job is cancelled."""

RETIRE_AGAIN = 3.0
"""Seconds after which workers that were told to go, but work on, are told again."""


class Workers:
    """Looks, decides, acts; what is acted on runs beside the rounds."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._memory = Memory()
        self._followers = {name: Follower() for name in case.record.groups}
        self._jobs: dict[str, JobView] = {}
        self._retired_at: dict[str, float] = {}
        self._told_to_go: dict[str, float] = {}
        self._warned: set[str] = set()
        self._met: set[str] = set()
        self._going: set[str] = set()
        self._met_since = 0.0
        self._noted_until = time.time()

    def sights(self, sight: Sight) -> dict[str, GroupSight]:
        """All groups' jobs as they are."""
        record, head, now = self._case.record, self._case.link.state, time.time()
        return {name: look(record, name, sight, head, now, self._memory) for name in record.groups}

    def reconcile(self) -> bool:
        """Compare and act; True while something is under way, so that the batch system is asked more often."""
        case, sight = self._case, self._case.sight()
        case.replace(settle_submissions(case.record, sight))
        self._adapt()
        sights = self.sights(sight)
        self._learn(sight, sights)
        decision = Decision()
        if case.link.up:
            waits = _waits(sight)
            decision = decide(case.record, sights, sight, case.link.state, time.time(), self._memory, waits)
            self._act(decision, sights)
        moving = any(seen.unseen or any(job.state.waiting for job in seen.jobs) for seen in sights.values())
        return moving or bool(decision.submit or decision.cancel or decision.abandon or self._memory.lost_since)

    # -- looking -----------------------------------------------------------------------------------------

    def _adapt(self) -> None:
        """Set the targets of groups that follow the load."""
        case = self._case
        if not case.link.up or case.link.state is None:
            return
        desired = case.link.state.load.desired
        for name, group in case.record.groups.items():
            if group.adapt is None:
                continue
            target = self._followers[name].target(group.adapt, group.target, desired, time.monotonic())
            desired = max(0, desired - target)
            if target != group.target:
                case.note(f"{name}: {group.target} → {target} workers, following the load.")
                case.change(groups={**case.record.groups, name: group.model_copy(update={"target": target})})

    def _learn(self, sight: Sight, sights: dict[str, GroupSight]) -> None:
        """Remember what later rounds (and later agents) need to know, and write the diary."""
        case = self._case
        jobs = {job.id: job for seen in sights.values() for job in seen.jobs}
        self._be_patient_with_a_new_head()
        self._going = self._still_going(jobs)
        for note in (*notes_on(self._jobs, jobs, case.record, self._going), *self._new_notes_of_head()):
            case.replace(case.record.noted(note))
        self._jobs = jobs
        self._memory.keep(set(sight.jobs) | set(jobs))
        self._remember(sight, jobs)

    def _still_going(self, jobs: dict[str, JobView]) -> set[str]:
        """Jobs whose workers leave or have left in order; one that is back in the queue begins anew."""
        head = self._case.link.state
        leaving = {worker.job for worker in head.workers if worker.leaving} if head else set()
        return {id_ for id_ in self._going | leaving if id_ in jobs and not jobs[id_].state.waiting}

    def _be_patient_with_a_new_head(self) -> None:
        """Jobs whose workers have not come back to a head that has just come up are not given up yet."""
        link, now = self._case.link, time.time()
        if link.up_since != self._met_since:
            self._met_since, self._met = link.up_since, set()
        self._met |= {worker.job for worker in link.state.workers} if link.state else set()
        if link.up and now - link.up_since < HEAD_REJOIN:
            late = {id_: now for id_ in self._memory.lost_since if id_ not in self._met}
            self._memory.lost_since |= late

    def _new_notes_of_head(self) -> list[Note]:
        head = self._case.link.state
        new = [note for note in head.notes if note.at > self._noted_until] if head else []
        if new:
            self._noted_until = new[-1].at
        return new

    def _remember(self, sight: Sight, jobs: dict[str, JobView]) -> None:
        case, head = self._case, self._case.link.state
        alive = {worker.job for worker in head.workers} if head and case.link.up else set()
        known = set(jobs) | set(sight.jobs)
        waiting = {id_ for id_, job in sight.jobs.items() if job.state.waiting}
        update = {
            "registered": tuple(sorted((set(case.record.registered) | alive) & known - (waiting - alive))),
            "abandoned": tuple(id_ for id_ in case.record.abandoned if id_ in jobs and id_ not in waiting),
            "leaving": tuple(id_ for id_ in case.record.leaving if id_ in jobs),
        }
        case.replace(case.record.model_copy(update=update))
        spent = {**case.record.core_seconds, **self._core_seconds(sight)}
        case.record = case.record.model_copy(update={"core_seconds": settled(spent, set(sight.jobs))})

    def _core_seconds(self, sight: Sight) -> dict[str, float]:
        """Core-seconds of each running job so far, times its lane's cost factor."""
        spent, record = {}, self._case.record
        for id_, job in sight.jobs.items():
            tag = parse_job_name(job.name)
            if tag and tag.group in record.groups and job.started_at and job.state.active:
                group = record.groups[tag.group]
                factor = self._case.desk.site.lanes[group.lane].cost_factor
                spent[id_] = max(0.0, time.time() - job.started_at) * group.shape.cores * factor
        return spent

    # -- acting ------------------------------------------------------------------------------------------

    def _act(self, decision: Decision, sights: dict[str, GroupSight]) -> None:
        case = self._case
        self._warn(decision)
        for group, jobs in decision.submit.items():
            if case.backoffs[group].ready:
                case.beside(f"submit {group}", self._submit(group, jobs))
        for group, seen in sights.items():
            if group not in decision.submit and not seen.unseen and group in case.problems:
                case.worked(group)
        if decision.abandon:
            ids = ", ".join(decision.abandon)
            case.note(f"Replacing {ids}: running for the batch system, but its workers are gone.", "warning")
            case.change(abandoned=(*case.record.abandoned, *decision.abandon))
            case.beside("drop", self._drop(tuple(decision.abandon)))
        case.cancel([*decision.cancel, *self._overdue()])
        if decision.retire:
            case.change(leaving=(*case.record.leaving, *decision.retire))
            self._retired_at.update(dict.fromkeys(decision.retire, time.monotonic()))
        if due := [*decision.retire, *self._staying()]:
            self._told_to_go = dict.fromkeys(due, time.monotonic()) | {
                id_: at for id_, at in self._told_to_go.items() if id_ in case.record.leaving and id_ not in due
            }
            case.beside("retire", self._retire(tuple(due)))

    def _warn(self, decision: Decision) -> None:
        """Tell once of each job that will reach its time limit soon."""
        for id_, seconds in decision.ending.items():
            if id_ not in self._warned:
                self._case.note(
                    f"Job {id_} reaches its time limit in {seconds:.0f} s: its place is filled again, and its "
                    "workers hand over their results.",
                    "warning",
                )
        self._warned = set(decision.ending)

    def _staying(self) -> list[str]:
        """Jobs that were told to go a while ago and have workers that do not: they missed it, or came back."""
        head, now = self._case.link.state, time.monotonic()
        working = {worker.job for worker in head.workers if not worker.leaving} if head else set()
        told = {id_: self._told_to_go.get(id_, 0.0) for id_ in self._case.record.leaving}
        return [id_ for id_, at in told.items() if id_ in working and now - at > RETIRE_AGAIN]

    def _overdue(self) -> list[str]:
        """Jobs that were told to go long ago and are still there."""
        now, leaving = time.monotonic(), self._case.record.leaving
        for id_ in leaving:
            self._retired_at.setdefault(id_, now)
        self._retired_at = {id_: at for id_, at in self._retired_at.items() if id_ in leaving}
        return [id_ for id_, at in self._retired_at.items() if now - at > RETIRE_PATIENCE]

    async def _submit(self, group: str, jobs: int) -> None:
        """Ask for *jobs* in one request, written down before it is sent."""
        case = self._case
        submission = Submission(id=new_submission_id(), group=group, count=jobs, sent_at=time.time())
        try:
            request = await self._request(submission)
        except OSError as error:
            case.failed(group, Unavailable(f"The batch script cannot be read: {error}.", "It is tried again."))
            return
        if case.record.state is ClusterState.STOPPING:
            return
        case.replace(case.record.with_submission(submission))
        await case.save()
        if not case.held():
            return
        try:
            job_id = await case.desk.batch.submit(request)
        except Unavailable as error:
            case.replace(case.record.with_submission(submission.doubted(time.time())))
            case.failed(group, error)
        except IhpcError as error:
            case.replace(case.record.without_submission(submission.id))
            case.failed(group, error)
        else:
            case.desk.watcher.heard(time.time() - submission.sent_at)
            accepted = {"state": "accepted", "job_id": job_id, "sent_at": time.time()}
            case.replace(case.record.with_submission(submission.model_copy(update=accepted)))
            case.worked(group)
        case.desk.watcher.poke()

    async def _request(self, submission: Submission) -> base.Submission:
        case, group = self._case, self._case.record.groups[submission.group]
        spool = case.link.spool
        return base.Submission(
            name=JobTag(case.record.uid, submission.group, submission.id).job_name,
            script=await asyncio.to_thread(spool.script(submission.group).read_text),
            lane=group.lane,
            count=submission.count,
            log=str(spool.log("{job}")),
            cores=group.shape.cores,
            time_limit=group.time_limit,
        )

    async def _drop(self, jobs: tuple[str, ...]) -> None:
        await self._case.link.drop(jobs)

    async def _retire(self, jobs: tuple[str, ...]) -> None:
        if not await self._case.link.retire(jobs):
            self._case.change(leaving=tuple(id_ for id_ in self._case.record.leaving if id_ not in jobs))


def _waits(sight: Sight) -> dict[str, float]:
    """Median queue wait of each group's jobs that run now, in seconds."""
    waits: dict[str, list[float]] = {}
    for job in sight.jobs.values():
        tag = parse_job_name(job.name)
        if tag and job.state.active and job.started_at and job.submitted_at:
            waits.setdefault(tag.group, []).append(max(0.0, job.started_at - job.submitted_at))
    return {group: statistics.median(values) for group, values in waits.items()}
