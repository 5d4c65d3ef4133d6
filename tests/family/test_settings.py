"""What a hub's settings, its site file and its users' options come to, and what of them is refused by name."""

import asyncio
import pwd
import shlex
import subprocess
from collections.abc import Callable

import pytest

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

from jupyterhub.spawner import SpawnException

from ihpc_jupyter.hub import family
from tests.family.spawners import (
    ACCOUNT,
    HOME,
    IN_FILE,
    KINDS,
    PROLOGUE,
    THEIRS,
    TOKEN,
    read_arguments,
    said_of,
    script_of,
    site_file,
    spawner_of,
)
from tests.hub.test_hub import REFUSED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("field", "options", "allowed"), REFUSED)
def test_bad_options_are_refused_with_the_field_by_form_query_and_rest(
    describe: Callable[[str], None], kind: str, field: str, options: dict[str, object], allowed: str
) -> None:
    describe(site_file(kind))
    spawner = spawner_of(kind)
    sent = {key: value if isinstance(value, list) else [str(value)] for key, value in options.items()}
    for refuse in (
        lambda: spawner.run_options_from_form(sent),
        lambda: spawner.options_from_query(sent),
        lambda: asyncio.run(spawner._run_apply_user_options(options)),
        lambda: _start_with(spawner, options),
    ):
        with pytest.raises(SpawnException) as refused:
            refuse()
        said = refused.value.jupyterhub_message
        assert field in said
        assert allowed in said
        assert refused.value.status_code == 400
    assert spawner.job_id == "", "nothing was submitted"
    assert 'aria-invalid="true"' in spawner.render_form() or field == "partition"


def _start_with(spawner: family.FamilySpawner, options: dict[str, object]) -> None:
    """As a centre's own code might go on after all checks."""
    spawner.user_options = options
    asyncio.run(spawner.start())


def test_the_form_says_that_nobody_knows_what_is_free(describe: Callable[[str], None]) -> None:
    describe(site_file("pbs"))
    page = spawner_of("pbs").render_form()
    assert "What is free is unknown: this batch system is not asked." in page
    assert page.count("Free cores: unknown; expected wait: unknown") == 2
    assert 'value="interactive"' in page
    assert 'value="urgent"' not in page, "a lane for others is not shown"


@pytest.mark.parametrize(
    ("kind", "table", "entry"),
    [("torque", "lanes.interactive", 'qos = "q"'), ("torque", "lanes.interactive", 'reservation = "r"'),
     ("pbs", "lanes.urgent", 'reservation = "r"'), ("gridengine", "shapes.small", "gpus = 1"),
     ("lsf", "lanes.batch", 'qos = "q"'), ("condor", "lanes.batch", 'partition = "p"'),
     ("condor", "lanes.batch", 'reservation = "r"')],
)  # fmt: skip
def test_what_a_system_cannot_say_is_refused_by_its_key_when_the_hub_starts(
    describe: Callable[[str], None], kind: str, table: str, entry: str
) -> None:
    describe(site_file(kind))
    assert said_of(kind) == []
    header = f"[sites.big.{table}]\n"
    describe(site_file(kind).replace(header, f"{header}{entry}\n"))
    (line,) = said_of(kind)
    assert line.startswith(f"sites.big.{table}.{entry.partition(' ')[0]}: ")


def test_gridengine_has_several_cores_only_in_a_parallel_environment(describe: Callable[[str], None]) -> None:
    describe(site_file("gridengine"))
    lines = said_of("gridengine", parallel_environment="")
    assert [line.partition(":")[0] for line in lines] == [
        "sites.big.shapes.large.cores", "sites.big.shapes.huge.cores",
    ]  # fmt: skip
    assert all("c.IhpcGridengineSpawner.parallel_environment" in line for line in lines)
    (line,) = said_of("gridengine", memory_resource="a b\n#$")
    assert line.startswith("c.GridengineSpawner.memory_resource: ")
    script = script_of(spawner_of("gridengine", memory_resource="mem_free"), shape="large")
    assert "#$ -l mem_free=1024M\n" in script


@pytest.mark.parametrize(
    ("name", "value"),
    [("req_queue", "a b"), ("req_account", "x;reboot"), ("req_memory", "much"), ("req_nprocs", "0"),
     ("req_runtime", "soon"), ("req_host", "h\n#PBS"), ("req_ngpus", "-1"), ("batch_script", "#!/bin/sh\ntrue"),
     ("batch_script", "#!/bin/sh\n{wrong} {cmd}"), ("batchspawner_singleuser_cmd", "x"), ("req_nprocs", 3)],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_by_name_when_the_hub_starts(
    describe: Callable[[str], None], name: str, value: object
) -> None:
    describe(site_file("pbs"))
    (line,) = said_of("pbs", **{name: value})
    assert name in line
    if isinstance(value, str):
        assert line.startswith(f"c.PBSSpawner.{name}")


def test_a_site_that_is_not_described_is_named(describe: Callable[[str], None]) -> None:
    describe(site_file("pbs"))
    (line,) = said_of("lsf", site="big")
    assert "no site big of kind lsf" in line
    (line,) = said_of("lsf")
    assert "req_runtime is not set, and no site file describes a lsf" in line


@pytest.mark.parametrize(
    ("kind", "settings", "lines"),
    [("torque", {"req_memory": "2gb", "req_runtime": "2:00:00", "req_queue": "q", "req_host": "h",
                 "req_ngpus": "1"},
      ["#PBS -q q@h", "#PBS -l walltime=02:00:00", "#PBS -l mem=2048mb", "#PBS -l nodes=1:ppn=3:gpus=1"]),
     ("pbs", {"req_memory": "2147483648", "req_runtime": "7200", "req_host": "h", "req_account": "a"},
      ["#PBS -q @h", "#PBS -A a", "#PBS -l walltime=02:00:00", "#PBS -l select=1:ncpus=3:mem=2048mb"]),
     ("gridengine", {"req_memory": "2G", "req_runtime": "7200", "req_ngpus": "2"}, ["#$ -l h_rt=02:00:00"]),
     ("lsf", {"req_memory": "2GB", "req_runtime": "120"}, ["#BSUB -W 120", "#BSUB -M 2048MB"]),
     ("lsf", {"req_memory": "2GB", "req_runtime": "2:00"}, ["#BSUB -W 120"]),
     ("condor", {"req_memory": "2048", "req_runtime": "7200", "req_queue": "q"}, ["RequestMemory = 2048"])],
)  # fmt: skip
def test_without_a_site_file_a_job_is_as_the_settings_for_batchspawner_say(
    describe: Callable[[str], None], kind: str, settings: dict[str, str], lines: list[str]
) -> None:
    describe("")
    given = {"req_nprocs": "3", **settings}
    assert said_of(kind, **given) == []
    spawner = spawner_of(kind, **given)
    assert set(lines) <= set(script_of(spawner).splitlines())
    with pytest.raises(SpawnException, match="1m to 2h"):
        spawner.accept({"time": "121m"})


TEMPLATE = """#!/bin/sh
#PBS -q {queue}
#PBS -l walltime={runtime},mem={memory},ncpus={nprocs}
#PBS -v {keepvars}
# for {username} in lane {lane}, shape {shape}
{prologue}
{cmd}
"""


def test_a_centres_own_script_is_filled_in_with_checked_values(describe: Callable[[str], None]) -> None:
    describe(site_file("pbs"))
    spawner = spawner_of("pbs", batch_script=TEMPLATE, req_queue="other", req_runtime="5:00:00", args=["a b;c"])
    lines = script_of(spawner, shape="large", time="90m").splitlines()
    keepvars = lines[3].removeprefix("#PBS -v ").split(",")
    assert lines[:3] == ["#!/bin/sh", "#PBS -q short", "#PBS -l walltime=01:30:00,mem=4096mb,ncpus=4"]
    assert {"JUPYTERHUB_USER", "HOME"} <= set(keepvars)
    assert "JUPYTERHUB_API_TOKEN" not in keepvars, "what -v names, everybody may see"
    assert lines[4] == f"# for {ACCOUNT.pw_name} in lane interactive, shape large"
    assert f"export JUPYTERHUB_API_TOKEN={shlex.quote(TOKEN)}" in lines[5:-2]
    assert lines[-2:] == [
        PROLOGUE,
        "/opt/python3 -m ihpc_jupyter.hub.singleuser 30000 39999 /opt/python3 -m jupyterhub.singleuser 'a b;c'",
    ]


@pytest.mark.parametrize("kind", [*KINDS])
def test_batchspawners_own_scripts_are_filled_in_as_a_centres(describe: Callable[[str], None], kind: str) -> None:
    describe(site_file(kind))
    template = THEIRS[kind].batch_script.default_value
    spawner = spawner_of(kind, batch_script=template, args=['it\'s "so"'])
    script = script_of(spawner, shape="large")
    words = ["/opt/python3", "-m", "jupyterhub.singleuser", 'it\'s "so"']
    if kind == "condor":
        assert TOKEN not in script
        assert "RequestMemory = 4096\n" in script
        assert f"Remote_Initialdir = {HOME}\n" in script
        (line,) = (line for line in script.splitlines() if line.startswith("Arguments"))
        assert shlex.split(read_arguments(line)[1])[-4:] == words
    else:
        subprocess.run(["/bin/bash", "-n"], input=script, text=True, check=True, timeout=10)
        assert any(
            shlex.split(line)[-4:] == words for line in script.splitlines() if "jupyterhub.singleuser" in line
        )
        assert (shlex.quote(TOKEN) in script) is (kind not in IN_FILE)


def test_a_users_home_that_cannot_stand_in_a_script_is_refused(
    describe: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(site_file("pbs"))
    spawner = spawner_of("pbs")
    strange = pwd.struct_passwd((*ACCOUNT[:5], "/home/a b\n#PBS", ACCOUNT[6]))
    monkeypatch.setattr(family, "account_of", lambda _: strange)
    with pytest.raises(SpawnException, match="cannot stand in a batch script"):
        asyncio.run(spawner.submit_batch_script())
