"""batchspawner's chain with our classes: submit, ask, take the port, stop.

No such system was run: its programs are stand-ins that answer as its manuals say.
"""

import asyncio
import json
import logging
import os
import pwd
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")

from jupyterhub.spawner import SpawnException

from ihpc_jupyter.files import write_text
from ihpc_jupyter.hub import family
from tests.family.spawners import ACCOUNT, IN_FILE, KINDS, THEIRS, TOKEN, site_file, spawner_of

REPOSITORY = Path(__file__).resolve().parents[2]

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


def put_stand_ins(place: Path, programs: Sequence[str]) -> None:
    """In *place*: they note what they are asked, the first its input, too, and answer what is written there."""
    for name in programs:
        (place / name).write_text(STAND_IN.format(python=sys.executable, place=str(place), submit=programs[0]))
        (place / name).chmod(0o700)


@pytest.mark.parametrize("kind", KINDS)
def test_batchspawners_chain_starts_and_stops_a_server(
    describe: Callable[[str], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    describe(site_file(kind))
    home = tmp_path / "home"
    monkeypatch.setattr(family, "account_of", lambda _: pwd.struct_passwd((*ACCOUNT[:5], str(home), ACCOUNT[6])))
    programs, said, job_id, waiting, running = ANSWERS[kind]
    put_stand_ins(tmp_path, programs)
    (tmp_path / f"{programs[0]}.txt").write_text(said)
    asked = tmp_path / f"{programs[1]}.txt"
    asked.write_text(waiting)
    caplog.set_level(logging.DEBUG)
    spawner = spawner_of(
        kind, exec_prefix=f"env PATH={tmp_path} ASKED_FOR={{username}}", startup_poll_interval=0.02
    )
    spawner.log = logging.getLogger("hub")
    spawner.user_options = {"lane": "batch"}
    expected = spawner._script(spawner.accept({"lane": "batch"}), str(home))

    async def play() -> tuple[str, int]:
        with pytest.raises(LookupError):
            spawner.take_port(30001)
        start = asyncio.ensure_future(spawner.start())
        while not spawner.job_status and not start.done():  # noqa: ASYNC110 (batchspawner's chain tells nobody)
            await asyncio.sleep(0.01)
        assert await spawner.poll() is None
        write_text(asked, running)  # as a whole: it is being read
        with pytest.raises(ValueError, match="between 30000 and 39999"):
            spawner.take_port(22)
        spawner.take_port(30001)
        with pytest.raises(LookupError):
            spawner.take_port(30002)
        host, port = await start
        write_text(asked, "<job_info/>" if kind == "gridengine" else "")
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
    its_token_was_kept(seen, home, expected, programs[0], in_file=kind in IN_FILE)
    assert job_id in seen[programs[2]]["argv"]
    assert TOKEN not in caplog.text


def its_token_was_kept(
    seen: dict[str, dict[str, Any]], home: Path, script: str, submit: str, *, in_file: bool
) -> None:
    """The script was handed over as it is; no command's words or environment had the token."""
    submitted = seen[submit]
    assert submitted["input"] == script
    assert submitted["environment"]["ASKED_FOR"] == ACCOUNT.pw_name
    assert TOKEN not in str(submitted["environment"])
    its_token_is_in_a_file(home, submitted["input"], expected=in_file)
    assert TOKEN not in str([one["argv"] for one in seen.values()])


def its_token_is_in_a_file(home: Path, script: str, *, expected: bool) -> None:
    """Which only its user may read, and which the script names."""
    left = [*home.rglob("*.json")]
    assert len(left) == expected
    for file in left:
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert str(file) in script
        assert json.loads(file.read_text())["JUPYTERHUB_API_TOKEN"] == TOKEN


def test_a_server_finds_its_token_where_the_hub_left_it(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    show = "import os, sys, ihpc_jupyter.hub.singleuser as starter; starter.tell = lambda port: None; "
    show += "starter.main(sys.argv[1:])"
    words = [sys.executable, "-c", show, "30000", "39999", "--secrets", str(file), "printenv", "WORD"]
    environment = {"PATH": os.environ["PATH"], "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:0/user/x/"}

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    file.write_text('{"WORD": "secret"}')
    assert start().stdout == "secret\n"
    assert not file.exists(), "it is there no longer than it is needed"
    assert "The hub left no token for this server" in start().stderr


def test_a_token_that_cannot_be_left_is_told_and_nothing_is_submitted(describe: Callable[[str], None]) -> None:
    describe(site_file("condor"))
    spawner = spawner_of("condor", exec_prefix="echo may not run >&2; false", batch_submit_cmd="touch /submitted")
    with pytest.raises(SpawnException) as refused:
        asyncio.run(spawner.start())
    assert "token could not be left" in refused.value.jupyterhub_message
    assert "may not run" in refused.value.jupyterhub_message
    assert spawner.job_id == ""


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
    assert poll("", fails=True) is None, "no word is none about the job"
    assert poll("caf\udce9", fails=False) is None, "what is no text says nothing of the job"
    for says in (*ANSWERS[kind][3:], *(["job_state = S", "<job_state>S</job_state>"] if kind == "pbs" else [])):
        assert poll(says, fails=False) is None
    for says in GONE[kind]:
        assert poll(says, fails=False) == 1, says
        assert not says or poll(says, fails=True) == 1, says


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
