"""From the last numbers to a word for each subsystem. A number that is old or missing proves nothing."""

from dataclasses import dataclass
from typing import Literal

from ihpc_jupyter.model.cluster import ClusterState, ClusterView
from ihpc_jupyter.model.metrics import NodesView, Subsystem
from ihpc_jupyter.model.nodes import NodeGroup, Nodes
from ihpc_jupyter.model.site import Health

SLOW_FILES = 0.5
"""Seconds that a tiny operation on a file system may take."""
SILENT_FILES = 30.0
"""Seconds without an end of such an operation after which the file system counts as down."""
SLOW_LOOP = 0.1
"""Seconds by which the agent's event loop may be late."""
SLOW_NETWORK = 0.5
"""Seconds from the agent to a head and back."""
NODES_OUT = 0.05
"""The share of a site's nodes that may be out of order."""
MOST_NODE_LINES = 50
"""Lines about nodes; further ones are left out, those in order first."""
STALE = 600.0
"""Seconds after which a number no longer says how something is."""

Timed = Literal["scheduler", "file-system", "agent", "network"]


@dataclass(frozen=True)
class Reading:
    """The last number of something: *seconds*, taken at *at*; *error*: why it could not be taken.

    *silent*: nobody answered, which proves nothing; else an error proves that it is down.
    """

    seconds: float
    at: float
    error: str = ""
    silent: bool = False


def judge(kind: Timed, name: str, last: Reading | None, threshold: float, now: float) -> Subsystem:
    """Up, or degraded above the threshold; down where it failed; unknown where the number is old or missing."""
    if last is None:
        return Subsystem(kind=kind, name=name, health=Health.UNKNOWN, unit="seconds", threshold=threshold)
    age = max(0.0, now - last.at)
    if age > STALE:
        health, detail = Health.UNKNOWN, "not measured lately"
    elif last.error:
        health, detail = (Health.UNKNOWN if last.silent else Health.DOWN), last.error
    else:
        health, detail = (Health.DEGRADED if last.seconds > threshold else Health.UP), ""
    return Subsystem(
        kind=kind, name=name, health=health, number=last.seconds, unit="seconds", threshold=threshold,
        age=age, detail=detail[:200],
    )  # fmt: skip


def judge_workers(view: ClusterView, now: float) -> Subsystem | None:
    """Lost workers of a cluster; None for one that has none and wants none."""
    if view.state in (ClusterState.STOPPED, ClusterState.STOPPING):
        return None
    counts = [group.counts for group in view.groups.values()]
    lost, working = sum(one.lost for one in counts), sum(one.working for one in counts)
    if not lost and not working:
        return None
    if view.head.state != "up":
        health, detail = Health.UNKNOWN, "the cluster's head is not heard"
    elif lost:
        health = Health.DEGRADED if working else Health.DOWN
        detail = f"{lost} of {lost + working} workers silent or gone, not yet replaced"
    else:
        health, detail = Health.UP, f"{working} working"
    age = max(0.0, now - view.asked_at) if view.asked_at is not None else None
    return Subsystem(
        kind="workers", name=view.name, health=health, number=float(lost), unit="workers", threshold=0.0,
        age=age, detail=detail,
    )  # fmt: skip


def judge_nodes(site: str, told: Nodes, now: float) -> Subsystem | None:
    """Nodes out of order, beside a share of all; down where all are. None for a site that tells of none."""
    total = sum(group.count for group in told.groups)
    if not total:
        return None
    out, age = sum(group.count for group in told.groups if group.out), max(0.0, now - told.at)
    health = Health.DEGRADED if out > NODES_OUT * total else Health.UP
    shown = sorted(told.groups, key=lambda group: not group.out)[:MOST_NODE_LINES]
    return Subsystem(
        kind="nodes", name=site, unit="nodes", number=float(out), threshold=NODES_OUT * total, age=age,
        health=Health.UNKNOWN if age > STALE else Health.DOWN if out == total else health,
        detail=f"{out} of {total} nodes out of order" if age <= STALE else "not asked lately",
        nodes=tuple(map(_nodes, shown)),
    )  # fmt: skip


def _nodes(group: NodeGroup) -> NodesView:
    return NodesView(
        state=_line(group.state), count=group.count, names=_line(group.names), out=group.out,
        reason=_line(group.reason),
    )  # fmt: skip


def _line(text: str) -> str:
    """One printable line; what somebody wrote into a batch system may be anything."""
    whole = "".join(letter if letter.isprintable() else " " for letter in text)
    return whole if len(whole) <= 200 else whole[:199] + "…"
