"""The jupyter-server extension: a door. It authenticates, authorises, forwards and streams back."""

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Where jupyter-server finds the extension."""
    return [{"module": "ihpc_jupyter.server"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Add our handlers to the running server."""
    from ihpc_jupyter.server.routes import add_routes  # noqa: PLC0415 - only a server needs tornado's handlers

    add_routes(server.web_app)
