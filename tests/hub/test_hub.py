"""The hub when things go wrong: bad options, deaths from outside, a killed hub, wrong words to the port."""

import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from importlib.metadata import EntryPoint

import httpx
import pytest

from tests.hub.hub import REPOSITORY, Browser, Hub, progress, token_of
from tests.slurmbed import SlurmBed, wait_until

ALICE, BOB = "ihpc-alice", "ihpc-bob"

REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("lane", {"lane": "fast"}, "interactive"),
    ("lane", {"lane": "batch\n#SBATCH --account=other"}, "interactive"),
    ("lane", {"lane": ["batch", "urgent"]}, "interactive"),
    ("lane", {"lane": "urgent"}, "interactive"),
    ("shape", {"shape": "small; reboot"}, "small, large, huge"),
    ("shape", {"shape": 4}, "small, large, huge"),
    ("time", {"time": "999999h"}, "1m to"),
    ("time", {"time": "$(reboot)"}, "1m to"),
    ("time", {"time": True}, "1m to"),
    ("partition", {"partition": "batch"}, "lane, shape, time"),
]


@pytest.mark.parametrize(("field", "options", "allowed"), REFUSED)
def test_bad_options_over_rest_name_the_field(
    hub: Hub, slurm: SlurmBed, field: str, options: dict[str, object], allowed: str
) -> None:
    before = _next_job(slurm)
    hub.order(BOB, "", **options)
    with hub.api as api:
        failed = api.get(f"/users/{BOB}/server/progress").text
    assert field in failed
    assert allowed in failed
    hub.wait_for_none(BOB)
    assert _next_job(slurm) == before, "nothing was submitted"


def test_the_spawner_is_chosen_by_the_name_that_the_package_declares() -> None:
    pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]
    entry = EntryPoint("ihpc-slurm", declared["jupyterhub.spawners"]["ihpc-slurm"], "jupyterhub.spawners")
    assert entry.load().__name__ == "IhpcSpawner"


def test_the_hub_loads_neither_dask_nor_a_server() -> None:
    pytest.importorskip("batchspawner", reason="JupyterHub or batchspawner is missing: make setup-test")
    look = (
        "import sys, ihpc_jupyter.hub.spawner; print({'dask', 'distributed', 'jupyter_server'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", look], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_bad_options_by_form_and_by_query(hub: Hub, slurm: SlurmBed) -> None:
    before = _next_job(slurm)
    browser = Browser(hub, BOB)
    page = browser.get(f"/hub/spawn/{BOB}").text
    assert 'value="interactive"' in page
    assert 'value="urgent"' not in page, "a lane for others is not shown"
    again = browser.post(f"/hub/spawn/{BOB}", lane="urgent", shape="small", time="")
    assert again.status_code == 400
    assert "lane:" in again.text
    assert 'value="interactive"' in again.text, "the form is there again"
    by_query = browser.get(f"/hub/spawn/{BOB}?opt-time=1y")
    assert "time:" in by_query.text
    assert "1m to" in by_query.text
    assert _next_job(slurm) == before


def test_a_start_by_the_form_without_javascript(hub: Hub, slurm: SlurmBed) -> None:
    browser = Browser(hub, ALICE)
    wait_until(lambda: "16 of 16 cores free" in browser.get(f"/hub/spawn/{ALICE}").text, "the cards tell", 20)
    answer = browser.post(f"/hub/spawn/{ALICE}", lane="interactive", shape="small", time="30m")
    assert "spawn-pending" in str(answer.url)
    events = list(progress(hub, ALICE))
    assert events[-1].get("ready"), events
    assert any("lane interactive" in str(event["message"]) for event in events)
    assert [event["progress"] for event in events] == sorted(event["progress"] for event in events)
    waited = r"expected wait: [\d.]+ s \((one server|median of \d+ servers) in a day\)"
    assert re.search(waited, browser.get(f"/hub/spawn/{ALICE}/another").text), "the next one reads of it"


def test_a_server_is_started_and_stopped_again_and_again(hub: Hub, slurm: SlurmBed) -> None:
    jobs: list[str] = []
    for _ in range(5):
        hub.order(ALICE, lane="urgent")
        jobs.append(_job(hub.wait_for_server(ALICE)))
        hub.stop_server(ALICE)
        slurm.wait_for_job(jobs[-1], "CANCELLED")
        with hub.api as api:
            stopped = api.get(f"/users/{ALICE}?include_stopped_servers").json()["servers"][""]
        assert not stopped["state"], "nothing of that job is remembered"
    assert len({*jobs}) == 5, "each has a job of its own"
    assert not slurm.run("squeue", "--noheader", f"--user={ALICE}").stdout.strip()


def test_a_job_that_is_cancelled_from_outside_is_noticed(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(ALICE, lane="urgent")
    job_id = _job(hub.wait_for_server(ALICE))
    slurm.run("scancel", job_id)
    hub.wait_for_none(ALICE, 10)


def test_a_job_that_dies_before_its_server_is_up_tells_why(hub: Hub, slurm: SlurmBed) -> None:
    with hub.broken(BOB):
        hub.order(BOB)
        last = list(progress(hub, BOB))[-1]
    assert last["failed"]
    read_at = time.time()
    assert "before the server was up" in last["message"]
    assert "the module system is broken" in last["message"]
    job_id = last["message"].partition("job ")[2].split()[0]
    ended_at = time.mktime(time.strptime(slurm.job(job_id)["EndTime"], "%Y-%m-%dT%H:%M:%S"))
    assert read_at - ended_at < 10
    hub.wait_for_none(BOB)


def test_what_slurm_refuses_is_told_in_its_words(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(BOB, shape="huge")
    last = list(progress(hub, BOB))[-1]
    assert last["failed"]
    assert "Slurm refused" in last["message"]
    assert "configuration is not available" in last["message"]
    hub.wait_for_none(BOB, 5)
    assert slurm.run("squeue", "--noheader", f"--user={BOB}").stdout == ""


def test_a_silent_slurm_costs_nobody_a_server(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(ALICE, lane="batch")
    running = _job(hub.wait_for_server(ALICE))
    blockers = _fill(slurm)
    hub.order(BOB, lane="batch", shape="large")
    waiting = wait_until(lambda: _job(hub.server(BOB)), "the job is submitted", 20)
    until = time.monotonic() + 60
    slurm.freeze_controller()
    try:
        lines = (str(event["message"]) for event in progress(hub, BOB))
        assert any("does not answer" in line for line in lines)
        while time.monotonic() < until:
            assert hub.server(ALICE)["ready"]
            assert hub.server(BOB)["pending"] == "spawn"
            time.sleep(1)  # nothing may happen meanwhile
    finally:
        slurm.thaw_controller()
    slurm.run("scancel", *blockers)
    assert _job(hub.wait_for_server(BOB)) == waiting
    assert _job(hub.server(ALICE)) == running


def test_a_killed_hub_finds_what_runs_and_what_waits(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(ALICE, lane="batch")
    running = _job(hub.wait_for_server(ALICE))
    blockers = _fill(slurm)
    hub.order(BOB, lane="batch", shape="large")
    waiting = wait_until(lambda: _job(hub.server(BOB)), "the job is submitted", 20)
    lines = _lines_while_waiting(hub)
    assert any(f"Job {waiting} waits in lane batch" in line for line in lines)
    assert _lines_while_waiting(hub)[: len(lines)] == lines, "a page that is loaded again reads all of it"
    hub.kill()
    hub.start()
    assert _job(hub.wait_for_server(ALICE)) == running
    assert _job(hub.server(BOB)) == waiting
    slurm.run("scancel", *blockers)
    assert _job(hub.wait_for_server(BOB)) == waiting
    states = slurm.run("squeue", "--noheader", "--format=%i %T", f"--user={ALICE},{BOB}").stdout.split("\n")
    assert sorted(filter(None, states)) == sorted([f"{running} RUNNING", f"{waiting} RUNNING"])


def test_the_port_takes_one_integer_once_from_its_own_token(hub: Hub, slurm: SlurmBed) -> None:
    hub.order(ALICE)
    job_id = _job(hub.wait_for_server(ALICE))
    url, token = f"{hub.hub_api}/ihpc/port", token_of(job_id)
    before = hub.server(ALICE)["state"]

    def said(body: str, word: str = token) -> int:
        return httpx.post(url, content=body, headers={"Authorization": f"token {word}"}).status_code

    assert said('{"port": 31000}') == 409, "a second one is refused"
    assert said('{"port": 80}') == 400
    for body in ('{"port": "31000"}', '{"port": true}', '{"port": 31000, "ip": "x"}', "31000", "text", "[" * 90):
        assert said(body) == 400, body
    with hub.api as api:
        other = api.post(f"/users/{ALICE}/tokens", json={"scopes": ["access:servers!user"]}).json()["token"]
    assert said('{"port": 31000}', other) == 403, "another token of the same user's"
    assert said('{"port": 31000}', hub.token) == 403
    assert said('{"port": 31000}', "wrong") == 403
    former = f"{hub.hub_api}/batchspawner"  # other spawners' servers tell theirs there, as ever
    assert httpx.post(former, json={"port": 1}, headers={"Authorization": f"token {token}"}).status_code == 403
    assert httpx.post(former, json={"port": 1}).status_code == 403
    assert hub.server(ALICE)["state"] == before


def _job(server: Mapping[str, object]) -> str:
    state = server.get("state") or {}
    assert isinstance(state, dict)
    return str(state.get("job_id", ""))


def _fill(slurm: SlurmBed) -> list[str]:
    """Jobs on each node, so that a large server has to wait."""
    blockers = [slurm.submit("--partition=urgent", "--ntasks=1", "--cpus-per-task=3") for _ in range(4)]
    for blocker in blockers:
        slurm.wait_for_job(blocker, "RUNNING")
    return blockers


def _next_job(slurm: SlurmBed) -> str:
    """The number of the next job, which goes up with each that is submitted, whatever the queue still tells of."""
    config = slurm.run("scontrol", "show", "config").stdout
    return next(line for line in config.splitlines() if line.startswith("NEXT_JOB_ID"))


def _lines_while_waiting(hub: Hub) -> list[str]:
    """What a page has been told when the job is seen to wait."""
    lines: list[str] = []
    for event in progress(hub, BOB):
        lines.append(str(event["message"]))
        if event.get("state") == "PENDING" and event.get("reason"):
            break
    return lines
