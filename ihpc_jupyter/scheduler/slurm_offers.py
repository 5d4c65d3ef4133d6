"""From what Slurm tells of itself to lanes and shapes that a person can pick. Pure."""

import re
from collections.abc import Mapping, Sequence

from ihpc_jupyter.model.base import MAX_WORKERS
from ihpc_jupyter.model.site import Lane, Shape
from ihpc_jupyter.scheduler.base import Offers
from ihpc_jupyter.scheduler.slurm_text import NodeKind, Partition, Qos

_USUAL = 3600.0
"""Seconds that a job asks for where the partition names no default."""

_MEMORY_SHARE = 0.95
"""Of a node's memory what a job asks for at most: the rest is the node's own."""


def propose(
    partitions: Sequence[Partition],
    preempt_type: str,
    nodes: Sequence[NodeKind],
    qos: Sequence[Qos],
    associations: Mapping[str, tuple[str, ...]],
) -> Offers:
    """Offers from partitions that are up (the default one first), the user's QoS, and kinds of nodes."""
    usable = sorted((one for one in partitions if one.up), key=lambda one: not one.default)
    lanes: dict[str, Lane] = {}
    tiers = [one.tier for one in usable]
    for partition in usable:
        by_tier = "partition_prio" in preempt_type and partition.tier < max(tiers)
        preemptible = by_tier and partition.preempt_mode not in {"OFF", ""}
        _add(lanes, partition.name, _partition_lane(partition, preemptible=preemptible))
    if usable:
        for one in _allowed(qos, associations):
            _add(lanes, one.name, _qos_lane(one, usable[0], qos if "qos" in preempt_type else ()))
    mine = [kind for kind in nodes if usable and kind.partition == usable[0].name] or list(nodes)
    return Offers(lanes=lanes, shapes=_shapes(mine), accounts=tuple(associations))


def lane_name(text: str) -> str:
    """A name of ours from Slurm's: lower case, other characters become hyphens, at most 32."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:32].strip("-") or "lane"


def _add(lanes: dict[str, Lane], wanted: str, lane: Lane) -> None:
    name = lane_name(wanted)
    number = 2
    while name in lanes:
        suffix = f"-{number}"
        name, number = lane_name(wanted)[: 32 - len(suffix)] + suffix, number + 1
    if len(lanes) < 50:
        lanes[name] = lane


def _partition_lane(partition: Partition, *, preemptible: bool) -> Lane:
    return Lane(
        title=f"Partition {partition.name}",
        partition=partition.name,
        time_limit=_default_time(partition.default_time, partition.max_time),
        max_time=_year(partition.max_time),
        max_workers=min(64, max(1, partition.cores), MAX_WORKERS),
        preemptible=preemptible,
        grace=partition.grace if preemptible else 0.0,
    )


def _allowed(qos: Sequence[Qos], associations: Mapping[str, tuple[str, ...]]) -> list[Qos]:
    """The QoS that this user may ask for, without Slurm's own default."""
    mine = {name for names in associations.values() for name in names}
    return [one for one in qos if one.name in mine and one.name != "normal"]


def _qos_lane(one: Qos, partition: Partition, preempting: Sequence[Qos]) -> Lane:
    preemptible = any(one.name in other.preempts for other in preempting)
    limits = [limit for limit in (one.max_time, partition.max_time) if limit is not None]
    longest = min(limits) if limits else None
    return Lane(
        title=f"QoS {one.name}",
        partition=partition.name,
        qos=one.name,
        time_limit=_default_time(partition.default_time, longest),
        max_time=_year(longest),
        max_workers=min(64, max(1, partition.cores)),
        preemptible=preemptible,
        grace=one.grace if preemptible else 0.0,
    )


def _default_time(default: float | None, longest: float | None) -> float:
    return max(60.0, min(default or _USUAL, _year(longest) or _USUAL))


def _year(seconds: float | None) -> float | None:
    return None if not seconds else min(seconds, 366 * 86400.0)


def _shapes(nodes: Sequence[NodeKind]) -> dict[str, Shape]:
    """One core, a quarter of a node, a whole node; sizes that any node of the partition has."""
    sized = [kind for kind in nodes if kind.cores > 0 and kind.memory >= 1 << 28]
    if not sized:
        return {"small": Shape()}
    cores = min(4096, *(kind.cores for kind in sized), 4096)
    memory = int(min(kind.memory for kind in sized) * _MEMORY_SHARE)
    shapes = {}
    for name, share in (("small", 1), ("medium", max(1, cores // 4)), ("node", cores)):
        shapes[name] = Shape(cores=share, memory=max(1 << 20, (memory * share // cores) >> 20 << 20))
    gpus = min((kind.gpus for kind in sized if kind.gpus), default=0)
    if gpus:
        shapes["gpu"] = shapes["medium"].model_copy(update={"gpus": 1})
    return shapes
