"""The hub runs the snapshot's writer as its service: users read their own jobs there and ask Slurm nothing."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ihpc_jupyter.scheduler.snapshot import SnapshotPaths
from tests.hub.hub import USERS, Hub, explain_missing, running_hub
from tests.ports import free_ports
from tests.slurmbed import SlurmBed, wait_until

ALICE, BOB = USERS
_SERVICE = "import sys; from ihpc_jupyter.cli import main; sys.exit(main(sys.argv[1:]))"
_READER = """
import asyncio, sys, tempfile
from pathlib import Path
from ihpc_jupyter.model.site import Lane, Shape, Site
from ihpc_jupyter.scheduler.open import open_watched
site = Site(name="bed", kind="slurm", lanes={"batch": Lane()}, shapes={"s": Shape()}, snapshot=sys.argv[1])
async def read(runtime):
    batch, watcher = open_watched(site, runtime)
    told = await watcher.fresh()
    print(*sorted(told.jobs), "requests:", batch.requests)
    await watcher.close()
    await batch.close()
with tempfile.TemporaryDirectory() as runtime:
    asyncio.run(read(Path(runtime)))
"""


@pytest.fixture
def paths(slurm: SlurmBed) -> Iterator[SnapshotPaths]:
    made = SnapshotPaths(Path(slurm.directory) / "snapshot")
    yield made
    shutil.rmtree(made.directory, ignore_errors=True)


@pytest.fixture(params=["directory", "proxy"])
def over(request: pytest.FixtureRequest) -> str:
    """How users read: in the service's directory, or through the hub's proxy."""
    return str(request.param)


@pytest.fixture
def serving(slurm: SlurmBed, paths: SnapshotPaths, over: str) -> Iterator[Hub]:
    if missing := explain_missing():
        pytest.skip(missing)
    words = [sys.executable, "-c", _SERVICE, "site", "snapshot", "bed", "--directory", str(paths.directory)]
    service: dict[str, object] = {"name": "ihpc-snapshot", "command": words}
    if over == "proxy":
        service["url"] = f"http://127.0.0.1:{free_ports(1)[0]}"
    more = (
        "import os\n"
        f"c.JupyterHub.services.append({{**{service!r}, 'environment': "
        "{name: os.environ[name] for name in ('IHPC_SYSTEM_SITE_FILE', 'SLURM_CONF', 'PYTHONPATH', 'PATH')}})\n"
    )
    if over == "proxy":
        more += (
            "site = Path(os.environ['IHPC_SYSTEM_SITE_FILE'])\n"
            "line = f'snapshot = \"{c.JupyterHub.bind_url}/services/ihpc-snapshot\"'\n"
            "site.write_text(site.read_text().replace('[sites.bed]\\n', f'[sites.bed]\\n{line}\\n'))\n"
        )
    with running_hub(slurm, more) as hub:
        yield hub


def read(slurm: SlurmBed, place: str, user: str) -> list[str]:
    """The jobs that a user's watcher reads, and how many requests of its own that cost."""
    return slurm.run(sys.executable, "-c", _READER, place, user=user).stdout.split()


def test_the_hub_keeps_the_snapshot_and_users_read_their_own_jobs(
    serving: Hub, slurm: SlurmBed, paths: SnapshotPaths, over: str
) -> None:
    jobs = {user: slurm.submit("--ntasks=1", "--mem=100M", user=user) for user in (ALICE, BOB)}
    wait_until(paths.alive.exists, "the service lives", 30)
    place = str(paths.directory) if over == "directory" else f"{serving.url}/services/ihpc-snapshot"
    for user, other in ((ALICE, BOB), (BOB, ALICE)):
        *told, _, requests = read(slurm, place, user)
        assert jobs[user] in told
        assert jobs[other] not in told
        assert requests == "0"
    if over == "proxy":
        assert httpx.get(f"{place}/news").status_code == 401, "who has proved nothing is told nothing"
