"""The whole path: log in, choose a lane, follow the progress, a JupyterLab as a job on a node, stop."""

import psutil

from tests.hub.hub import Browser, Hub, progress
from tests.slurmbed import SlurmBed, wait_until

ALICE = "ihpc-alice"


def test_from_login_to_lab_on_a_node_and_stop(lab_hub: Hub, slurm: SlurmBed) -> None:
    browser = Browser(lab_hub, ALICE)
    wait_until(lambda: "16 of 16 cores free" in browser.get(f"/hub/spawn/{ALICE}").text, "the cards tell", 20)
    answer = browser.post(f"/hub/spawn/{ALICE}", lane="interactive", shape="small", time="30m")
    assert "spawn-pending" in str(answer.url)
    events = list(progress(lab_hub, ALICE))
    assert events[-1].get("ready"), events
    assert any("lane interactive" in str(event["message"]) for event in events)
    assert [event["progress"] for event in events] == sorted(event["progress"] for event in events)
    job_id = str(lab_hub.server(ALICE)["state"]["job_id"])
    job = slurm.job(job_id)
    assert (job["JobState"], job["Partition"], job["TimeLimit"]) == ("RUNNING", "interactive", "00:30:00")
    assert job["UserId"].startswith(ALICE)
    page = browser.get(f"/user/{ALICE}/lab")
    assert page.status_code == 200
    assert '"name": "ihpc-jupyter"' in page.text, "our extension is among the Lab's"
    said = slurm.run("scontrol", "show", "job", "-dd", job_id).stdout
    token = _token(slurm, job_id)
    assert token not in said
    assert not any(token in word for process in psutil.process_iter(["cmdline"]) for word in _words(process))
    with lab_hub.api as api:
        assert api.delete(f"/users/{ALICE}/server").status_code in {202, 204}
    slurm.wait_for_job(job_id, "CANCELLED")
    lab_hub.wait_for_none(ALICE)


def _words(process: psutil.Process) -> list[str]:
    return process.info["cmdline"] or []


def _token(slurm: SlurmBed, job_id: str) -> str:
    """The server's token, from its own environment, as only root and the user see it."""
    for process in psutil.process_iter(["environ"]):
        variables = process.info["environ"] or {}
        if variables.get("SLURM_JOB_ID") == job_id and "JUPYTERHUB_API_TOKEN" in variables:
            return str(variables["JUPYTERHUB_API_TOKEN"])
    raise AssertionError("the server's process is not to be seen")
