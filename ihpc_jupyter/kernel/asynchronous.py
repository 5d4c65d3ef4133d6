"""`AsyncCluster`: the elastic cluster for ``await``; `Cluster` is the same without it."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError, InvalidRequest, NotFound, Rejected, Unavailable
from ihpc_jupyter.model.cluster import (
    Adapt,
    ClusterState,
    ClusterView,
    CreateCluster,
    Environment,
    GroupSpec,
    PatchCluster,
    PatchGroup,
)
from ihpc_jupyter.model.protocol import Connection, LogTail, Script
from ihpc_jupyter.validation import validated

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

DEFAULT_GROUP = "main"

POLL = 0.1
"""Seconds between two looks of `wait_for_workers`: at our own agent, not at the batch system."""

STOP_PATIENCE = 60.0
"""Seconds to wait for the end of an earlier cluster of the same name."""
ENDING = (ClusterState.FAILED, ClusterState.STOPPED, ClusterState.STOPPING)


def group_spec(lane: str | None, workers: int, settings: dict[str, Any]) -> GroupSpec:
    """A group from keyword arguments. Raises InvalidRequest naming the wrong one."""
    shape_keys = {key: settings.pop(key) for key in ("cores", "memory", "gpus", "processes") if key in settings}
    shape = settings.pop("shape", None) or (shape_keys or None)
    adapt = settings.pop("adapt", None)
    return validated(GroupSpec, {
        "lane": lane, "shape": shape, "target": workers,
        "adapt": {"minimum": adapt[0], "maximum": adapt[1]} if isinstance(adapt, tuple) else adapt,
        **settings,
    })  # fmt: skip


def this_environment() -> Environment:
    """This kernel's interpreter and directory."""
    return Environment(python=sys.executable, directory=str(Path.cwd()))


class AsyncCluster:
    """A handle on one elastic cluster; the cluster itself outlives the handle, the kernel and the server.

    ``await AsyncCluster.open("NAME")`` finds the cluster or, with *create*, makes it.
    """

    def __init__(self, name: str, agent: AgentClient) -> None:
        self.name = name
        self._agent = agent

    @classmethod
    async def open(  # noqa: PLR0913 - the words of a cluster, each with a good default
        cls,
        name: str = "cluster",
        *,
        site: str | None = None,
        lane: str | None = None,
        workers: int | None = None,
        account: str | None = None,
        placement: str | None = None,
        idle_timeout: float = 3600.0,
        groups: dict[str, dict[str, Any]] | None = None,
        create: bool = True,
        **settings: Any,
    ) -> Self:
        """Find the cluster called *name*, or make it.

        *workers*: target of the group `main`; *settings* of that group: ``shape`` (a shape's name) or
        ``cores``, ``memory`` ("2GiB"), ``gpus``, ``processes``; ``time_limit`` ("1h");
        ``adapt=(minimum, maximum)``. *groups* describes several groups instead, each a dict of the same
        words with ``lane`` and ``target``. Head and workers run this kernel's interpreter.
        Raises InvalidRequest, NotFound (with ``create=False``), Rejected, Unavailable.
        """
        agent = AgentClient()
        cluster = cls(name, agent)
        try:
            view = await cluster._find(create=create)
        except IhpcError:
            await agent.close()
            raise
        if view is None:
            specs = _specs(lane, workers or 0, settings, groups)
            await agent.create(validated(CreateCluster, {
                "name": name, "site": site, "groups": specs, "account": account, "placement": placement,
                "idle_timeout": idle_timeout, "environment": this_environment(),
            }))  # fmt: skip
            return cluster
        if workers is not None and view.groups.get(DEFAULT_GROUP):
            await cluster.scale(workers)
        return cluster

    async def _find(self, *, create: bool) -> ClusterView | None:
        """The cluster, or None where it is to be made: one that has ended, or soon will have, makes room."""
        until = time.monotonic() + STOP_PATIENCE
        while True:
            try:
                view = await self.view()
            except NotFound:
                if create:
                    return None
                raise
            if not create or view.state not in ENDING:
                return view
            if view.state is not ClusterState.STOPPING:
                with contextlib.suppress(NotFound):
                    await self.stop()  # forgets it
            elif time.monotonic() > until:
                raise Unavailable(
                    f"The earlier cluster {self.name!r} is still stopping.",
                    "The batch system has not confirmed yet that its jobs have ended.",
                )
            await asyncio.sleep(POLL)

    async def view(self) -> ClusterView:
        """Everything that is known of the cluster now."""
        return await self._agent.cluster(self.name)

    async def scale(self, workers: int, group: str = DEFAULT_GROUP) -> ClusterView:
        """Set a group's target; returns at once, workers follow."""
        change = validated(PatchGroup, {"target": workers})
        return await self._agent.patch(self.name, PatchCluster(groups={group: change}))

    async def adapt(
        self, minimum: int, maximum: int, idle: float = 300.0, group: str = DEFAULT_GROUP
    ) -> ClusterView:
        """Let a group follow its load between *minimum* and *maximum*; *idle*: seconds before release."""
        bounds = validated(Adapt, {"minimum": minimum, "maximum": maximum, "idle": idle})
        return await self._agent.patch(self.name, PatchCluster(groups={group: PatchGroup(adapt=bounds)}))

    async def retry(self) -> ClusterView:
        """Ask the batch system again now, after a refusal."""
        return await self._agent.retry(self.name)

    async def stop(self) -> None:
        """Cancel all jobs of the cluster and remove its keys and files."""
        await self._agent.stop(self.name)

    async def script(self, group: str = DEFAULT_GROUP) -> Script:
        """The batch script of a group and the command that submits it."""
        return await self._agent.script(self.name, group)

    async def log(self, job: str = "head") -> LogTail:
        """The end of a job's log, or of the head's."""
        return await self._agent.log(self.name, job)

    async def wait_for_workers(self, workers: int, timeout: float | None = None) -> ClusterView:
        """Wait until that many workers work. Raises Unavailable after *timeout* seconds, saying why."""

        def enough(view: ClusterView) -> bool:
            return sum(group.counts.working for group in view.groups.values()) >= workers

        return await self._wait(enough, timeout, f"{workers} workers")

    async def client(self, timeout: float = 120.0, **settings: Any) -> "Client":
        """A Dask client of the cluster; waits at most *timeout* seconds for its head."""
        from ihpc_jupyter.kernel.client import ClusterClient  # noqa: PLC0415 - importing us must not import Dask

        address, security = await self.credentials(timeout)
        return await ClusterClient(
            address, name_of_cluster=self.name, security=security, asynchronous=True, **settings
        )

    async def credentials(self, timeout: float) -> "tuple[str, Security]":
        """The head's address and Dask's security for it; waits at most *timeout* seconds for the head."""
        from distributed.security import Security  # noqa: PLC0415

        connection = await self.connection(timeout)
        return connection.address, Security(
            require_encryption=True, tls_ca_file=connection.ca_file,
            tls_client_cert=connection.cert_file, tls_client_key=connection.key_file,
        )  # fmt: skip

    async def connection(self, timeout: float) -> Connection:
        """The head's address and the paths of its keys; waits at most *timeout* seconds for the head."""
        await self._wait(lambda view: view.head.state == "up", timeout, "the head")
        return await self._agent.connection(self.name)

    async def views(self) -> AsyncIterator[ClusterView]:
        """The cluster now, and after each change, until it is gone."""
        async for change in self._agent.changes():
            if change.kind == "cluster-gone" and change.name == self.name:
                return
            shown = [*(change.snapshot.clusters if change.snapshot else ()), change.cluster]
            for view in shown:
                if view is not None and view.name == self.name:
                    yield view

    async def _wait(self, so: Callable[[ClusterView], bool], timeout: float | None, what: str) -> ClusterView:
        until = time.monotonic() + timeout if timeout is not None else float("inf")
        while not so(view := await self.view()):
            if view.state in ENDING:
                reason = view.problem.message if view.problem else ""
                raise Rejected(f"Cluster {self.name!r} is {view.state}. {reason}".strip(), "Make a new one.")
            if time.monotonic() > until:
                raise Unavailable(f"Waited {timeout:.0f} s for {what}. {_hindrance(view)}".strip())
            await asyncio.sleep(POLL)
        return view

    async def close(self) -> None:
        """Let go of the handle; the cluster goes on."""
        await self._agent.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _specs(
    lane: str | None, workers: int, settings: dict[str, Any], groups: dict[str, dict[str, Any]] | None
) -> dict[str, GroupSpec]:
    if groups is None:
        return {DEFAULT_GROUP: group_spec(lane, workers, settings)}
    if settings or lane or workers:
        raise InvalidRequest("Describe one group by keywords, or several by groups=, not both.")
    return {
        name: group_spec(spec.pop("lane", None), spec.pop("target", 0), spec)
        for name, spec in ((name, dict(spec)) for name, spec in groups.items())
    }


def _hindrance(view: ClusterView) -> str:
    """What stands in the way, in the words of whoever said it."""
    problems = [view.problem, *(group.problem for group in view.groups.values())]
    said = [problem.message for problem in problems if problem]
    reasons = {job.reason_text for group in view.groups.values() for job in group.jobs if job.reason_text}
    return " ".join([*said, *sorted(reasons)])
