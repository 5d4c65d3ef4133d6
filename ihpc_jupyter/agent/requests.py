"""From a request to a record: names resolved, lanes' limits applied, each refusal saying what is allowed."""

import contextlib
import grp
import os
import sys
import time
from collections.abc import Mapping

from ihpc_jupyter.agent.view import largest_target
from ihpc_jupyter.cluster.naming import HEAD_GROUP, new_uid
from ihpc_jupyter.cluster.record import ClusterRecord, GroupRecord
from ihpc_jupyter.errors import InvalidRequest, NotAllowed, NotFound
from ihpc_jupyter.model.cluster import Adapt, CreateCluster, Environment, GroupSpec, PatchCluster
from ihpc_jupyter.model.site import Lane, Shape, Site


def new_record(request: CreateCluster, sites: Mapping[str, Site]) -> ClusterRecord:
    """The record of a new cluster. Raises NotFound for unknown names, InvalidRequest beyond limits."""
    site = find_site(request.site, sites)
    if HEAD_GROUP in request.groups:
        raise InvalidRequest(f"A group cannot be called {HEAD_GROUP!r}.", "Choose another name for it.")
    return ClusterRecord(
        name=request.name,
        uid=new_uid(),
        site=site.name,
        account=request.account,
        environment=request.environment or Environment(python=site.python or sys.executable),
        placement=request.placement or site.head.placement,
        host=site.head.host,
        idle_timeout=request.idle_timeout,
        created_at=time.time(),
        groups={name: _group(name, spec, site) for name, spec in request.groups.items()},
    )


def find_site(name: str | None, sites: Mapping[str, Site]) -> Site:
    """The site of that name; without a name the first that is not `local`, else `local`."""
    if name is None:
        return next((site for site in sites.values() if site.kind != "local"), next(iter(sites.values())))
    if name not in sites:
        raise NotFound(
            f"There is no site {name!r}.",
            f"Sites: {', '.join(sites)}. One that is described for the hub's servers only (kind pbs and the like) "
            "has no clusters, runs or queue here: take one of kind slurm or local.",
        )
    return sites[name]


def _group(name: str, spec: GroupSpec, site: Site) -> GroupRecord:
    lane_name = spec.lane or site.default_lane
    lane = find_lane(site, lane_name)
    shape = find_shape(spec.shape, site)
    check_shape(shape, lane_name, lane)
    time_limit = spec.time_limit or lane.time_limit
    check_time(time_limit, lane_name, lane)
    group = GroupRecord(lane=lane_name, shape=shape, time_limit=time_limit, target=spec.target, adapt=spec.adapt)
    return _within_limits(name, group, lane)


def find_lane(site: Site, name: str) -> Lane:
    """The site's lane of that name. Raises NotFound, NotAllowed where it is for others."""
    if name not in site.lanes:
        raise NotFound(f"Site {site.name!r} has no lane {name!r}.", f"Lanes: {', '.join(site.lanes)}.")
    lane = site.lanes[name]
    if lane.groups and not set(lane.groups) & my_groups():
        free = [other for other, its in site.lanes.items() if not its.groups]
        raise NotAllowed(
            f"Lane {name!r} is for members of {', '.join(lane.groups)}.",
            f"Ask the centre to be let in, or use another lane: {', '.join(free) or 'there is none for you'}.",
        )
    return lane


def my_groups() -> set[str]:
    """The Unix groups of this agent's user, by name. The batch system looks for itself; this is to be early."""
    names = set()
    for number in {os.getegid(), *os.getgroups()}:
        with contextlib.suppress(KeyError):
            names.add(grp.getgrgid(number).gr_name)
    return names


def find_shape(shape: str | Shape | None, site: Site) -> Shape:
    """The shape itself, or the site's of that name (the first when left out). Raises NotFound."""
    if isinstance(shape, Shape):
        return shape
    name = shape or site.default_shape
    if name not in site.shapes:
        raise NotFound(f"Site {site.name!r} has no shape {name!r}.", f"Shapes: {', '.join(site.shapes)}.")
    return site.shapes[name]


def check_shape(shape: Shape, lane_name: str, lane: Lane) -> None:
    """Raises InvalidRequest where one job of the shape is more than the lane allows."""
    if lane.max_memory is not None and shape.memory > lane.max_memory:
        raise InvalidRequest(
            f"Lane {lane_name!r} allows at most {lane.max_memory >> 20} MiB per job.", "Ask for less memory."
        )
    if lane.max_cores is not None and shape.cores > lane.max_cores:
        raise InvalidRequest(f"Lane {lane_name!r} allows at most {lane.max_cores} cores.", "Ask for fewer cores.")


def check_time(seconds: float, lane_name: str, lane: Lane) -> None:
    """Raises InvalidRequest where a job is to run longer than the lane allows."""
    if lane.max_time is not None and seconds > lane.max_time:
        raise InvalidRequest(
            f"Lane {lane_name!r} allows at most {lane.max_time:.0f} s per job.", "Ask for a shorter time limit."
        )


def _within_limits(name: str, group: GroupRecord, lane: Lane) -> GroupRecord:
    largest = largest_target(lane, group)
    asked = group.adapt.maximum if group.adapt else group.target
    if asked > largest:
        raise InvalidRequest(
            f"Group {name!r}: lane {group.lane!r} allows at most {largest} workers of this shape, not {asked}.",
            f"Ask for {largest} or fewer, or use another lane.",
        )
    if group.adapt is not None:
        return group.model_copy(update={"target": clamp(group.target, group.adapt)})
    return group


def clamp(target: int, adapt: Adapt) -> int:
    """The target moved into the bounds."""
    return min(max(target, adapt.minimum), adapt.maximum)


def patched(record: ClusterRecord, patch: PatchCluster, site: Site) -> dict[str, GroupRecord]:
    """The groups after the change. Raises NotFound and InvalidRequest; then nothing has changed."""
    groups = dict(record.groups)
    for name, change in patch.groups.items():
        if name not in groups:
            raise NotFound(f"Cluster {record.name!r} has no group {name!r}.", f"Groups: {', '.join(groups)}.")
        old = groups[name]
        target = old.target if change.target is None else change.target
        new = old.model_copy(update={"target": target, "adapt": change.adapt})
        groups[name] = _within_limits(name, new, site.lanes[old.lane])
    return groups
