"""Each part of a start has its own clock, lane by lane."""

import sys

import pytest

from tests.hub.hub import Hub, progress, running_hub
from tests.slurmbed import SlurmBed, wait_until

ALICE, BOB = "ihpc-alice", "ihpc-bob"

pytestmark = pytest.mark.usefixtures("possible")

SILENT = """\
import os, socket, time
from urllib.parse import urlsplit
door = socket.socket()
if os.environ["SLURM_JOB_PARTITION"] == "urgent":
    door.bind(("", urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port))
    door.listen()
time.sleep(600)  # longer than any clock: it never answers
"""
SETTINGS = f"""
c.Spawner.cmd = [{sys.executable!r}, "-c", {SILENT!r}]
c.IhpcSpawner.lane_timeouts = {{"batch": {{"queue": 3}}, "interactive": {{"boot": 4}}, "urgent": {{"http": 2}}}}
"""


def test_a_lanes_own_clocks_run_out_and_other_lanes_wait_on(slurm: SlurmBed) -> None:
    with running_hub(slurm, SETTINGS) as hub:
        hub.order(ALICE, lane="interactive")
        assert "The job started, but its server did not listen within 4s (boot_timeout)" in failure(hub, ALICE)
        hub.wait_for_none(ALICE)
        hub.order(ALICE, lane="urgent")
        assert "The server listens, but did not answer within 2s (http_timeout)" in failure(hub, ALICE)
        hub.wait_for_none(ALICE)
        blockers = [slurm.submit("--partition=urgent", "--nodes=1", "--exclusive") for _ in slurm.nodes]
        for blocker in blockers:
            slurm.wait_for_job(blocker, "RUNNING")
        hub.order(BOB, lane="spot")
        hub.order(ALICE, lane="batch")
        assert "The job did not start within 3s (queue_timeout)" in failure(hub, ALICE)
        hub.wait_for_none(ALICE)
        assert hub.server(BOB)["pending"] == "spawn", "its lane has no clock of its own"
        wait_until(lambda: queued(slurm) == [f"{BOB} spot"], "Alice's jobs have gone, and nothing else")
        hub.stop_servers()
        wait_until(lambda: not queued(slurm), "nothing waits")


def queued(slurm: SlurmBed) -> list[str]:
    """Whose jobs are in the queue, and in which partition."""
    return slurm.run("squeue", "--noheader", "--format=%u %P", f"--user={ALICE},{BOB}").stdout.splitlines()


def failure(hub: Hub, user: str) -> str:
    """What the progress of a start that fails says last."""
    last = list(progress(hub, user))[-1]
    assert last["failed"]
    return str(last["message"])
