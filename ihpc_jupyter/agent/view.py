"""From what is known to what is shown: a cluster's view, and the diary lines that its changes deserve."""

import time
from collections.abc import Collection, Mapping

from ihpc_jupyter.agent.link import HeadLink
from ihpc_jupyter.cluster.decide import count
from ihpc_jupyter.cluster.record import ClusterRecord, GroupRecord
from ihpc_jupyter.cluster.sight import GroupSight
from ihpc_jupyter.model.base import MAX_WORKERS
from ihpc_jupyter.model.cluster import (
    ClusterState,
    ClusterView,
    GroupView,
    HeadView,
    JobView,
    Load,
    Note,
    Problem,
    WorkerState,
)
from ihpc_jupyter.model.site import Lane, Site
from ihpc_jupyter.scheduler.reasons import explain_reason
from ihpc_jupyter.scheduler.watcher import JobsSnapshot


def largest_target(lane: Lane, group: GroupRecord) -> int:
    """The most workers that the lane allows a group of this shape."""
    jobs = MAX_WORKERS
    if lane.max_cores is not None:
        jobs = min(jobs, lane.max_cores // group.shape.cores)
    if lane.max_gpus is not None and group.shape.gpus:
        jobs = min(jobs, lane.max_gpus // group.shape.gpus)
    return min(lane.max_workers, jobs * group.shape.processes)


def group_view(
    record: ClusterRecord, name: str, site: Site, seen: GroupSight, problem: Problem | None
) -> GroupView:
    """A group as it is now, each waiting job with its reason in plain words."""
    group = record.groups[name]
    return GroupView(
        name=name,
        lane=group.lane,
        shape=group.shape,
        target=group.target,
        adapt=group.adapt,
        maximum=largest_target(site.lanes[group.lane], group),
        time_limit=group.time_limit,
        counts=count(group, seen, record.abandoned),
        jobs=tuple(_explained(job) for job in seen.jobs),
        problem=problem,
    )


def _explained(job: JobView) -> JobView:
    if not job.state.waiting:
        return job
    # A job too young for the batch system to have an opinion says so: an empty reason explains nothing.
    return job.model_copy(update={"reason_text": explain_reason(job.reason or "WaitingForScheduling")})


def head_view(record: ClusterRecord, link: HeadLink, job_id: str | None) -> HeadView:
    """The head as it is now: up while it speaks, unknown while it is silent but not proved dead."""
    file = link.file
    if link.up:
        state = "up"
    elif record.state in (ClusterState.STOPPED, ClusterState.FAILED):
        state = "down"
    else:
        state = "unknown" if file is not None and link.heard_at else "starting"
    return HeadView.model_validate({
        "state": state,
        "address": file.address if file else None,
        "placement": record.placement,
        "job_id": job_id or (file.job_id if file else None),
        "started_at": file.started_at if file else None,
    })  # fmt: skip


def cluster_view(
    record: ClusterRecord,
    groups: Mapping[str, GroupView],
    head: HeadView,
    load: Load,
    problem: Problem | None,
    holder: str | None,
    told: JobsSnapshot,
    charged: str | None,
) -> ClusterView:
    """The whole card. *charged*: the account that the batch system charges where none was chosen."""
    return ClusterView(
        name=record.name,
        uid=record.uid,
        site=record.site,
        state=record.state,
        account=record.account or charged,
        python=record.environment.python,
        created_at=record.created_at,
        head=head,
        groups=dict(groups),
        load=load,
        notes=record.notes,
        problem=problem,
        holder=holder,
        asked_at=told.answered_at,
        silent=told.silent,
        core_hours=round(sum(record.core_seconds.values()) / 3600, 4),
    )


def notes_on(
    before: Mapping[str, JobView], after: Mapping[str, JobView], record: ClusterRecord, going: Collection[str]
) -> list[Note]:
    """What the difference between two looks at a cluster's jobs tells a person.

    *going*: jobs whose workers are leaving, or have left, by themselves and in order.
    """
    notes = []
    for id_, job in after.items():
        old = before.get(id_)
        if old is not None and job.restarts > old.restarts:
            notes.append(
                _note(f"Job {id_} was sent back to the queue; it keeps its place in the target.", "warning")
            )
        elif id_ in going:
            continue
        elif old is not None and old.worker_state is WorkerState.WORKING and job.worker_state is WorkerState.LOST:
            notes.append(_note(f"The workers of job {id_} are silent or gone.", "warning"))
        elif old is not None and (lost := _lost(old, job)) > 0:
            notes.append(_note(f"Job {id_} lost {lost} of its workers.", "warning"))
    for id_, old in before.items():
        if id_ not in after and id_ not in record.leaving and old.worker_state is not WorkerState.PENDING:
            notes.append(_note(f"Job {id_} ended."))
    return notes


def _lost(old: JobView, job: JobView) -> int:
    """Workers that went since the last look: those missing, and those already replaced."""
    if not job.worker_state is old.worker_state is WorkerState.WORKING:
        return 0
    return (old.workers - job.workers) + (job.replaced - old.replaced)


def _note(text: str, level: str = "info") -> Note:
    return Note.model_validate({"at": time.time(), "level": level, "text": text})
