"""Their scripts, as text: what is asked for, in each system's words, and that bash and HTCondor read them so."""

import shlex
import subprocess
from collections.abc import Callable

import pytest

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

from jupyterhub import orm
from jupyterhub.objects import Hub

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.hub.directives import condor_description, condor_quoted
from tests.family.spawners import (
    HOME,
    IN_FILE,
    KINDS,
    PROLOGUE,
    TOKEN,
    out,
    read_arguments,
    script_of,
    secrets_of,
    site_file,
    spawner_of,
)

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
    assert (token in exports) is (kind not in IN_FILE), "others may read the script"
    assert ("a-secret" in script) is (kind not in IN_FILE), "in no other variable or word either"
    assert bool(exports) is (kind != "lsf")
    before, server = rest.splitlines()[len(exports) :]
    assert before == PROLOGUE
    words = ["exec", "/opt/python3", "-m", "ihpc_jupyter.hub.singleuser", "30000", "39999", *secrets_of(kind)]
    assert server.startswith(f"{shlex.join(words)} /opt/python3 -m jupyterhub")


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
    words = ["-m", "ihpc_jupyter.hub.singleuser", "30000", "39999", *secrets_of("condor")]
    assert done.stdout == " ".join(words) + " /opt/it's a \"b\" $(c) $$ \\n\nit's 2\n"


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
    words = ["-m", "ihpc_jupyter.hub.singleuser", "30000", "39999", *secrets_of(kind), "server"]
    assert done.stdout == f"{' '.join(words)} {nasty}\nit's 2\n{nasty}"
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


def test_a_tokens_file_is_one_servers_of_one_hub() -> None:
    spawner = spawner_of("lsf")
    files = {spawner._secrets_file(HOME)}
    spawner.orm_spawner = orm.Spawner(name="second")
    files.add(spawner._secrets_file(HOME))
    spawner.hub = Hub(ip="127.0.0.1", port=8082)  # another one, which has the same homes
    assert len({*files, spawner._secrets_file(HOME)}) == 3
