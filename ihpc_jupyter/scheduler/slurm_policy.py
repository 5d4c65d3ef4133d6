"""The commands by which Slurm itself enforces what a site's lanes promise: nobody walks around them. Pure.

A user's own process can enforce nothing: whoever leaves it out and calls ``sbatch`` must meet the same rules.
"""

from collections.abc import Iterator

from ihpc_jupyter.model.site import Lane, Site

_HEADER = """\
# Slurm's own rules for the lanes of site {name}: read them, then run them as Slurm's administrator.
# They are made from the site file; run `ihpc doctor {name}` afterwards to see what is still not enforced.
# slurm.conf: AccountingStorageEnforce=associations,limits,qos (else the limits of a QoS bind nobody)
# slurm.conf: EnforcePartLimits=ALL (else jobs beyond a partition's limits wait for ever instead of being refused)
"""


def policy(site: Site) -> str:
    """Commands for each lane's QoS and partition, and the lines of slurm.conf that make preemption work."""
    return "\n".join([_HEADER.format(name=site.name), *_preemption(site), *_lanes(site)]) + "\n"


def _lanes(site: Site) -> Iterator[str]:
    ranked = _ranked(site)
    for place, (name, lane) in enumerate(ranked):
        yield f"\n# lane {name}: {lane.title or 'without a title'}"
        if lane.qos:
            victims = [other.qos for _, other in ranked[:place] if other.preemptible and other.qos]
            yield f"sacctmgr -i add qos {lane.qos}"
            yield f"sacctmgr -i modify qos {lane.qos} set {' '.join(_qos_limits(lane, victims, place))}"
            yield f"# who may: sacctmgr -i modify user NAME set qos+={lane.qos}"
        if lane.partition:
            yield f"scontrol update PartitionName={lane.partition} {' '.join(_partition_limits(lane, place))}"
        if not lane.qos and not lane.partition:
            yield "# has neither QoS nor partition: Slurm cannot tell its jobs from others, nothing enforces it"


def _qos_limits(lane: Lane, victims: list[str], place: int) -> Iterator[str]:
    yield f"Priority={place * 100} Flags=DenyOnLimit"  # refused at once, rather than left to wait for ever
    if lane.max_time is not None:
        yield f"MaxWall={_minutes(lane.max_time)}"
    resources = [
        f"{name}={amount}"
        for name, amount in (("cpu", lane.max_cores), ("gres/gpu", lane.max_gpus))
        if amount is not None
    ]
    if resources:
        yield f"MaxTRESPerUser={','.join(resources)}"
    yield f"MaxSubmitJobsPerUser={lane.max_workers}"
    yield f"UsageFactor={lane.cost_factor:g}"
    if victims:
        yield f"Preempt={','.join(victims)}"
    if lane.preemptible:
        yield f"PreemptMode=requeue GraceTime={lane.grace:.0f}"


def _partition_limits(lane: Lane, place: int) -> Iterator[str]:
    yield f"PriorityTier={place * 10 + 1}"
    if lane.max_time is not None:
        yield f"MaxTime={_minutes(lane.max_time)}"
    if lane.qos:
        yield f"QOS={lane.qos}"
    yield f"AllowGroups={','.join(lane.groups) or 'ALL'}"
    yield "PreemptMode=REQUEUE" if lane.preemptible else "PreemptMode=OFF"


def _preemption(site: Site) -> Iterator[str]:
    if not any(lane.preemptible for lane in site.lanes.values()):
        return
    by_qos = all(lane.qos for lane in site.lanes.values())
    yield f"# slurm.conf: PreemptType=preempt/{'qos' if by_qos else 'partition_prio'} PreemptMode=REQUEUE"
    yield "# slurm.conf: a short KillWait: who ignores SIGTERM holds the node for that long"


def _ranked(site: Site) -> list[tuple[str, Lane]]:
    """Preemptible lanes first, `urgent` last, the others as they stand: from who gives way to who comes first."""
    return sorted(site.lanes.items(), key=lambda item: (not item[1].preemptible, item[0] == "urgent"))


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"
