"""Dask's client, showing the way to the dashboard that a person can follow."""

import os
from typing import Any

from distributed import Client


class ClusterClient(Client):
    """A client of one of our clusters, whose pages are reached through the Jupyter server."""

    def __init__(self, address: str, *, name_of_cluster: str, **settings: Any) -> None:
        self._name_of_cluster = name_of_cluster
        super().__init__(address, **settings)

    @property
    def dashboard_link(self) -> str:
        """The dashboard through the Jupyter server (or the Hub's prefix) that this kernel belongs to."""
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")
        return f"{prefix}ihpc/dashboard/{self._name_of_cluster}/status"
