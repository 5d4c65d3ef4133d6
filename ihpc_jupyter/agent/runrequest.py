"""From an order to a run's record: names resolved, the lane's limits applied."""

import sys
import time
from collections.abc import Mapping

from ihpc_jupyter.agent.requests import check_shape, check_time, find_lane, find_shape, find_site
from ihpc_jupyter.cluster.naming import new_uid
from ihpc_jupyter.errors import InvalidRequest, NotAllowed
from ihpc_jupyter.explain.words import digits
from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.run import Plan, RunOrder
from ihpc_jupyter.model.site import Lane, Shape, Site
from ihpc_jupyter.runs.planner import Wanted, default_lane, victims_of
from ihpc_jupyter.runs.record import RunRecord

AFTER_DEADLINE = 60.0
"""Seconds for which a job may go on after the run's deadline: batch systems count in minutes."""


def resolve(order: RunOrder, sites: Mapping[str, Site]) -> Wanted:
    """What the order asks for. Raises NotFound for unknown names, InvalidRequest beyond limits, NotAllowed."""
    site = find_site(order.site, sites)
    lane_name = order.lane or default_lane(site)
    lane = find_lane(site, lane_name)
    shape = find_shape(order.shape, site)
    check_shape(shape, lane_name, lane)
    wanted = Wanted(order, site, lane_name, shape, _time_limit(order, lane_name, lane))
    _check_size(wanted, shape, lane)
    if not order.preempt and (lanes := victims_of(site, lane_name)):
        gentle = [name for name, other in site.lanes.items() if other.preemptible]
        raise NotAllowed(
            f"Jobs of lane {lane_name!r} may send away those of {', '.join(lanes)}; --no-preempt forbids that.",
            f"Use --lane {gentle[0]}: nobody has to go for it (but it may have to go itself).",
        )
    if order.budget is not None and wanted.price > order.budget:
        raise InvalidRequest(
            f"The run may cost up to {digits(wanted.price)} core-hours, its budget is {digits(order.budget)}.",
            "Ask for less time (--time), fewer cores or copies, or a larger budget.",
        )
    return wanted


def _time_limit(order: RunOrder, lane_name: str, lane: Lane) -> float:
    asked = order.time_limit or lane.time_limit
    if order.time_limit is None and order.deadline is not None and not order.go_on:
        asked = min(asked, order.deadline + AFTER_DEADLINE)
    if order.time_limit is not None:
        check_time(asked, lane_name, lane)
    return asked if lane.max_time is None else min(asked, lane.max_time)


def _check_size(wanted: Wanted, shape: Shape, lane: Lane) -> None:
    order = wanted.order
    if order.tasks > 1 and order.copies > 1:
        raise InvalidRequest("A run has either ranks (--tasks) or copies, not both.", "Leave one of them out.")
    if lane.max_cores is not None and wanted.cores > lane.max_cores:
        raise InvalidRequest(
            f"Lane {wanted.lane!r} allows at most {lane.max_cores} cores, not {wanted.cores}.", "Ask for fewer."
        )
    gpus = shape.gpus * max(order.copies, order.tasks)
    if lane.max_gpus is not None and gpus > lane.max_gpus:
        raise InvalidRequest(f"Lane {wanted.lane!r} allows at most {lane.max_gpus} GPUs.", "Ask for fewer.")
    if max(order.copies, order.tasks, order.workers) > lane.max_workers:
        raise InvalidRequest(
            f"Lane {wanted.lane!r} allows at most {lane.max_workers} at once.",
            "Ask for fewer copies, ranks or workers.",
        )


def new_run(wanted: Wanted, plan: Plan) -> RunRecord:
    """The record of a new run, planned; its deadline counts from now."""
    now, order = time.time(), wanted.order
    lane = wanted.site.lanes[wanted.lane]
    return RunRecord(
        id=new_uid(),
        order=order,
        site=wanted.site.name,
        lane=wanted.lane,
        shape=wanted.shape,
        account=order.account or lane.account,
        environment=order.environment or Environment(python=wanted.site.python or sys.executable),
        time_limit=wanted.time_limit,
        cost_factor=lane.cost_factor,
        created_at=now,
        deadline_at=now + order.deadline if order.deadline is not None else None,
        plan=plan,
        stages={"planned": now},
    )
