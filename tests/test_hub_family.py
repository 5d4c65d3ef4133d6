"""The spawners for batch systems other than Slurm: their scripts as text, their settings, batchspawner's chain.

No such system was run: where a test starts a server, the system's programs are stand-ins that answer as its
manuals say.
"""

import asyncio
import getpass
import json
import logging
import pwd
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

from batchspawner import batchspawner as plain
from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.spawner import SpawnException
from jupyterhub.user import User
from traitlets.config import Config

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.hub import centre, family
from ihpc_jupyter.hub.directives import condor_description, condor_quoted
from ihpc_jupyter.hub.startup import mistakes
from tests.hub.test_hub import REFUSED

REPOSITORY = Path(__file__).resolve().parents[1]
ACCOUNT = pwd.getpwnam(getpass.getuser())
HOME = ACCOUNT.pw_dir
TOKEN = "a-secret-of-the-server's"  # noqa: S105
PROLOGUE = 'SEEN="it\'s $((1 + 1))"'

KINDS = {
    "torque": family.IhpcTorqueSpawner,
    "moab": family.IhpcMoabSpawner,
    "pbs": family.IhpcPBSSpawner,
    "gridengine": family.IhpcGridengineSpawner,
    "lsf": family.IhpcLsfSpawner,
    "condor": family.IhpcCondorSpawner,
}
THEIRS = {
    "torque": plain.TorqueSpawner,
    "moab": plain.MoabSpawner,
    "pbs": plain.PBSSpawner,
    "gridengine": plain.GridengineSpawner,
    "lsf": plain.LsfSpawner,
    "condor": plain.CondorSpawner,
}
SETTINGS: dict[str, dict[str, Any]] = {"gridengine": {"parallel_environment": "smp"}}

LANES = """
[sites.big.lanes.interactive]
partition = "short"
time_limit = "4h"
max_time = "12h"
[sites.big.lanes.urgent]
groups = ["nobody-is-in-this-group"]
[sites.big.lanes.batch]
account = "physics"
{more}
[sites.big.shapes.small]
cores = 1
memory = "1GiB"
[sites.big.shapes.large]
cores = 4
memory = "4GiB"
{gpus}
[sites.big.shapes.huge]
cores = 4
memory = "400GiB"
"""


def site_file(kind: str) -> str:
    """Lanes for a kind, with all that its system has a word for."""
    more = {
        "moab": 'qos = "high"\nreservation = "standby"',
        "gridengine": 'reservation = "12"',
        "lsf": 'reservation = "standby"',
    }
    text = f'[sites.big]\nkind = "{kind}"\nprologue = ["""{PROLOGUE}"""]\n'
    text += LANES.format(more=more.get(kind, ""), gpus="" if kind == "gridengine" else "gpus = 2")
    return text.replace('partition = "short"', "") if kind == "condor" else text


@pytest.fixture
def describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes the system-wide site file, as hubs read it when they start."""

    def write(text: str) -> None:
        (tmp_path / "site.toml").write_text(text)
        centre.server_site.cache_clear()

    monkeypatch.setenv("IHPC_SYSTEM_SITE_FILE", str(tmp_path / "site.toml"))
    yield write
    centre.server_site.cache_clear()


@cache
def hub_user() -> User:
    """The user who runs this, as a hub's database has them."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    account = orm.User(name=ACCOUNT.pw_name)
    server = orm.Server(base_url=f"/user/{ACCOUNT.pw_name}/")
    session.add_all([account, orm.Spawner(name="", user=account, server=server)])
    session.commit()
    return User(account, {})


def spawner_of(kind: str, **settings: Any) -> family.FamilySpawner:
    """A spawner as a hub with these settings for batchspawner's class makes it."""
    given = {**SETTINGS.get(kind, {}), "node_python": "/opt/python3", **settings}
    user = hub_user()
    spawner = KINDS[kind](
        user=user, orm_spawner=user.orm_spawners[""], db=user.db, hub=Hub(), api_token=TOKEN,
        config=Config({THEIRS[kind].__name__: given}),
    )  # fmt: skip
    assert isinstance(spawner, family.FamilySpawner)
    return spawner


def script_of(spawner: family.FamilySpawner, **options: object) -> str:
    return spawner._script(spawner.accept(options), HOME)


def said_of(kind: str, **settings: Any) -> list[str]:
    """What a hub that starts with these settings says."""
    return mistakes(Config({THEIRS[kind].__name__: {**SETTINGS.get(kind, {}), **settings}}), KINDS[kind])


def out(name: str) -> str:
    return f"{HOME}/.jupyterhub.{name}"


PBS = [
    "#PBS -S /bin/bash", "#PBS -N jupyterhub-singleuser", "#PBS -j oe", f"#PBS -o {out('pbs.out')}", "#PBS -r n",
]  # fmt: skip
SGE = [
    "#$ -S /bin/bash", "#$ -N spawner-jupyterhub", "#$ -j yes", f"#$ -o {out('sge.out')}", "#$ -r no",
]  # fmt: skip
LSF = [
    "#BSUB -J spawner-jupyterhub", f"#BSUB -o {out('lsf.out')}", f"#BSUB -e {out('lsf.err')}", "#BSUB -rn",
]  # fmt: skip
SMALL: dict[str, object] = {}
LARGE: dict[str, object] = {"lane": "batch", "shape": "large", "time": "90m"}

RENDERED: list[tuple[str, dict[str, object], list[str]]] = [
    ("torque", SMALL, [
        *PBS, "#PBS -q short", "#PBS -l walltime=04:00:00", "#PBS -l nodes=1:ppn=1", "#PBS -l mem=1024mb",
    ]),
    ("torque", LARGE, [
        *PBS, "#PBS -A physics", "#PBS -l walltime=01:30:00", "#PBS -l nodes=1:ppn=4:gpus=2", "#PBS -l mem=4096mb",
    ]),
    ("moab", LARGE, [
        *PBS, "#PBS -A physics", "#PBS -l walltime=01:30:00", "#PBS -l nodes=1:ppn=4:gpus=2", "#PBS -l mem=4096mb",
        "#PBS -l qos=high", "#PBS -l advres=standby",
    ]),
    ("pbs", SMALL, [
        *PBS, "#PBS -q short", "#PBS -l walltime=04:00:00", "#PBS -l select=1:ncpus=1:mem=1024mb",
    ]),
    ("pbs", LARGE, [
        *PBS, "#PBS -A physics", "#PBS -l walltime=01:30:00", "#PBS -l select=1:ncpus=4:mem=4096mb:ngpus=2",
    ]),
    ("gridengine", SMALL, [*SGE, "#$ -q short", "#$ -l h_rt=04:00:00", "#$ -l h_vmem=1024M"]),
    ("gridengine", LARGE, [
        *SGE, "#$ -P physics", "#$ -ar 12", "#$ -l h_rt=01:30:00", "#$ -l h_vmem=1024M", "#$ -pe smp 4",
    ]),
    ("lsf", SMALL, [
        *LSF, "#BSUB -q short", "#BSUB -W 240", "#BSUB -n 1", "#BSUB -M 1024MB", '#BSUB -R "select[type==any]"',
        '#BSUB -R "span[hosts=1]"', '#BSUB -R "rusage[mem=1024MB]"',
    ]),
    ("lsf", LARGE, [
        *LSF, "#BSUB -P physics", "#BSUB -U standby", "#BSUB -W 90", "#BSUB -n 4", "#BSUB -M 4096MB",
        '#BSUB -R "select[type==any]"', '#BSUB -R "span[hosts=1]"', '#BSUB -R "rusage[mem=4096MB]"',
        '#BSUB -gpu "num=2"',
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "lines"), RENDERED)
def test_a_script_asks_for_lane_shape_and_time_in_the_systems_words(
    describe: Callable[[str], None], kind: str, options: dict[str, object], lines: list[str]
) -> None:
    describe(site_file(kind))
    script = script_of(spawner_of(kind, req_options="one\ntwo"), **options)
    mark = lines[0].split()[0]
    head, _, rest = script.partition('cd -- "$HOME" || exit 1\n')
    assert head.splitlines() == ["#!/bin/bash", *lines, f"{mark} one", f"{mark} two"]
    exports = [line for line in rest.splitlines() if line.startswith("export ")]
    token = f"export JUPYTERHUB_API_TOKEN={shlex.quote(TOKEN)}"
    assert (token in exports) is (kind != "lsf"), "LSF shows everybody the script"
    assert bool(exports) is (kind != "lsf")
    before, server = rest.splitlines()[len(exports) :]
    assert before == PROLOGUE
    assert server.startswith(
        "exec /opt/python3 -m ihpc_jupyter.hub.singleuser 30000 39999 /opt/python3 -m jupyterhub"
    )


@pytest.mark.parametrize(
    ("options", "lines"),
    [(SMALL, ["RequestCpus = 1", "RequestMemory = 1024"]),
     (LARGE, ["RequestCpus = 4", "RequestMemory = 4096", "RequestGPUs = 2", "Accounting_Group = physics"])],
)  # fmt: skip
def test_a_description_asks_htcondor_in_its_words(
    describe: Callable[[str], None], options: dict[str, object], lines: list[str]
) -> None:
    describe(site_file("condor"))
    spawner = spawner_of(
        "condor", req_options="Requirements = HasJupyter", node_python="/bin/echo",
        cmd=["/opt/it's", 'a "b"', "$(c)", "$$", "\\n"], req_epilogue='echo "$SEEN"',
    )  # fmt: skip
    first, arguments, *rest = script_of(spawner, **options).splitlines()
    seconds = 14400 if options is SMALL else 5400
    assert first == "Executable = /bin/bash"
    assert rest == [
        f"Remote_Initialdir = {HOME}", f"Output = {out('condor.out')}", f"Error = {out('condor.err')}",
        "ShouldTransferFiles = False", "GetEnv = True", *lines,
        "Periodic_Remove = JobStatus == 5 || (JobStatus == 1 && NumJobStarts > 0)"
        f" || (JobStatus == 2 && time() - JobCurrentStartDate > {seconds})",
        "Requirements = HasJupyter", "Queue",
    ]  # fmt: skip
    assert TOKEN not in arguments
    dash_c, command = read_arguments(arguments)
    done = subprocess.run(["/bin/bash", dash_c, command], capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout == "-m ihpc_jupyter.hub.singleuser 30000 39999 /opt/it's a \"b\" $(c) $$ \\n\nit's 2\n"


def read_arguments(line: str) -> list[str]:
    """The words of an Arguments line, read as HTCondor's manual says: its macros first, then its two quotes."""
    value = line.removeprefix("Arguments = ")
    assert "$" not in value.replace("$(DOLLAR)", ""), "nothing else is left for HTCondor to fill in"
    value = value.replace("$(DOLLAR)", "$")
    assert (value[0], value[-1]) == ('"', '"')
    inner = value[1:-1].replace('""', "\0")
    assert '"' not in inner
    words, quoted, rest = [""], False, inner.replace("\0", '"')
    while rest:
        if quoted and rest.startswith("''"):
            words[-1], rest = words[-1] + "'", rest[2:]
        elif rest[0] == "'":
            quoted, rest = not quoted, rest[1:]
        elif rest[0] == " " and not quoted:
            words, rest = [*words, ""], rest[1:]
        else:
            words[-1], rest = words[-1] + rest[0], rest[1:]
    assert not quoted
    return words


@pytest.mark.parametrize("command", ["a\nb", "a\x07", "x $$(id)", "tab\there"])
def test_what_htcondors_arguments_cannot_hold_is_refused(command: str) -> None:
    with pytest.raises(InvalidRequest, match="HTCondor"):
        condor_quoted(command)


def test_lines_of_a_shell_come_to_htcondors_job_as_they_are() -> None:
    lines = ["if true; then  # it's so", "\tprintf '%s|' \"$((1 + 1))\" '\\n' $'\\x41'", "fi"]
    _, arguments, _ = condor_description(lines, []).splitlines()
    done = subprocess.run(["/bin/bash", *read_arguments(arguments)], capture_output=True, check=True, timeout=10)
    assert done.stdout == b"2|\\n|A|"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "condor"])
def test_a_script_is_one_of_bashs_and_hands_on_every_word(describe: Callable[[str], None], kind: str) -> None:
    describe(site_file(kind))
    nasty = "a'b\"$(reboot)\n#PBS -A other\n`id`;"
    spawner = spawner_of(
        kind, node_python="/bin/echo", args=[nasty], cmd=["server"], req_epilogue='echo "$SEEN"',
        environment={"NASTY": nasty},
    )  # fmt: skip
    script = script_of(spawner)
    subprocess.run(["/bin/bash", "-n"], input=script, text=True, check=True, timeout=10)
    environment = {"HOME": HOME, "NASTY": nasty} if kind == "lsf" else {"HOME": HOME}
    asking = script.replace('echo "$SEEN"', 'echo "$SEEN"; printf %s "$NASTY"')
    done = subprocess.run(
        ["/bin/bash"], input=asking, env=environment, capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout == f"-m ihpc_jupyter.hub.singleuser 30000 39999 server {nasty}\nit's 2\n{nasty}"
    head = script.partition("\ncd -- ")[0]
    assert "other" not in head
    assert "reboot" not in head


@pytest.mark.parametrize(("kind", "mark"), [("gridengine", "#$"), ("lsf", "#BSUB")])
def test_a_value_that_would_be_read_as_a_directive_is_refused(
    describe: Callable[[str], None], kind: str, mark: str
) -> None:
    describe(site_file(kind))
    with pytest.raises(InvalidRequest, match="has a line with"):
        script_of(spawner_of(kind, args=[f"a\n{mark} -q other"]))


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
        assert (shlex.quote(TOKEN) in script) is (kind != "lsf")


def test_a_users_home_that_cannot_stand_in_a_script_is_refused(
    describe: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(site_file("pbs"))
    spawner = spawner_of("pbs")
    strange = pwd.struct_passwd((*ACCOUNT[:5], "/home/a b\n#PBS", ACCOUNT[6]))
    monkeypatch.setattr(family, "account_of", lambda _: strange)
    with pytest.raises(SpawnException, match="cannot stand in a batch script"):
        asyncio.run(spawner.submit_batch_script())


QUEUE_XML = """<job_info><queue_info><job_list state="{state}"><JB_job_number>77</JB_job_number>
<queue_name>short@node3</queue_name></job_list></queue_info></job_info>"""

ANSWERS: dict[str, tuple[tuple[str, str, str], str, str, str, str]] = {
    "torque": (("qsub", "qstat", "qdel"), "77.server", "77.server",
               "<job_state>Q</job_state>", "<job_state>R</job_state><exec_host>node3/0</exec_host>"),
    "moab": (("msub", "mdiag", "mjobctl"), "Moab.77", "Moab.77",
             'State="Idle"', 'State="Running" AllocNodeList="node3"'),
    "pbs": (("qsub", "qstat", "qdel"), "77.server", "77.server",
            "job_state = Q", "job_state = R\n exec_host = node3/0"),
    "gridengine": (("qsub", "qstat", "qdel"), 'Your job 77 ("spawner-jupyterhub") has been submitted', "77",
                   QUEUE_XML.format(state="pending"), QUEUE_XML.format(state="running")),
    "lsf": (("bsub", "bjobs", "bkill"), "Job <77> is submitted to queue <short>.", "77",
            "PEND -", "RUN node3:node4"),
    "condor": (("condor_submit", "condor_q", "condor_rm"), "1 job(s) submitted to cluster 77.", "77",
               "1, undefined", "2, slot1@node3"),
}  # fmt: skip
"""Programs, what the first says, the id in it, and what the second says of a job that waits and one that runs."""

STAND_IN = """#!{python}
import json, os, pathlib, sys
place = pathlib.Path({place!r})
name = pathlib.Path(sys.argv[0]).name
seen = {{"argv": sys.argv[1:], "environment": dict(os.environ)}}
if name == {submit!r}:
    seen["input"] = sys.stdin.read()
(place / f"{{name}}.json").write_text(json.dumps(seen))
answer = place / f"{{name}}.txt"
print(answer.read_text() if answer.exists() else "")
"""


@pytest.mark.parametrize("kind", KINDS)
def test_batchspawners_chain_starts_and_stops_a_server(
    describe: Callable[[str], None], tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    describe(site_file(kind))
    programs, said, job_id, waiting, running = ANSWERS[kind]
    for name in programs:
        (tmp_path / name).write_text(
            STAND_IN.format(python=sys.executable, place=str(tmp_path), submit=programs[0])
        )
        (tmp_path / name).chmod(0o700)
    (tmp_path / f"{programs[0]}.txt").write_text(said)
    asked = tmp_path / f"{programs[1]}.txt"
    asked.write_text(waiting)
    caplog.set_level(logging.DEBUG)
    spawner = spawner_of(
        kind, exec_prefix=f"env PATH={tmp_path} ASKED_FOR={{username}}", startup_poll_interval=0.02
    )
    spawner.log = logging.getLogger("hub")
    spawner.user_options = {"lane": "batch"}
    expected = script_of(spawner, lane="batch")

    async def play() -> tuple[str, int]:
        with pytest.raises(LookupError):
            spawner.take_port(30001)
        start = asyncio.ensure_future(spawner.start())
        while not spawner.job_status and not start.done():  # noqa: ASYNC110 (batchspawner's chain tells nobody)
            await asyncio.sleep(0.01)
        assert await spawner.poll() is None
        asked.write_text(running)
        with pytest.raises(ValueError, match="between 30000 and 39999"):
            spawner.take_port(22)
        spawner.take_port(30001)
        with pytest.raises(LookupError):
            spawner.take_port(30002)
        host, port = await start
        asked.write_text("")
        if kind == "gridengine":
            asked.write_text("<job_info/>")
        await spawner.stop(now=True)
        return host, port

    assert asyncio.run(asyncio.wait_for(play(), 20)) == ("node3", 30001)
    assert spawner.job_id == job_id
    assert spawner.get_state()["ihpc"] == {"token_hash": spawner.token_hash}
    again = spawner_of(kind)
    again.load_state(spawner.get_state())
    assert (again.job_id, again.token_hash) == (job_id, spawner.token_hash)
    with pytest.raises(LookupError):
        again.take_port(30001)
    assert asyncio.run(spawner.poll()) == 1
    assert spawner.get_state() == {}

    seen = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in programs}
    submitted = seen[programs[0]]
    assert submitted["input"] == expected
    assert submitted["environment"]["ASKED_FOR"] == ACCOUNT.pw_name
    in_environment = submitted["environment"].get("JUPYTERHUB_API_TOKEN") == TOKEN
    assert in_environment is (kind in {"lsf", "condor"})
    assert TOKEN not in str([one["argv"] for one in seen.values()])
    assert job_id in seen[programs[2]]["argv"]
    assert TOKEN not in caplog.text


SILENT = {
    "torque": "qstat: cannot connect to server big (errno=15137)", "moab": "ERROR: communication error",
    "pbs": "Connection refused", "gridengine": "error: unable to contact qmaster", "lsf": "LSF is down.",
    "condor": "-- Failed to fetch ads from: <10.0.0.1:9618>",
}  # fmt: skip
GONE = {
    "torque": ["qstat: Unknown Job Id 77.server", "<job_state>C</job_state>"],
    "moab": ['State="Completed"', "ERROR:  cannot locate job 'Moab.77'"],
    "pbs": ["qstat: Unknown Job Id 77.server", "qstat: 77.server Job has finished", "job_state = F"],
    "gridengine": ["<job_info></job_info>", "<job_info xmlns:xsd='x'/>"],
    "lsf": ["Job <77> is not found", "DONE node3", "EXIT node3"],
    "condor": ["", "4, undefined"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_system_that_is_silent_costs_nobody_a_server(describe: Callable[[str], None], kind: str) -> None:
    describe(site_file(kind))

    def poll(says: str, *, fails: bool) -> object:
        command = f"echo {shlex.quote(says)} {'>&2; false' if fails else ''}"
        spawner = spawner_of(kind, exec_prefix="", batch_query_cmd=command.replace("{", "{{").replace("}", "}}"))
        spawner.job_id = "77"
        return asyncio.run(spawner.poll())

    assert poll(SILENT[kind], fails=True) is None
    for says in (*ANSWERS[kind][3:], *(["job_state = S", "<job_state>S</job_state>"] if kind == "pbs" else [])):
        assert poll(says, fails=False) is None
    for says in GONE[kind]:
        assert [poll(says, fails=fails) for fails in (False, True)] == [1, 1], says


@pytest.mark.parametrize(
    ("kind", "answer", "told"),
    [("gridengine", "echo Unable to run job", "submission failure"),
     ("condor", "echo ERROR", "submission failure"), ("pbs", "echo '1;id'", "submission failure"),
     ("pbs", "echo qsub: Unknown queue >&2; false", "Unknown queue")],
)  # fmt: skip
def test_an_answer_without_a_jobs_id_is_no_start(
    describe: Callable[[str], None], kind: str, answer: str, told: str
) -> None:
    describe(site_file(kind))
    spawner = spawner_of(kind, exec_prefix="", batch_submit_cmd=f"cat > /dev/null; {answer}")
    with pytest.raises(SpawnException) as refused:
        asyncio.run(spawner.start())
    assert told in refused.value.jupyterhub_message


def test_each_is_chosen_by_the_name_that_the_package_declares() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]
    spawners = declared["jupyterhub.spawners"]
    for kind, ours in KINDS.items():
        assert EntryPoint(kind, spawners[f"ihpc-{kind}"], "jupyterhub.spawners").load() is ours
        assert issubclass(ours, THEIRS[kind]), "settings for batchspawner's class reach it"
    look = (
        "import sys, ihpc_jupyter.hub.family; print({'dask', 'distributed', 'jupyter_server'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", look], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
