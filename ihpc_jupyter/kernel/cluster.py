"""`Cluster`: the elastic cluster as an ordinary object of a notebook."""

import html
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from ihpc_jupyter.kernel.asynchronous import DEFAULT_GROUP, AsyncCluster
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.model.cluster import ClusterView
from ihpc_jupyter.model.protocol import LogTail, Script

if TYPE_CHECKING:
    from distributed import Client

    from ihpc_jupyter.kernel.widget import ClusterWidget

MIME = "application/vnd.ihpc.cluster+json"
"""What the JupyterLab extension renders as a live card; it survives the kernel."""


class Cluster:
    """An elastic Dask cluster on a batch system: found by its name, or made.

    ``Cluster("demo", workers=4)``; then ``cluster.scale(8)``, ``cluster.adapt(0, 16)``,
    ``client = cluster.client()``, ``cluster.stop()``. The arguments are those of `AsyncCluster.open`.
    The cluster outlives this object, the kernel and the Jupyter server; ``Cluster("demo")`` finds it again.
    """

    def __init__(self, name: str = "cluster", **arguments: Any) -> None:
        self._opened: AsyncCluster = portal().call(_open, name, arguments)
        self._used_at = time.monotonic()
        self.name = name
        _OPEN.add(self)

    @property
    def _cluster(self) -> AsyncCluster:
        """The cluster for `await`; whoever asks for it uses it."""
        self._used_at = time.monotonic()
        return self._opened

    @classmethod
    def find(cls, name: str) -> Self:
        """The cluster of that name. Raises NotFound instead of making one."""
        return cls(name, create=False)

    @property
    def view(self) -> ClusterView:
        """Everything that is known of the cluster now."""
        return portal().call(self._cluster.view)

    def scale(self, workers: int, group: str = DEFAULT_GROUP) -> Self:
        """Set a group's target; returns at once, workers follow."""
        portal().call(self._cluster.scale, workers, group)
        return self

    def adapt(self, minimum: int, maximum: int, idle: float = 300.0, group: str = DEFAULT_GROUP) -> Self:
        """Let a group follow its load between *minimum* and *maximum*; *idle*: seconds before release."""
        portal().call(self._cluster.adapt, minimum, maximum, idle, group)
        return self

    def retry(self) -> Self:
        """Ask the batch system again now, after a refusal."""
        portal().call(self._cluster.retry)
        return self

    def wait_for_workers(self, workers: int, timeout: float | None = None) -> Self:
        """Wait until that many workers work. Raises Unavailable after *timeout* seconds, saying why."""
        portal().call(self._cluster.wait_for_workers, workers, timeout)
        return self

    def client(self, timeout: float = 120.0, **settings: Any) -> "Client":
        """A Dask client of the cluster; waits at most *timeout* seconds for its head."""
        from ihpc_jupyter.kernel.client import ClusterClient  # noqa: PLC0415 - importing us must not import Dask

        address, security = portal().call(self._cluster.credentials, timeout)
        return ClusterClient(address, name_of_cluster=self.name, security=security, **settings)

    def script(self, group: str = DEFAULT_GROUP) -> Script:
        """The batch script of a group and the command that submits it."""
        return portal().call(self._cluster.script, group)

    def log(self, job: str = "head") -> LogTail:
        """The end of a job's log, or of the head's."""
        return portal().call(self._cluster.log, job)

    def stop(self) -> None:
        """Cancel all jobs of the cluster and remove its keys and files."""
        portal().call(self._cluster.stop)
        _OPEN.discard(self)

    def widget(self) -> "ClusterWidget":
        """A Jupyter widget that shows and controls the cluster; it composes in ipywidgets' boxes."""
        from ihpc_jupyter.kernel.widget import ClusterWidget  # noqa: PLC0415 - only notebooks have widgets

        return ClusterWidget(self)

    def __repr__(self) -> str:
        return describe(self.view)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The live card in JupyterLab, a table elsewhere, text last."""
        view = self.view
        return {MIME: {"name": self.name}, "text/html": as_table(view), "text/plain": describe(view)}


_OPEN: WeakSet[Cluster] = WeakSet()
"""The clusters that this kernel holds and has not stopped."""


def current_cluster() -> str | None:
    """The name of this notebook's cluster: the one it used last; None where it holds none."""
    # A reference of one's own to each: the collector may take some meanwhile.
    held = sorted(_OPEN, key=lambda cluster: cluster._used_at)  # noqa: SLF001 - of this module
    return held[-1].name if held else None


async def _open(name: str, arguments: dict[str, Any]) -> AsyncCluster:
    return await AsyncCluster.open(name, **arguments)


def describe(view: ClusterView) -> str:
    """One line."""
    groups = ", ".join(
        f"{name}: {group.counts.working}/{group.target} workers in lane {group.lane}"
        for name, group in view.groups.items()
    )
    return f"Cluster {view.name!r} on {view.site}: {view.state}; {groups}"


def as_table(view: ClusterView) -> str:
    """A small table, for front ends without our extension."""
    columns = ("target", "requested", "pending", "starting", "working", "lost")
    head = "".join(f"<th>{column}</th>" for column in ("group", *columns))
    rows = "".join(
        _row((name, group.target, *group.counts.model_dump().values())) for name, group in view.groups.items()
    )
    title = f"<b>{html.escape(view.name)}</b> on {html.escape(view.site)}: {view.state}"
    return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(cells: Iterable[object]) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"
