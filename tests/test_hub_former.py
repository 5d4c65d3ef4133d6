"""What becomes of a centre's settings for plain batchspawner. Pure; what runs for real is in tests/hub.

The behaviours are those that batchspawner's own tests check of its Slurm class; docs/hub.md names each exception.
"""

import subprocess
from types import SimpleNamespace
from typing import get_args

import pytest

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

from batchspawner.batchspawner import JobStatus, SlurmSpawner
from traitlets.config import Config

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.hub import former
from ihpc_jupyter.hub.clocks import Part
from ihpc_jupyter.hub.spawner import IhpcSpawner
from ihpc_jupyter.hub.startup import mistakes
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.slurm_commands import read_command, search_path
from tests.asynchronous import run
from tests.family.spawners import HUB, TOKEN, hub_user

SITE = Site.model_validate({
    "name": "hpc", "kind": "slurm",
    "lanes": {"bare": {}, "whole": {"partition": "fast", "account": "own", "time_limit": "2h", "max_time": "4h"}},
    "shapes": {"bare": {}, "whole": {"cores": 8, "memory": "16GiB"}},
})  # fmt: skip
VALUES = {
    "cmd": "python3 -m server '--name=a b'",
    "partition": "fast",
    "prologue": "module load x",
}


def said_of(**settings: str) -> list[str]:
    """What a hub that starts with these settings says."""
    return mistakes(Config(SlurmSpawner=Config(settings)), IhpcSpawner)


def test_settings_for_batchspawners_slurm_class_reach_ours() -> None:
    assert issubclass(IhpcSpawner, SlurmSpawner)
    spawner = IhpcSpawner(
        config=Config(SlurmSpawner={"req_partition": "fast"}, BatchSpawnerBase={"req_nprocs": "3"})
    )
    assert (spawner.req_partition, spawner.req_nprocs) == ("fast", "3")


def test_what_the_settings_ask_for_fills_in_what_the_site_file_leaves_out() -> None:
    given = former.read_given(
        {
            "partition": "slow",
            "account": "ours",
            "qos": "q",
            "runtime": "1-00:30:00",
            "memory": "5678",
            "nprocs": "5",
        },
        former.Given,
    )
    filled = former.completed(SITE, given)
    bare, whole = filled.lanes["bare"], filled.lanes["whole"]
    assert (bare.partition, bare.account, bare.qos) == ("slow", "ours", "q")
    assert (bare.time_limit, bare.max_time) == (88200, 88200), "with batchspawner nobody could ask for more"
    assert (whole.partition, whole.account, whole.qos, whole.time_limit) == ("fast", "own", "q", 7200)
    assert (filled.shapes["bare"].cores, filled.shapes["bare"].memory) == (5, 5678 << 20), "Slurm's number is MiB"
    assert filled.shapes["whole"] == SITE.shapes["whole"]
    assert former.completed(SITE, former.read_given({}, former.Given)) == SITE
    assert former.read_given({"runtime": "90"}, former.Given).runtime == 5400, "Slurm's number is minutes"


@pytest.mark.parametrize(
    ("name", "value"),
    [("partition", "a b"), ("account", "x;reboot"), ("memory", "much"), ("nprocs", "0"), ("gres", "gpu\n#SBATCH"),
     ("runtime", "soon"), ("srun", "srun 'x"), ("reservation", "$(x)"), ("qos", "-x")],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_when_the_hub_starts(name: str, value: str) -> None:
    (line,) = said_of(**{f"req_{name}": value})
    assert line.startswith(f"c.SlurmSpawner.req_{name}: ")
    assert repr(value) in line


@pytest.mark.parametrize("name", [*former.INSTEAD])
def test_what_cannot_be_kept_is_refused_with_what_to_use_instead(name: str) -> None:
    section = "MultiSlurmSpawner" if name == "daemon_resolver" else "SlurmSpawner"
    (line,) = mistakes(Config({section: {name: "x"}}), IhpcSpawner)
    assert line.startswith(f"c.{section}.{name} cannot be kept. Use instead: ")
    assert not line.endswith(": .")


def test_without_a_site_file_the_settings_must_say_how_long_and_how_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IHPC_SYSTEM_SITE_FILE", "/nonexistent")
    (line,) = said_of(req_partition="fast", req_memory="1G")
    assert "req_runtime is not set" in line
    assert said_of(req_partition="fast", req_memory="1G", req_runtime="1:00:00") == []


@pytest.fixture
def undescribed(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """No site file, and the settings that are needed then."""
    monkeypatch.setenv("IHPC_SYSTEM_SITE_FILE", "/nonexistent")
    return {"req_memory": "1G", "req_runtime": "1:00:00"}


@pytest.mark.parametrize(
    ("value", "named"),
    [({"none": {"queue": 5}}, "no lane 'none'"), ({"batch": {"queue": 0}}, "['batch']['queue']"),
     ({"batch": {"wait": 5}}, "['batch']['wait']"), ({"batch": {"boot": "5"}}, "['batch']['boot']"),
     ({"batch": {"http": 10**9}}, "['batch']['http']"), ("batch", "'batch'"), ([1], "[1]")],
)  # fmt: skip
def test_clocks_that_cannot_be_are_refused_when_the_hub_starts(
    undescribed: dict[str, object], value: object, named: str
) -> None:
    (line,) = mistakes(Config({"IhpcSpawner": {**undescribed, "lane_timeouts": value}}), IhpcSpawner)
    assert line.startswith("c.IhpcSpawner.lane_timeouts: ")
    assert named in line


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("ports", (40000, 30000), "(40000, 30000)"), ("ports", (30000, 70000), "70000"), ("ports", "3", "'3'"),
     ("queue_timeout", "soon", "'soon'"), ("queue_timeout", 0, "less than 1"), ("boot_timeout", 1.5, "1.5"),
     ("node_host", "{node}.example.org", "callable"), ("node_python", ["python3"], "['python3']"),
     ("log_directory", "logs", "absolute"), ("log_directory", "{home}/x", "{homedir}"), ("req_gres", 5, "int 5"),
     ("queue_timout", 600, "There is queue_timeout")],
)  # fmt: skip
def test_a_setting_that_no_start_could_use_is_refused_by_name_when_the_hub_starts(
    undescribed: dict[str, object], name: str, value: object, told: str
) -> None:
    (line,) = mistakes(Config({"IhpcSpawner": {**undescribed, name: value}}), IhpcSpawner)
    assert line.startswith(f"c.IhpcSpawner.{name}: ")
    assert told in line
    later = Config({"IhpcSpawner": undescribed, "Spawner": {"of_a_centres_own": value}})
    assert mistakes(later, IhpcSpawner) == [], "what stands in others' sections is not ours to refuse"


def test_a_centres_own_class_may_want_a_user_when_it_is_made(undescribed: dict[str, object]) -> None:
    class Own(IhpcSpawner):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)
            assert self.user is not None

    settings = Config({"IhpcSpawner": {**undescribed, "ports": (2, 1)}})
    settings.Spawner.env_keep.append("MODULEPATH")
    (line,) = mistakes(settings, Own)
    assert line.startswith("c.IhpcSpawner.ports: ")


def test_a_lane_has_clocks_of_its_own(undescribed: dict[str, object]) -> None:
    clocks = {"batch": {"queue": 90000, "http": 7}}
    settings = undescribed | {
        "lane_timeouts": clocks,
        "queue_timeout": 600,
        "boot_timeout": 60,
        "http_timeout": 20,
    }
    assert mistakes(Config({"IhpcSpawner": settings}), IhpcSpawner) == []
    spawner = IhpcSpawner(config=Config({"IhpcSpawner": settings}))
    told = [[spawner._clock(part, lane) for part in get_args(Part)] for lane in ("batch", "other")]
    assert told == [[90000, 60, 7], [600, 60, 20]]
    assert spawner.start_timeout > 90000 + 60 + 7, "the hub's own clock leaves each of ours its time"


@pytest.mark.parametrize(
    ("kind", "line"),
    [("submit", "sbatch --parsable | tail -1"), ("submit", "sbatch -p fast"), ("submit", "sudo sbatch"),
     ("submit", "sbatch --comment=$(id)"), ("submit", "./sbatch"), ("submit", "sbatch 'x"),
     ("query", "squeue -h -j {job_id} -o %N"), ("query", "my-squeue"),
     ("cancel", "scancel --signal=KILL {job_id}")],
)  # fmt: skip
def test_a_command_that_needs_more_than_words_is_refused(kind: str, line: str) -> None:
    with pytest.raises(InvalidRequest):
        read_command(kind, line)
    (told,) = said_of(**{f"batch_{kind}_cmd": line})
    assert told.startswith(f"c.SlurmSpawner.batch_{kind}_cmd: ")


def test_of_a_command_its_place_and_its_options_are_kept() -> None:
    submit = read_command("submit", "/opt/slurm/bin/sbatch --parsable --clusters=west --exclusive")
    assert submit.directives == ("#SBATCH --clusters=west", "#SBATCH --exclusive")
    query = read_command("query", SlurmSpawner.batch_query_cmd.default_value)
    cancel = read_command("cancel", "/opt/slurm/bin/scancel {job_id}")
    assert search_path("/usr/bin", submit, query, cancel) == "/opt/slurm/bin:/usr/bin"


def test_a_template_is_filled_in_and_gets_the_environment_before_its_first_command() -> None:
    template = "#!/bin/bash\n#SBATCH --partition={partition}\n# ours\n\nset -eu\n{prologue}\n{cmd}\necho after"
    filled = former.fill_template(template, VALUES, ["#SBATCH --no-requeue"], ["export TOKEN='s $(e)'"])
    assert filled.splitlines() == [
        "#!/bin/bash", "#SBATCH --no-requeue", "#SBATCH --partition=fast", "# ours", "", "export TOKEN='s $(e)'",
        "set -eu", "module load x", VALUES["cmd"], "echo after",
    ]  # fmt: skip
    jinja = "#!/bin/sh\n{% if partition %}x={{partition}}{% endif %}\n{{cmd}}"
    assert "x=fast" in former.fill_template(jinja, VALUES, [], [])


@pytest.mark.parametrize(
    ("template", "words"),
    [("#!/bin/sh\n{wrong} {cmd}", "'wrong' is not known"), ("#!/bin/sh\ntrue", "does not hold"),
     ("{cmd}", "no shell"), ("#!/usr/bin/fish\n{cmd}", "no shell"),
     ("#!/bin/sh\n{% if %}{{cmd}}", "filled in")],
)  # fmt: skip
def test_a_template_with_a_mistake_is_refused(template: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        former.fill_template(template, VALUES, [], [])
    (told,) = said_of(batch_script=template)
    assert told.startswith("c.SlurmSpawner.batch_script")
    assert words in told


def test_batchspawners_own_template_runs_its_command_here(tmp_path: object) -> None:
    values = dict.fromkeys(("homedir", "keepvars", "prologue", "epilogue", "srun"), "") | {"cmd": "echo $GIVEN"}
    filled = former.fill_template(SlurmSpawner.batch_script.default_value, values, [], ["export GIVEN='a b'"])
    done = subprocess.run(["/bin/bash"], input=filled, capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout == "a b\njupyterhub-singleuser ended gracefully\n"


def spawner_with(**settings: object) -> IhpcSpawner:
    """A spawner as a hub with these settings and without a site file makes it."""
    user = hub_user()
    return IhpcSpawner(
        user=user, orm_spawner=user.orm_spawners[""], db=user.db, hub=HUB, api_token=TOKEN,
        config=Config(SlurmSpawner=Config(settings)),
    )  # fmt: skip


def script_of(spawner: IhpcSpawner) -> list[str]:
    """The lines of its batch script."""
    assert run(spawner.poll()) == 1, "nothing was started"
    return spawner._script(spawner.accept({})).splitlines()


def test_what_batchspawners_settings_ask_for_stands_in_the_script(undescribed: dict[str, object]) -> None:
    asked = {"nprocs": "5", "reservation": "RES123", "gres": "GRES123", "options": "--comment=asked"}
    around = {"prologue": "echo PROLOGUE", "epilogue": "echo EPILOGUE", "srun": "srun --quiet"}
    settings = {f"req_{name}": text for name, text in (asked | around).items()}
    lines = script_of(spawner_with(cmd=["the-server"], **undescribed, **settings))
    wanted = ("cpus-per-task=5", "time=60", "mem=1024M", "reservation=RES123", "gres=GRES123", "comment=asked")
    assert {f"#SBATCH --{words}" for words in wanted} <= {*lines}
    before, server, after = (
        next(number for number, line in enumerate(lines) if words in line)
        for words in ("echo PROLOGUE", "the-server", "echo EPILOGUE")
    )
    assert before < server < after
    assert lines[server].startswith("srun --quiet ")


@pytest.mark.parametrize(
    ("kept", "extra", "exported"),
    [("ABCDE", "", {"ABCDE"}), ("ABCDE", "XYZ", {"ABCDE", "XYZ"}), (None, "", {"ABCDE", "XYZ", "OTHER"})],
)
def test_only_the_variables_that_are_kept_reach_a_server(
    undescribed: dict[str, object], kept: str | None, extra: str, exported: set[str]
) -> None:
    given = {"ABCDE": "1", "XYZ": "2", "OTHER": "3"}
    spawner = spawner_with(environment=given, req_keepvars_extra=extra, **undescribed)
    if kept is not None:
        spawner.req_keepvars = kept
    lines = script_of(spawner)
    assert {name for name in given if any(line.startswith(f"export {name}=") for line in lines)} == exported


def test_nothing_of_batchspawners_reaches_a_shell() -> None:
    spawner = IhpcSpawner()
    with pytest.raises(NotImplementedError, match="no shell"):
        spawner.run_command("true").send(None)
    with pytest.raises(StopIteration) as told:
        spawner.query_job_status().send(None)
    assert told.value.value is JobStatus.NOTFOUND


@pytest.mark.parametrize(
    ("state", "silent", "said"),
    [(None, "", JobStatus.UNKNOWN), (JobState.PENDING, "", JobStatus.PENDING),
     (JobState.RUNNING, "", JobStatus.RUNNING), (JobState.RUNNING, "nobody answers", JobStatus.UNKNOWN),
     (JobState.FAILED, "", JobStatus.NOTFOUND), (JobState.UNKNOWN, "", JobStatus.NOTFOUND)],
)  # fmt: skip
def test_how_a_job_fares_is_said_in_batchspawners_words(
    monkeypatch: pytest.MonkeyPatch, state: JobState | None, silent: str, said: JobStatus
) -> None:
    job = None if state is None else Job(id="7", name="jupyter-1", state=state)
    watch = SimpleNamespace(look=lambda _: job, silent=silent)
    monkeypatch.setattr(IhpcSpawner, "_centre", SimpleNamespace(watch=watch))
    spawner = IhpcSpawner()
    spawner.job_id = "7"
    assert run(spawner.query_job_status()) is said
