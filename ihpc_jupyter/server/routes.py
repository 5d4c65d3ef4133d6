"""The door's routes, below ``<base_url>ihpc/``."""

from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import Application

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.server.dashboard import DashboardHandler
from ihpc_jupyter.server.feed import FeedHandler
from ihpc_jupyter.server.forward import ForwardHandler

RESOURCE = "ihpc"
"""What an authoriser is asked about: ``read``, ``write`` or ``execute`` on this resource."""

ROUTES: list[tuple[str, type[Any]]] = [
    (r"ihpc/api/stream", FeedHandler),
    (r"ihpc/(api/[A-Za-z0-9/_.-]*)", ForwardHandler),
    (r"ihpc/dashboard/([a-z0-9-]+)/(.*)", DashboardHandler),
]


def add_routes(web_app: Application) -> None:
    """Add the routes; the agent is started with the first request, not before."""
    arguments = {"agent": AgentClient()}
    base = web_app.settings["base_url"]
    web_app.add_handlers(".*$", [(url_path_join(base, path), handler, arguments) for path, handler in ROUTES])
