"""A real jupyter-server with our extension, in front of a real agent on the embedded site."""

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tornado.httpclient import HTTPResponse

from ihpc_jupyter.model.protocol import About
from tests.leftovers import clear

Fetch = Callable[..., Awaitable[HTTPResponse]]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own (on a short path: sockets live in it); its agent is ended afterwards."""
    root = Path(tempfile.mkdtemp(prefix="ihpc-", dir="/tmp"))
    (root / "site.toml").write_text(
        f'[agent]\ndiscover = false\n[sites.local]\nkind = "local"\nspool = "{root}/spool"\nslots = 4\n'
    )
    for name, path in {"IHPC_STATE": "state", "IHPC_RUNTIME": "run", "IHPC_SITE_FILE": "site.toml"}.items():
        monkeypatch.setenv(name, str(root / path))
    monkeypatch.setenv("IHPC_SYSTEM_SITE_FILE", "/nonexistent")
    yield root
    _end_agent(root / "run" / "agent.sock")
    clear(root)


def _end_agent(socket: Path) -> None:
    if not socket.exists():
        return
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://agent", timeout=30) as http:
        try:
            about = About.model_validate_json(http.get("/api/about").content)
            names = [cluster["name"] for cluster in http.get("/api/snapshot").json()["clusters"]]
            for name in names:
                http.delete(f"/api/clusters/{name}")
            while names and http.get("/api/snapshot").json()["clusters"]:
                pass
        except httpx.HTTPError:
            return
    agent = psutil.Process(about.pid)
    agent.terminate()
    agent.wait(20)


@pytest.fixture
def jp_server_config(home: Path) -> dict[str, Any]:
    """Our extension alone; a forgotten decorator fails."""
    return {
        "ServerApp": {"jpserver_extensions": {"ihpc_jupyter.server": True}, "allow_unauthenticated_access": False}
    }
