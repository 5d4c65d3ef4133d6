"""Real hubs: one whose servers are JupyterLab, one whose servers start at once."""

import sys
from collections.abc import Iterator

import pytest

from tests.hub.hub import Hub, explain_missing, running_hub
from tests.slurmbed import SlurmBed

TINY = [sys.executable, "-m", "tests.hub.tiny_server"]
_LAB = """
c.Spawner.args = ["--LabApp.expose_app_in_browser=True"]
c.IhpcSpawner.req_prologue = 'export IHPC_RUNTIME="$IHPC_RUNTIME/$(hostname)"'
"""
BROKEN = """[ ! -e "${IHPC_STATE%/state}/broken" ] || { echo 'the module system is broken'; exit 3; }"""


@pytest.fixture(scope="session")
def possible() -> None:
    """Skips where no hub can be started."""
    if missing := explain_missing():
        pytest.skip(missing)


@pytest.fixture(scope="session")
def lab_hub_session(possible: None, slurm_session: SlurmBed) -> Iterator[Hub]:
    with running_hub(slurm_session, _LAB) as hub:
        yield hub


@pytest.fixture(scope="session")
def quick_hub_session(possible: None, slurm_session: SlurmBed) -> Iterator[Hub]:
    with running_hub(slurm_session, f"c.Spawner.cmd = {TINY!r}\nc.IhpcSpawner.req_prologue = {BROKEN!r}") as hub:
        yield hub


@pytest.fixture
def lab_hub(lab_hub_session: Hub, slurm: SlurmBed) -> Iterator[Hub]:
    """Servers are JupyterLab; whatever runs is stopped afterwards."""
    yield lab_hub_session
    lab_hub_session.stop_servers()


@pytest.fixture
def hub(quick_hub_session: Hub, slurm: SlurmBed) -> Iterator[Hub]:
    """Servers are tiny; whatever runs is stopped afterwards."""
    yield quick_hub_session
    quick_hub_session.stop_servers()
