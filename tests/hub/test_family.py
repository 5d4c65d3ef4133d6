"""A real hub whose servers are jobs of a PBS that three small programs stand in for. Needs no root and no PBS."""

import getpass
import re
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.hub.hub import PROXY, REPOSITORY, Hub
from tests.slurmbed import wait_until

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

USER = getpass.getuser()

SITE = """
[sites.big]
kind = "pbs"
[sites.big.lanes.interactive]
partition = "short"
max_time = "2h"
[sites.big.shapes.small]
cores = 1
"""

SETTINGS = """
c.JupyterHub.spawner_class = "ihpc_jupyter.hub.family.IhpcPBSSpawner"
c.JupyterHub.log_level = "DEBUG"
c.Authenticator.allowed_users = {{{user!r}}}
c.PBSSpawner.exec_prefix = "env PATH={place}:/usr/bin:/bin PLACE={place} FOR={{username}}"
c.PBSSpawner.startup_poll_interval = 0.1
c.Spawner.cmd = [{python!r}, "-m", "tests.hub.tiny_server"]
c.Spawner.environment = {{"PYTHONPATH": {path!r}}}
c.IhpcPBSSpawner.req_prologue = 'cd "$PYTHONPATH"'
"""

PROGRAMS = {
    "qsub": """#!/bin/bash
cat > "$PLACE/script"
printf '%s\\n' "$@" > "$PLACE/words"
env > "$PLACE/environment"
setsid env -i HOME="$HOME" PATH=/usr/bin:/bin /bin/bash "$PLACE/script" > "$PLACE/output" 2>&1 < /dev/null &
echo "$!.stand-in"
""",
    "qstat": """#!/bin/bash
kill -0 "$(basename "$2" .stand-in)" || { echo "qstat: Unknown Job Id $2" >&2; exit 153; }
printf 'job_state = R\\n exec_host = localhost/0\\n'
""",
    "qdel": """#!/bin/bash
kill "$(basename "$1" .stand-in)"
""",
}


@pytest.mark.skipif(not PROXY.exists(), reason="configurable-http-proxy is missing: make setup-test")
def test_a_server_of_pbs_starts_outlives_a_killed_hub_and_stops(tmp_path: Path) -> None:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
    more = SETTINGS.format(user=USER, place=tmp_path, python=sys.executable, path=str(REPOSITORY))
    with Hub(None, tmp_path, more, SITE) as hub:
        assert "Allowed: interactive." in hub.order(USER, lane="a\n#PBS -q other").text
        assert not (tmp_path / "script").exists(), "nothing was submitted"
        hub.wait_for_none(USER)
        hub.order(USER, time="30m")
        state = hub.wait_for_server(USER)["state"]
        job = psutil.Process(int(state["job_id"].removesuffix(".stand-in")))
        try:
            _look_after(hub, tmp_path)
            hub.stop_server(USER)
            wait_until(lambda: not job.is_running() or job.status() == "zombie", "the job is cancelled", 10)
        finally:
            if job.is_running():
                job.kill()


def _look_after(hub: Hub, place: Path) -> None:
    """What holds while the server runs, and after its hub was killed."""
    script = (place / "script").read_text()
    assert "#PBS -q short\n#PBS -l walltime=00:30:00\n" in script
    found = re.search(r"^export JUPYTERHUB_API_TOKEN=(\w+)$", script, flags=re.MULTILINE)
    assert found is not None
    token = found[1]
    for told in ("words", "environment", "output", "hub.log"):
        assert token not in (place / told).read_text(), told
    assert f"FOR={USER}\n" in (place / "environment").read_text()
    for again in (False, True):
        if again:
            hub.kill()
            hub.start()
            assert hub.wait_for_server(USER)["url"] == f"/user/{USER}/"
        with httpx.Client(base_url=hub.hub_api, headers={"Authorization": f"token {token}"}) as server:
            assert server.post("/ihpc/port", json={"port": 31000}).status_code == 409, "once a start"
            assert server.post("/batchspawner", json={"exec_prefix": "x"}).status_code == 403
