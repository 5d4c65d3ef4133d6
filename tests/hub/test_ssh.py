"""A hub on a host without Slurm: it reaches the login node over ssh, and submits there as its users."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.conftest import BROKEN, TINY
from tests.hub.hub import USERS, Hub, make_homes, progress, site_of
from tests.leftovers import clear
from tests.slurmbed import SlurmBed
from tests.sshd import running_sshd

ALICE, _ = USERS

pytestmark = pytest.mark.usefixtures("possible")

SETTINGS = f"c.Spawner.cmd = {TINY!r}\nc.IhpcSpawner.req_prologue = {BROKEN!r}"


@pytest.fixture
def hub(slurm: SlurmBed, tmp_path: Path) -> Iterator[Hub]:
    directory = Path(tempfile.mkdtemp(prefix="ihpc-hub-", dir="/tmp"))
    try:
        make_homes(directory)
        with running_sshd(tmp_path, os.environ["PATH"], slurm.env["SLURM_CONF"]) as options:
            far = f'transport = "ssh 127.0.0.1"\nssh_options = {options!r}'
            site = site_of(slurm).replace("[sites.bed]\n", f"[sites.bed]\n{far}\n")
            made = Hub(slurm, directory, SETTINGS, site)
            made.started_by = ["env", "--unset=SLURM_CONF"]  # Slurm's commands are of no use here
            with made:
                yield made
                made.stop_servers()
    finally:
        clear(directory)


def test_a_hub_without_slurm_starts_stops_and_explains_servers_over_ssh(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(ALICE, lane="interactive")
    job_id = str(hub.wait_for_server(ALICE, 60)["state"]["job_id"])
    assert slurm.job(job_id)["UserId"].startswith(f"{ALICE}(")
    slurm.run("scancel", job_id)
    hub.wait_for_none(ALICE, 20)
    with hub.broken(ALICE):
        hub.order(ALICE, lane="interactive")
        last = list(progress(hub, ALICE))[-1]
    assert "the module system is broken" in last["message"], "its log is read there, too"
