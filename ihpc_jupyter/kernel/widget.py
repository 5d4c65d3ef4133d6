"""`ClusterWidget`: the cluster as a real Jupyter widget, for boxes, links and observers."""

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.model.cluster import ClusterView

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ihpc_jupyter.kernel.cluster import Cluster


class ClusterWidget(anywidget.AnyWidget):
    """Shows one cluster and scales it.

    *target* may be set (from Python or by the user); *working*, *pending*, *state* and *view* (everything,
    as a dict) follow the cluster and can be observed: ``widget.observe(react, "working")``.
    """

    _esm = Path(__file__).parent / "widget.js"
    _css = Path(__file__).parent / "widget.css"

    name = traitlets.Unicode().tag(sync=True)
    group = traitlets.Unicode("main").tag(sync=True)
    target = traitlets.Int(0).tag(sync=True)
    maximum = traitlets.Int(0).tag(sync=True)
    working = traitlets.Int(0).tag(sync=True)
    pending = traitlets.Int(0).tag(sync=True)
    state = traitlets.Unicode("").tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)

    def __init__(self, cluster: "Cluster", group: str = "main") -> None:
        super().__init__(name=cluster.name, group=group)
        self._cluster = cluster
        self._lock = threading.Lock()
        self._told = -1
        self._show(cluster.view)
        self.observe(self._scale, "target")
        self._following: Future[None] = portal().start_task_soon(self._follow)

    def close(self) -> None:
        """Remove the widget; the cluster goes on."""
        self._following.cancel()
        super().close()

    async def _follow(self) -> None:
        async for view in self._cluster._cluster.views():  # noqa: SLF001 - the two are one object in two files
            self._show(view)

    def _show(self, view: ClusterView) -> None:
        group = view.groups[self.group]
        with self._lock, self.hold_trait_notifications():
            self._told = group.target
            self.target, self.maximum = group.target, group.maximum
            self.working, self.pending = group.counts.working, group.counts.pending
            self.state = view.state.value
            self.view = view.model_dump(mode="json")
            problem = group.problem or view.problem
            self.problem = problem.message if problem else ""

    def _scale(self, change: Any) -> None:
        if change["new"] == self._told:
            return
        try:
            portal().call(self._cluster._cluster.scale, change["new"], self.group)  # noqa: SLF001
        except IhpcError as error:
            self.problem = str(error)
            with contextlib.suppress(IhpcError):
                self._show(self._cluster.view)
