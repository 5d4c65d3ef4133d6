"""Dask's dashboards, by the cluster's name: a host or port never comes from a request."""

from jupyter_server.utils import url_path_join
from jupyter_server_proxy.handlers import LocalProxyHandler
from tornado import web

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError

_SECRET = ("Cookie", "Authorization", "X-XSRFToken")
"""Headers that are the Jupyter server's business alone."""


class DashboardHandler(LocalProxyHandler):
    """``ihpc/dashboard/NAME/PAGE``: reading only, through the agent's private socket to that head."""

    auth_resource = "ihpc"
    SUPPORTED_METHODS = ("GET", "HEAD")

    def initialize(self, agent: AgentClient) -> None:
        """Take the agent's client from the routes."""
        self._agent = agent

    def get_login_url(self) -> str:
        """Strangers are refused, not sent to a login page: this is shown inside JupyterLab."""
        raise web.HTTPError(403)

    @web.authenticated
    async def get(self, *path: str) -> None:
        """A page, or its live connection."""
        await super().get(*path)

    async def http_get(self, name: str, path: str) -> None:
        """A page."""
        await self._find(name, path)
        await super().proxy(name, path)

    @web.authenticated
    async def head(self, name: str, path: str) -> None:
        """A page's headers."""
        await self._find(name, path)
        await super().proxy(name, path)

    async def open(self, name: str, path: str) -> None:
        """A page's live connection."""
        await self._find(name, path)
        await super().proxy_open("localhost", name, path)

    async def _find(self, name: str, path: str) -> None:
        """Set the socket of that cluster's head. Raises 403, 404, 503."""
        user = self.current_user
        if not user or not self.authorizer.is_authorized(self, user, "read", self.auth_resource):
            raise web.HTTPError(403)
        if path.lstrip("/").startswith("ihpc"):
            raise web.HTTPError(404)
        try:
            self.unix_socket = (await self._agent.connection(name)).dashboard_socket
        except IhpcError as error:
            raise web.HTTPError(error.status, error.message) from error

    def get_client_uri(self, protocol: str, host: str, port: str, proxied_path: str) -> str:
        """The address on the socket: no host and no port but a constant."""
        return str(super().get_client_uri(protocol, host, 80, proxied_path))

    def proxy_request_headers(self) -> dict[str, str]:
        """The browser's headers, without what would let the head act as the user."""
        headers = super().proxy_request_headers()
        for name in _SECRET:
            headers.pop(name, None)
        return dict(headers)

    def _get_context_path(self, _host: str, name: str) -> str:
        return str(url_path_join(self.base_url, "ihpc/dashboard", str(name)))
