"""The Slurm test bed itself: what the other tests rely on."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.slurmbed import BedError, FaultyCommands, SlurmBed, explain_missing, programs, wait_until
from tests.slurmbed.fixtures import MakeSlurm
from tests.slurmbed.isolation import namespaces_work

REPOSITORY = Path(__file__).parents[1]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs jobs of other users")


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_job_runs_on_a_node_and_sees_its_name(slurm: SlurmBed) -> None:
    job = slurm.submit("--output=%j.out", script="hostname")
    node = slurm.wait_for_job(job, "COMPLETED")["NodeList"]
    name = node if namespaces_work() else socket.gethostname()
    wait_until(lambda: (slurm.jobs / f"{job}.out").read_text() == f"{name}\n", "the output is there")


def test_four_workers_with_1_g_fit_on_each_node(slurm: SlurmBed) -> None:
    jobs = [slurm.submit("--mem=1G", "--nodelist=alpha1", "--output=/dev/null") for _ in range(4)]
    for job in jobs:
        slurm.wait_for_job(job, "RUNNING")


@needs_root
def test_jobs_of_an_ordinary_user_run_as_that_user(slurm: SlurmBed) -> None:
    job = slurm.submit("--output=%j.out", script="id -un", user="ihpc-alice")
    slurm.wait_for_job(job, "COMPLETED")
    wait_until(lambda: (slurm.jobs / f"{job}.out").read_text() == "ihpc-alice\n", "the job's output is there")


def test_urgent_work_preempts_spot_work_which_is_queued_again(slurm: SlurmBed) -> None:
    victims = slurm.fill("spot")
    urgent = slurm.submit("--partition=urgent", "--nodes=4", "--exclusive", "--output=/dev/null")
    slurm.wait_for_job(urgent, "RUNNING")
    for victim in victims:
        assert slurm.wait_for_job(victim, "PENDING")["Restarts"] == "1"
    slurm.run("scancel", urgent)
    slurm.wait_for_job(victims[0], "RUNNING")


def test_a_killed_node_takes_its_processes_and_comes_back(slurm: SlurmBed) -> None:
    job = slurm.submit("--nodelist=alpha2", "--output=/dev/null", script="setsid sleep 987 & exec sleep 987")
    slurm.wait_for_job(job, "RUNNING")
    wait_until(lambda: len(slurm.node_processes("alpha2", "sleep")) == 2, "the job's processes run")
    sleepers = slurm.node_processes("alpha2", "sleep")
    gone = slurm.kill_node("alpha2")
    assert set(sleepers) <= set(gone)
    assert not any(alive(pid) for pid in gone)
    slurm.start_node("alpha2")


def test_a_frozen_node_stops_its_jobs_until_it_thaws(slurm: SlurmBed) -> None:
    ticks = slurm.jobs / "ticks"
    script = f"while :; do echo >>{ticks}; sleep 0.01; done"
    slurm.wait_for_job(slurm.submit("--nodelist=alpha3", "--output=/dev/null", script=script), "RUNNING")
    wait_until(ticks.exists, "the job ticks")
    slurm.freeze_node("alpha3")
    frozen_at = ticks.stat().st_size
    time.sleep(0.2)  # not to wait for something, but to see that nothing happens
    assert ticks.stat().st_size == frozen_at
    slurm.thaw_node("alpha3")
    wait_until(lambda: ticks.stat().st_size > frozen_at, "the job ticks again")


def test_a_frozen_controller_does_not_answer_in_time(slurm: SlurmBed) -> None:
    slurm.freeze_controller()
    with pytest.raises(subprocess.TimeoutExpired):
        slurm.run("squeue", timeout=1)
    slurm.thaw_controller()
    assert "JOBID" in slurm.run("squeue").stdout


def test_a_controller_comes_back_with_its_jobs(slurm: SlurmBed) -> None:
    job = slurm.submit("--output=/dev/null")
    slurm.wait_for_job(job, "RUNNING")
    slurm.run("scontrol", "ping")
    slurm.wait_until_saved()
    slurm.kill_controller()
    slurm.start_controller()
    slurm.wait_for_job(job, "RUNNING")


def test_two_beds_run_side_by_side(slurm: SlurmBed, make_slurm: MakeSlurm) -> None:
    other = make_slurm(nodes=1, cpus=2)
    job = other.submit("--output=%j.out", script="hostname")
    other.wait_for_job(job, "COMPLETED")
    assert len(other.node_states()) == 1
    assert len(slurm.node_states()) == 4
    assert slurm.env != other.env


def test_accounting_refuses_what_is_not_allowed(slurm_accounting: SlurmBed) -> None:
    with pytest.raises(BedError, match="Invalid account"):
        slurm_accounting.submit("--account=nobodys")
    if os.geteuid() == 0:
        with pytest.raises(BedError, match="Invalid qos"):
            slurm_accounting.submit("--partition=urgent", "--qos=urgent", user="ihpc-bob")


def test_with_accounting_the_qos_says_who_preempts_whom(slurm_accounting: SlurmBed) -> None:
    bed = slurm_accounting
    user = "ihpc-alice" if os.geteuid() == 0 else None
    victims = bed.fill("spot", user=user)
    urgent = bed.submit(*bed.lane_options("urgent"), "--exclusive", "--output=/dev/null", user=user)
    bed.wait_for_job(urgent, "RUNNING")
    one_waits = ["PENDING", "RUNNING", "RUNNING", "RUNNING"]
    wait_until(lambda: sorted(map(bed.job_state, victims)) == one_waits, "one had to go, the others run")


@pytest.mark.parametrize("accounting", [False, True])
def test_nothing_is_left_when_the_owner_is_killed(accounting: bool) -> None:
    if missing := explain_missing(accounting=accounting):
        pytest.skip(missing)
    program = (
        "import sys, signal; from tests.slurmbed import *; from tests.slurmbed.processes import descendants\n"
        f"bed = SlurmBed(BedSettings(nodes=2, accounting={accounting})); bed.start(); bed.fill()\n"
        "import os; print(bed.directory, *descendants(os.getpid()), flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        directory, *pids = owner.stdout.readline().split()
        assert len(pids) > 8
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(alive(int(pid)) for pid in pids), "every process of the bed is gone", 40)
    wait_until(lambda: not Path(directory).exists(), "its directory is gone", 40)


def test_the_command_line_runs_a_command_in_a_bed() -> None:
    argv = [
        sys.executable,
        "-m",
        "tests.slurmbed",
        "--nodes",
        "2",
        "--",
        "sh",
        "-c",
        "sinfo -hN -pspot; exit 7",
    ]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 7
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["alpha1", "alpha2"]


def test_faulty_commands_fail_as_often_as_told(slurm: SlurmBed, faulty_commands: FaultyCommands) -> None:
    env = faulty_commands.env()
    faulty_commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller", times=2)
    for _ in range(2):
        with pytest.raises(BedError, match="exit code 1: slurm_load_jobs error"):
            slurm.run("squeue", env=env)
    assert "JOBID" in slurm.run("squeue", "--all", env=env).stdout
    assert [call.args for call in faulty_commands.calls("squeue")] == [(), (), ("--all",)]
    assert abs(faulty_commands.calls()[-1].time - time.time()) < 5


def test_faulty_commands_dawdle(slurm: SlurmBed, faulty_commands: FaultyCommands) -> None:
    faulty_commands.slow("sinfo", 0.5)
    began = time.monotonic()
    slurm.run("sinfo", env=faulty_commands.env())
    assert time.monotonic() - began > 0.5


@pytest.mark.parametrize("mode", ["hang_after", "fail_after"])
def test_a_submit_can_be_accepted_without_an_answer(
    slurm: SlurmBed, faulty_commands: FaultyCommands, mode: str
) -> None:
    argv = ["sbatch", "--parsable", "--output=/dev/null", "--wrap=exec sleep 100000"]
    if mode == "hang_after":
        faulty_commands.hang_after("sbatch")
        with slurm.popen(*argv, env=faulty_commands.env()) as submit:
            wait_until(lambda: faulty_commands.swallowed().endswith("\n"), "Slurm has answered")
            assert submit.poll() is None
            submit.kill()
    else:
        faulty_commands.fail_after("sbatch", "sbatch: error: Socket timed out on send/recv operation")
        with pytest.raises(BedError, match="Socket timed out"):
            slurm.run(*argv, env=faulty_commands.env())
    slurm.wait_for_job(faulty_commands.swallowed().strip(), "RUNNING")


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_SEARCH", "/nowhere")
    text = programs.explain_missing(accounting=True)
    assert "slurmctld" in text
    assert "apt-get install --no-install-recommends" in text
    assert "mariadb-server" in text
