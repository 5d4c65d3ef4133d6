"""A hub that was set up for plain batchspawner: its settings go on working, or it does not start and says why."""

from pathlib import Path

import psutil
import pytest

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

from batchspawner.batchspawner import SlurmSpawner

from tests.hub.conftest import TINY
from tests.hub.hub import REPOSITORY, Browser, Hub, running_hub
from tests.slurmbed import SlurmBed, wait_until
from tests.slurmbed.programs import find_program

ALICE = "ihpc-alice"

pytestmark = pytest.mark.usefixtures("possible")

PLAIN = """
c.Spawner.cmd = {tiny!r}
c.SlurmSpawner.req_partition = "spot"
c.SlurmSpawner.req_runtime = "0:20:00"
c.SlurmSpawner.req_memory = "900"
c.SlurmSpawner.req_nprocs = "2"
c.SlurmSpawner.req_options = "--comment=plain"
c.SlurmSpawner.req_prologue = "export SEEN=prologue"
c.SlurmSpawner.req_keepvars_extra = "PYTHONPATH"
c.SlurmSpawner.req_srun = "env STEP=asked"
c.SlurmSpawner.batch_submit_cmd = "{submit} --parsable --exclusive"
c.SlurmSpawner.batch_query_cmd = {query!r}
c.SlurmSpawner.batch_script = {script!r}
c.Spawner.environment |= {{"PYTHONPATH": {path!r}, "KEPT": "a 'b", "DROPPED": "yes"}}

def before_each_start(spawner):
    spawner.req_keepvars = "KEPT"
    if spawner.name:
        spawner.batch_script = ""

c.Spawner.pre_spawn_hook = before_each_start
"""

IMPOSSIBLE = """
c.SlurmSpawner.batch_submit_cmd = "sbatch --parsable | tail -1"
c.SlurmSpawner.state_exechost_re = "x"
c.BatchSpawnerBase.req_account = "a b"
c.IhpcSpawner.boot_timout = 60
c.JupyterHub.internal_ssl = True
"""


def environment_of(job_id: str) -> dict[str, str]:
    """The environment of the server that a job runs."""
    for process in psutil.process_iter(["environ", "cmdline"]):
        variables: dict[str, str] = process.info["environ"] or {}
        if variables.get("SLURM_JOB_ID") == job_id and "tests.hub.tiny_server" in (process.info["cmdline"] or []):
            return variables
    raise AssertionError("the server's process is not to be seen")


def test_a_hub_without_a_site_file_starts_servers_as_its_settings_say(slurm: SlurmBed) -> None:
    settings = PLAIN.format(
        tiny=TINY,
        submit=find_program("sbatch"),
        query=SlurmSpawner.batch_query_cmd.default_value,
        script=SlurmSpawner.batch_script.default_value,
        path=str(REPOSITORY),
    )
    with running_hub(slurm, settings, site="") as hub:
        page = Browser(hub, ALICE).get(f"/hub/spawn/{ALICE}").text
        assert "at most 20m" in page
        assert "2 cores, 900 MiB" in page
        for name in ("", "own"):
            hub.order(ALICE, name)
            wait_until(lambda: hub.servers(ALICE)[name].get("ready"), "the server is ready", 30)  # noqa: B023
            job_id = str(hub.servers(ALICE)[name]["state"]["job_id"])
            job = slurm.job(job_id)
            assert (job["Partition"], job["TimeLimit"], job["Comment"]) == ("spot", "00:20:00", "plain")
            assert (job["CPUs/Task"], job["MinMemoryNode"], job["OverSubscribe"]) == ("2", "900M", "NO")
            variables = environment_of(job_id)
            assert (variables["KEPT"], variables["STEP"], variables["SEEN"]) == ("a 'b", "asked", "prologue")
            assert "DROPPED" not in variables
        hub.order(ALICE, "longer", time="21m")
        with hub.api as api:
            assert "1m to 20m" in api.get(f"/users/{ALICE}/servers/longer/progress").text
        hub.stop_servers()
        slurm.wait_for_job(job_id, "CANCELLED")


def test_a_hub_whose_settings_cannot_be_kept_ends_with_their_names(slurm: SlurmBed, tmp_path: Path) -> None:
    hub = Hub(slurm, tmp_path, IMPOSSIBLE)
    hub.launch()
    wait_until(hub.has_ended, "the hub ends", 30, tmp_path)
    said = hub.log.read_text()
    for name in (
        "SlurmSpawner.batch_submit_cmd",
        "SlurmSpawner.state_exechost_re",
        "BatchSpawnerBase.req_account",
        "IhpcSpawner.boot_timout",
        "JupyterHub.internal_ssl",
    ):
        assert f"c.{name}" in said
    assert "c.IhpcSpawner.node_host" in said
