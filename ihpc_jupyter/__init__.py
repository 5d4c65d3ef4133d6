"""Interactive and urgent HPC, native to Jupyter."""

from ihpc_jupyter.version import __version__

TYPE_CHECKING = False  # spares the import of `typing`: drivers pass here on their way to the user's first line
if TYPE_CHECKING:
    from typing import Any

    from ihpc_jupyter.kernel.asynchronous import AsyncCluster
    from ihpc_jupyter.kernel.cluster import Cluster

__all__ = ["AsyncCluster", "Cluster", "__version__"]


def __getattr__(name: str) -> "Any":
    """The public names, imported on first use: agent, head and workers need none of them."""
    if name == "Cluster":
        from ihpc_jupyter.kernel.cluster import Cluster  # noqa: PLC0415

        return Cluster
    if name == "AsyncCluster":
        from ihpc_jupyter.kernel.asynchronous import AsyncCluster  # noqa: PLC0415

        return AsyncCluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab finds the built front end."""
    return [{"src": "labextension", "dest": "ihpc-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Where jupyter-server finds the door."""
    return [{"module": "ihpc_jupyter.server"}]
