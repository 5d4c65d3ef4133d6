"""A hub that is no root: it submits as its users through a real sudo, by the rule that docs/hub.md gives."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.conftest import BROKEN, TINY
from tests.hub.hub import REPOSITORY, USERS, Hub, make_homes, progress
from tests.leftovers import clear
from tests.slurmbed import SlurmBed, users

ALICE, BOB = USERS
HUB_USER = "ihpc-hub"

pytestmark = pytest.mark.usefixtures("possible")

SETTINGS = f"""
c.Spawner.cmd = {TINY!r}
del c.IhpcSpawner.exec_prefix
c.IhpcSpawner.req_prologue = {BROKEN!r}
"""

AS_HUB_USER = 'mount --bind "$1" /etc/sudoers && shift && exec runuser -u "$@"'
"""In a mount namespace of its own: nothing of this machine's rules is changed."""


@pytest.fixture
def hub(slurm: SlurmBed) -> Iterator[Hub]:
    """A hub of an ordinary user, whom sudo lets be Alice and nobody else."""
    directory = Path(tempfile.mkdtemp(prefix="ihpc-hub-", dir="/tmp"))
    account = users.ensure_user(HUB_USER)
    rule = directory / "sudoers"
    try:
        make_homes(directory)
        made = Hub(slurm, directory, SETTINGS)
        rule.write_text(documented_rule())
        rule.chmod(0o440)
        made.started_by = ["unshare", "--mount", "sh", "-c", AS_HUB_USER, "sh", str(rule), HUB_USER, "--"]
        for path in (directory, *made.private):
            os.chown(path, account.pw_uid, account.pw_gid)
        with made:
            yield made
            made.stop_servers()
    finally:
        clear(directory)


def documented_rule() -> str:
    """The rule in the documentation, for one of the users."""
    said = re.search(r"^ *(jupyterhub ALL=.*)$", (REPOSITORY / "docs/hub.md").read_text(), re.MULTILINE)
    assert said is not None
    return said[1].replace("jupyterhub", HUB_USER, 1).replace("%hub-users", ALICE) + "\n"


def failure(hub: Hub, user: str) -> str:
    """What a start that fails says."""
    hub.order(user, lane="interactive")
    last = list(progress(hub, user))[-1]
    assert last["failed"]
    return str(last["message"])


@pytest.mark.skipif(shutil.which("sudo") is None, reason="sudo is missing: make setup-test")
def test_an_ordinary_users_hub_starts_stops_and_explains_servers_through_sudo(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(ALICE, lane="interactive")
    job_id = str(hub.wait_for_server(ALICE, 60)["state"]["job_id"])
    assert slurm.job(job_id)["UserId"].startswith(f"{ALICE}(")
    hub.stop_server(ALICE)
    slurm.wait_for_job(job_id, "CANCELLED")
    with hub.broken(ALICE):
        assert "the module system is broken" in failure(hub, ALICE), "its log is read through sudo, too"
    said = failure(hub, BOB)
    assert "may not run as its user" in said
    assert "exec_prefix" in said
    assert "env -i" not in said, "whoever starts a server need not read the hub's command"
    assert not slurm.run("squeue", "--noheader", f"--user={BOB}").stdout.strip()
