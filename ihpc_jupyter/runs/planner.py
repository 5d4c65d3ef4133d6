"""The ways to start a run, as they look now, and which one to take. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ihpc_jupyter.model.run import Estimate, Plan, RunOrder, Way, WayKind
from ihpc_jupyter.model.site import Shape, Site


@dataclass(frozen=True)
class Evidence:
    """What is known when a plan is made. Cores; None where nobody could tell in time.

    *most*, *nodes*: cores and nodes that the lane has in all. *age*: seconds since it was told what is free.
    *victims*: jobs that run in preemptible lanes, by lane.
    *starts*: seconds that earlier runs of this user took from submission to the first line, by way, in the lane
    of this plan. *reservation*: an active one that this user may use. *idle*, *workers*: of the own cluster.
    """

    free: int | None = None
    most: int | None = None
    nodes: int | None = None
    age: float = 0.0
    victims: Mapping[str, int] | None = None
    starts: Mapping[WayKind, Sequence[float]] = field(default_factory=dict)
    reservation: str | None = None
    cluster: str | None = None
    idle: int = 0
    workers: int = 0


@dataclass(frozen=True)
class Wanted:
    """What a run asks for, resolved."""

    order: RunOrder
    site: Site
    lane: str
    shape: Shape
    time_limit: float

    @property
    def cores(self) -> int:
        """Cores of all copies or ranks."""
        return self.shape.cores * max(self.order.copies, self.order.tasks)

    @property
    def all_cores(self) -> int:
        """The same with the workers beside them, who come as far as there is room."""
        return self.cores + self.shape.cores * self.order.workers

    @property
    def price(self) -> float:
        """Core-hours, at most, times the lane's cost factor."""
        return self.all_cores * self.time_limit / 3600 * self.site.lanes[self.lane].cost_factor


def default_lane(site: Site) -> str:
    """`urgent` where the site has it, else the site's usual one."""
    return "urgent" if "urgent" in site.lanes else site.default_lane


def victims_of(site: Site, lane: str) -> tuple[str, ...]:
    """Lanes whose jobs may have to go for one of *lane*: the preemptible ones, unless it is itself such a lane."""
    if site.lanes[lane].preemptible:
        return ()
    return tuple(name for name, other in site.lanes.items() if other.preemptible and name != lane)


def make_plan(wanted: Wanted, evidence: Evidence, now: float) -> Plan:
    """All ways in their order, with the first possible one that starts soon chosen."""
    ways = (
        *_worker_ways(wanted, evidence),
        *_own_jobs(wanted, evidence),
    )
    told = tuple(_with_chances(way, wanted, evidence) for way in ways)
    chosen, why = _choose(told, wanted, evidence)
    rest = [way for way in told if way.kind is not WayKind.IDLE_WORKERS]
    otherwise = _choose(rest, wanted, evidence)[0] if chosen is WayKind.IDLE_WORKERS else None
    return Plan(at=now, ways=told, chosen=chosen, why=why, otherwise=otherwise)


def _worker_ways(wanted: Wanted, evidence: Evidence) -> list[Way]:
    if evidence.cluster is None:
        return []
    name = evidence.cluster
    fits = wanted.order.tasks == 1 and wanted.order.copies == 1
    enough = evidence.idle >= wanted.order.copies
    if not fits:
        why = "Ranks and copies need an allocation of their own."
    elif enough:
        why = f"{evidence.idle} of {evidence.workers} workers of {name} are idle."
    else:
        why = f"No worker of {name} is idle." if evidence.workers else f"Cluster {name} has no workers."
    idle = Way(kind=WayKind.IDLE_WORKERS, possible=fits and enough, name=name, why=why)
    gives = "running tasks are broken off and run again" if wanted.order.let_go else "it is next when a task ends"
    own = Way(
        kind=WayKind.OWN_WORKERS,
        name=name,
        possible=fits and evidence.workers > 0,
        why=f"Waiting tasks of {name} give way; {gives}." if fits and evidence.workers else why,
        disturbs=f"your own tasks on {name}" if wanted.order.let_go else "",
    )
    return [idle, own]


def _own_jobs(wanted: Wanted, evidence: Evidence) -> list[Way]:
    """The ways that need a job of their own; one that says why there is none where the lane can never hold it."""
    copies, never = wanted.order.copies, ""
    if evidence.nodes is not None and evidence.nodes < copies:
        never = f"Lane {wanted.lane} has {evidence.nodes} nodes in all; {copies} copies need one each."
    elif evidence.most is not None and evidence.most < wanted.cores:
        never = f"Lane {wanted.lane} has {evidence.most} cores in all, {wanted.cores} are asked for."
    if never:
        return [Way(kind=WayKind.ALLOCATION, possible=False, lane=wanted.lane, why=never)]
    reservation = wanted.site.lanes[wanted.lane].reservation or evidence.reservation
    return [*_reservation(wanted, reservation), *_fresh(wanted, evidence)]


def _reservation(wanted: Wanted, name: str | None) -> list[Way]:
    if name is None:
        return []
    return [Way(kind=WayKind.RESERVATION, possible=True, name=name, lane=wanted.lane, price=wanted.price,
                why=f"The reservation {name} is active, and yours to use.")]  # fmt: skip


def _fresh(wanted: Wanted, evidence: Evidence) -> list[Way]:
    room = evidence.free is None or evidence.free >= wanted.cores
    if evidence.free is None:
        why = "Not known yet what is free."
    else:
        since = f"were free {evidence.age:.0f} s ago" if evidence.age >= 1 else "are free"
        why = f"{evidence.free} cores {since}, {wanted.cores} are asked for."
    told, lanes = evidence.victims or {}, victims_of(wanted.site, wanted.lane)
    running = ", ".join(f"{told[name]} in {name}" for name in lanes if told.get(name))
    crowded = evidence.free is not None and evidence.free < wanted.all_cores
    disturbs = f"preemptible jobs ({running}): its workers may send some away" if crowded and running else ""
    allocation = Way(
        kind=WayKind.ALLOCATION,
        possible=True,
        lane=wanted.lane,
        price=wanted.price,
        disturbs=disturbs if room else "",
        why=why,
    )
    if room or not lanes:
        return [allocation]
    preemption = Way(
        kind=WayKind.PREEMPTION,
        possible=bool(running) and wanted.order.preempt,
        lane=wanted.lane,
        price=wanted.price,
        disturbs=f"preemptible jobs ({running}): some have to go, and wait again" if running else "",
        why="They give way to this lane." if running else "Nothing that could give way runs.",
    )
    return [allocation, preemption]


def _choose(ways: Sequence[Way], wanted: Wanted, evidence: Evidence) -> tuple[WayKind | None, str]:
    """The first possible way, but a wait for room only where nobody can give way."""
    possible = {way.kind: way for way in ways if way.possible}
    room = evidence.free is None or evidence.free >= wanted.cores
    if not room and WayKind.PREEMPTION in possible:
        possible.pop(WayKind.ALLOCATION, None)
    if not wanted.order.let_go and (room or possible.keys() - {WayKind.OWN_WORKERS, WayKind.ALLOCATION}):
        possible.pop(WayKind.OWN_WORKERS, None)  # nobody knows when one of its tasks ends
    kind = next(iter(possible), None)
    reasons = {
        WayKind.IDLE_WORKERS: "Idle workers of your own start at once and cost nothing more.",
        WayKind.OWN_WORKERS: "Your own workers make room; nobody else is disturbed."
        if wanted.order.let_go
        else "There is no room and nobody else gives way: it is next on your own workers.",
        WayKind.RESERVATION: "The reservation is there for this.",
        WayKind.ALLOCATION: _for_an_allocation(wanted, evidence),
        WayKind.PREEMPTION: "There is no room; the lane's right of way makes some.",
    }
    return kind, reasons.get(kind, "") if kind else "No way is possible."


def _for_an_allocation(wanted: Wanted, evidence: Evidence) -> str:
    if evidence.free is None:
        return "Nobody has said yet whether there is room: a fresh allocation is asked for all the same."
    if evidence.free < wanted.cores:
        return "There is no room and nobody gives way: it starts when something ends."
    return "There is room: a fresh allocation starts inside the request."


def _with_chances(way: Way, wanted: Wanted, evidence: Evidence) -> Way:
    waits = sorted(evidence.starts.get(way.kind, ()))
    # Starts where there was room tell nothing of a wait for some, nor of a batch system that says nothing.
    room = evidence.free is not None and evidence.free >= wanted.cores
    if not waits or (way.kind is WayKind.ALLOCATION and not room):
        return way
    estimate = Estimate(p50=_rank(waits, 0.5), p95=_rank(waits, 0.95), count=len(waits))
    return way.model_copy(update={"start": estimate, "chance": _chance(waits, wanted.order.deadline)})


def _chance(waits: Sequence[float], deadline: float | None) -> float | None:
    """Laplace's rule of succession over earlier starts: (in time + 1) / (all + 2)."""
    if deadline is None:
        return None
    return (sum(wait < deadline for wait in waits) + 1) / (len(waits) + 2)


def _rank(ordered: Sequence[float], share: float) -> float:
    """Nearest rank."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
