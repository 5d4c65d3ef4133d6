"""Slurm's text about room: free cores, reservations, what runs in which lane. Pure, as `slurm_text` is."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.nodes import NodeGroup
from ihpc_jupyter.model.site import Lane
from ihpc_jupyter.scheduler.base import Capacity
from ihpc_jupyter.scheduler.slurm_amounts import number
from ihpc_jupyter.scheduler.slurm_text import given, parse_pairs, parse_time


@dataclass(frozen=True)
class Reservation:
    """A reservation as ``scontrol show reservation`` tells it; *partition* None for any."""

    name: str
    active: bool
    users: tuple[str, ...]
    partition: str | None
    starts_at: float | None = None
    ends_at: float | None = None
    nodes: str = ""
    maintenance: bool = False


def parse_reservations(text: str) -> list[Reservation]:
    """Reservations, one a line; none of ``No reservations in the system``."""
    rows = [parse_pairs(line) for line in text.splitlines()]
    return [
        Reservation(
            row["ReservationName"],
            row.get("State") == "ACTIVE",
            tuple(user for user in given(row.get("Users", "")).split(",") if user),
            given(row.get("PartitionName", "")) or None,
            parse_time(row.get("StartTime", "")),
            parse_time(row.get("EndTime", "")),
            given(row.get("Nodes", "")),
            "MAINT" in row.get("Flags", "").split(","),
        )
        for row in rows
        if "ReservationName" in row
    ]


class Room(NamedTuple):
    """Of a partition: free cores, all cores, all nodes; those out of order count among all."""

    free: int
    total: int
    nodes: int = 0
    """0: not told."""


NODES_FORMAT = "%T|%D|%C|%N|%E"
_OUT = re.compile(r"down|drain|fail|maint|unknown")


def parse_nodes(text: str) -> tuple[NodeGroup, ...]:
    """Nodes by state and reason, in `NODES_FORMAT`; without a partition in it ``sinfo`` counts each node once."""
    rows = [fields for line in text.splitlines() if len(fields := line.split("|", 4)) == 5]
    return tuple(_group(*fields) for fields in rows)


def _group(told: str, count: str, cores: str, names: str, why: str) -> NodeGroup:
    state, parts = told.rstrip("*~#!%$@^-+"), [number(part) for part in cores.split("/")]
    out, reason = _OUT.match(state) is not None, why.strip()
    return NodeGroup(
        state=state,
        count=number(count),
        names=names,
        out=out,
        reason=reason if out and reason != "none" else "",
        free_cores=parts[1] if len(parts) == 4 else 0,
        cores=parts[3] if len(parts) == 4 else 0,
    )


CORES_FORMAT = "%R|%C|%D"
LANE_FORMAT = "%P|%q"


def parse_cores(text: str) -> dict[str, Room]:
    """What each partition has, from ``PARTITION|allocated/idle/other/total|NODES`` a line."""
    cores: dict[str, Room] = {}
    for line in text.splitlines():
        partition, _, told = line.strip().partition("|")
        counts, _, nodes = told.partition("|")
        numbers = [number(count) for count in counts.split("/")]
        if partition and len(numbers) == 4:
            before = cores.get(partition, Room(0, 0))
            cores[partition] = Room(
                before.free + numbers[1], before.total + numbers[3], before.nodes + number(nodes)
            )
    return cores


def parse_lane(line: str) -> tuple[str, str]:
    """Partition and QoS of a line of `LANE_FORMAT`."""
    partition, _, qos = line.strip().partition("|")
    return partition, given(qos)


def capacity_of(
    lanes: Mapping[str, Lane],
    cores: Mapping[str, Room],
    reservations: Iterable[Reservation],
    me: str,
) -> Capacity:
    """What is free for *me*, by lane; *cores* as `parse_cores` tells."""
    first = next(iter(cores.values()), Room(0, 0))
    told = {name: cores.get(lane.partition or "", first) for name, lane in lanes.items()}
    active = [one for one in reservations if one.active and me in one.users]
    return Capacity(
        free={name: one.free for name, one in told.items()},
        total={name: one.total for name, one in told.items()},
        most={name: told[name].total for name, lane in lanes.items() if lane.partition in cores},
        nodes={n: told[n].nodes for n, lane in lanes.items() if lane.partition in cores and told[n].nodes},
        reservations={
            name: one.name
            for name, lane in lanes.items()
            for one in active
            if one.partition in {None, lane.partition}
        },
    )


def preemptible_of(lanes: Mapping[str, Lane], running: Mapping[str, int]) -> dict[str, int]:
    """How many jobs run in each preemptible lane; *running*: how many do, by a line of `LANE_FORMAT`."""
    told = [(*parse_lane(line), count) for line, count in running.items()]
    return {
        name: sum(
            count
            for partition, qos, count in told
            if lane.partition in {None, partition} and lane.qos in {None, qos}
        )
        for name, lane in lanes.items()
        if lane.preemptible
    }


_CYCLES = {"Main schedule statistics": "main", "Backfilling stats": "backfill"}


def parse_cycles(text: str) -> dict[str, float]:
    """Seconds of the last pass of each kind, of ``sdiag``; a kind that has not passed yet is left out."""
    cycles: dict[str, float] = {}
    kind = None
    for line in text.splitlines():
        if line[:1].strip():  # a heading: what belongs to it is indented
            kind = next((name for words, name in _CYCLES.items() if line.startswith(words)), None)
        match = re.match(r"\s+Last cycle:\s+(\d+)\s*$", line)
        if kind and match and int(match[1]):
            cycles[kind] = int(match[1]) / 1e6
    return cycles


def had_to_go(job: Job, since: float, until: float) -> bool:
    """Whether a job was sent away between these moments.

    Slurm dates a requeued job's submission anew, when its processes have gone; also one's that was cancelled
    meanwhile. So who had ended before these moments had not to go in them, whatever its time of submission.
    """
    if job.state is JobState.PREEMPTED:
        return since <= (job.ends_at or 0.0) <= until
    ended_before = job.state.ended and (job.ends_at or 0.0) < since
    return job.restarts > 0 and not ended_before and since <= (job.submitted_at or 0.0) <= until
