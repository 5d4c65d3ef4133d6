"""Interactive and urgent HPC, native to Jupyter."""

from ihpc_jupyter.version import __version__

TYPE_CHECKING = False  # spares the import of `typing`: drivers pass here on their way to the user's first line
if TYPE_CHECKING:
    from typing import Any

    from ihpc_jupyter.kernel.asynchronous import AsyncCluster
    from ihpc_jupyter.kernel.cluster import Cluster
    from ihpc_jupyter.kernel.queue import jobs, offers, why
    from ihpc_jupyter.kernel.urgent.call import urgent
    from ihpc_jupyter.kernel.urgent.run import Run

__all__ = ["AsyncCluster", "Cluster", "Run", "__version__", "jobs", "offers", "urgent", "why"]

_PLACES = {
    "AsyncCluster": "ihpc_jupyter.kernel.asynchronous",
    "Cluster": "ihpc_jupyter.kernel.cluster",
    "Run": "ihpc_jupyter.kernel.urgent.run",
    "jobs": "ihpc_jupyter.kernel.queue",
    "offers": "ihpc_jupyter.kernel.queue",
    "urgent": "ihpc_jupyter.kernel.urgent.call",
    "why": "ihpc_jupyter.kernel.queue",
}


def __getattr__(name: str) -> "Any":
    """The public names, imported on first use: agent, head and workers need none of them."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_PLACES[name]), name)


def load_ipython_extension(shell: "Any") -> None:
    """``%load_ext ihpc_jupyter``: the magics ``%%urgent``, ``%runs``, ``%jobs`` and ``%why``."""
    from ihpc_jupyter.kernel.urgent import magics  # noqa: PLC0415

    magics.load_ipython_extension(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab finds the built front end."""
    return [{"src": "labextension", "dest": "ihpc-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where jupyter-server finds the door."""
    return [{"module": "ihpc_jupyter.server"}]
