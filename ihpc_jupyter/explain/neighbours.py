"""Which other ways to ask are worth a question: fewer workers, less time, other lanes. Pure."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.offer import OffersRequest
from ihpc_jupyter.model.site import Lane, Shape, Site
from ihpc_jupyter.model.why import Category

MOST = 6
"""Ways that the batch system is asked about, the one that was asked for included."""
LEAST_MEMORY = 1 << 20
"""Bytes that a worker is asked for at least."""
LEAST_TIME = 60.0
"""Seconds below which less time is no offer: batch systems count in minutes."""


@dataclass(frozen=True)
class Option:
    """One way to ask."""

    what: str
    lane: str
    shape: Shape
    workers: int
    time_limit: float

    def price(self, site: Site) -> float:
        """Core-hours, at most, times the lane's cost factor."""
        hours = self.time_limit / 3600
        return self.shape.cores * self.workers * hours * site.lanes[self.lane].cost_factor


def shape_matters(job: Job, category: Category) -> bool:
    """Whether another shape or lane might start a waiting job sooner: not one that waits by its owner's wish."""
    if not job.state.waiting or job.reason == "JobArrayTaskLimit":
        return False
    if category is Category.BEGIN_TIME:
        return job.restarts > 0  # put back into the queue: that moment is the batch system's
    return category not in {Category.HELD, Category.DEPENDENCY}


def request_of(job: Job) -> OffersRequest:
    """The question about a job: workers of its size, one a node, each with its share, rounded up."""
    nodes = max(1, job.nodes)
    least = Shape()
    shape = Shape(
        cores=max(1, math.ceil(job.cores / nodes)),
        memory=max(LEAST_MEMORY, math.ceil(job.memory / nodes)) if job.memory else least.memory,
        gpus=math.ceil(job.gpus / nodes),
    )
    return OffersRequest(
        lane=job.lane or None, shape=shape, workers=nodes, time_limit=job.time_limit or None,
        account=job.account or None,
    )  # fmt: skip


def neighbours(asked: Option, site: Site) -> list[Option]:
    """The way that was asked for, then others that its lanes allow; at most `MOST`."""
    found: list[Option] = []
    for option in (asked, *_smaller(asked), *_elsewhere(asked, site)):
        same = [(one.lane, one.workers, one.time_limit) for one in found]
        if option is asked or (option.lane, option.workers, option.time_limit) not in same:
            found.append(option)
    return found[:MOST]


def at_site(asked: Option, site: Site, lanes: Collection[str]) -> Option | None:
    """The same at another site, in one of *lanes*: of the same name, the usual one, or the first that allows it.

    None where none of them does. Lanes whose jobs may be preempted come last.
    """
    usual = sorted(lanes, key=lambda name: site.lanes[name].preemptible)
    for name in (asked.lane, site.default_lane, *usual):
        if name in lanes and _allows(site.lanes[name], asked):
            how = ", which may be preempted" if site.lanes[name].preemptible else ""
            return replace(asked, what=f"site {site.name}, lane {name}{how}", lane=name)
    return None


def _smaller(asked: Option) -> Iterator[Option]:
    if asked.time_limit >= 2 * LEAST_TIME:
        yield replace(asked, what="half the time", time_limit=asked.time_limit / 2)
    if asked.workers > 1:
        yield replace(asked, what="half the workers", workers=asked.workers // 2)
    if asked.workers > 1 and asked.time_limit >= 2 * LEAST_TIME:
        half = replace(asked, workers=asked.workers // 2, time_limit=asked.time_limit / 2)
        yield replace(half, what="half the workers for half the time")


def _elsewhere(asked: Option, site: Site) -> Iterator[Option]:
    for name, lane in site.lanes.items():
        if name != asked.lane and _allows(lane, asked):
            how = ", which may be preempted" if lane.preemptible else ""
            yield replace(asked, what=f"lane {name}{how}", lane=name)


def _allows(lane: Lane, asked: Option) -> bool:
    cores, gpus = asked.shape.cores * asked.workers, asked.shape.gpus * asked.workers
    pairs = (
        (lane.max_time, asked.time_limit), (lane.max_workers, asked.workers), (lane.max_cores, cores),
        (lane.max_memory, asked.shape.memory), (lane.max_gpus, gpus),
    )  # fmt: skip
    return all(most is None or wanted <= most for most, wanted in pairs)
