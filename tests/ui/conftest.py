"""A real JupyterLab in front of the embedded site, and a real browser."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.leftovers import clear
from tests.ports import free_ports
from tests.ui.lab import Lab, browse

SLOTS = 4


@dataclass
class Server:
    """A running JupyterLab and the home that it was given."""

    url: str
    root: Path
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]
    argv: list[str]

    def start(self) -> None:
        """Start (again), and wait until it answers."""
        with (self.root / "lab.log").open("ab") as log:
            self.process = subprocess.Popen(self.argv, env=self.environment, stdout=log, stderr=log)
        _await(f"{self.url}/api/status?token={self.token}", self.root / "lab.log")

    @property
    def token(self) -> str:
        return self.environment["JUPYTER_TOKEN"]

    @property
    def lab_url(self) -> str:
        """JupyterLab with a workspace of its own, so that no test opens what another left."""
        return f"{self.url}/lab/workspaces/{secrets.token_hex(4)}?token={self.token}"

    def agent(self) -> httpx.Client:
        """A client of the agent behind the server."""
        transport = httpx.HTTPTransport(uds=str(self.root / "run" / "agent.sock"))
        return httpx.Client(transport=transport, base_url="http://agent", timeout=10)

    def end_agent(self) -> None:
        """Stop every cluster, then the agent."""
        try:
            with self.agent() as http:
                for cluster in http.get("/api/snapshot").json()["clusters"]:
                    http.delete(f"/api/clusters/{cluster['name']}")
                while http.get("/api/snapshot").json()["clusters"]:
                    pass
                os.kill(http.get("/api/about").json()["pid"], signal.SIGTERM)
        except httpx.HTTPError:
            return


def _await(url: str, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)  # it has two cores to start on, and we are on one of them
    raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One JupyterLab for a file of tests."""
    root = Path(tempfile.mkdtemp(prefix="ihpc-", dir="/tmp"))
    (root / "notebooks").mkdir()
    site = f'[agent]\ndiscover = false\n[sites.local]\nkind = "local"\nslots = {SLOTS}\nspool = "{root}/spool"\n'
    (root / "site.toml").write_text(site)
    notification = root / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notification.parent.mkdir(parents=True)
    notification.write_text('{"fetchNews": "false"}')
    port, token = free_ports(1)[0], secrets.token_hex(16)
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    places |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
    places |= {"IHPC_STATE": "state", "IHPC_RUNTIME": "run", "IHPC_SITE_FILE": "site.toml"}
    environment = {
        **os.environ,
        **{name: str(root / place) for name, place in places.items()},
        "IHPC_SYSTEM_SITE_FILE": "/nonexistent",
        "JUPYTER_TOKEN": token,
    }
    argv = [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    argv += ["--expose-app-in-browser", f"--ServerApp.root_dir={root}/notebooks"]
    argv += ["--allow-root"] if os.getuid() == 0 else []
    made = Server(f"http://127.0.0.1:{port}", root, None, environment, argv)  # type: ignore[arg-type]
    made.start()
    yield made
    made.end_agent()
    made.process.terminate()
    made.process.wait(20)
    clear(root)


@pytest.fixture
def lab(server: Server, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A browser window with a fresh workspace; no cluster and no run is left over."""
    with browse(server.lab_url) as window:
        yield window
        window.screenshot(Path("test-results") / f"{request.node.name}.png")
        assert window.errors == []
    with server.agent() as http:
        for cluster in http.get("/api/snapshot").json()["clusters"]:
            http.delete(f"/api/clusters/{cluster['name']}")
        while http.get("/api/snapshot").json()["clusters"]:
            pass
        while runs := http.get("/api/runs").json()["runs"]:  # cancelled first, forgotten once settled
            for run in runs:
                http.delete(f"/api/runs/{run['id']}")
