"""The agent as a process: one a host, chosen environment, leaves by itself or with its session."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.lab_slurm import Workplace, workplace
from tests.slurmbed import wait_until

ASK = (
    "import asyncio; from ihpc_jupyter.client.agent import AgentClient; "
    "print(asyncio.run(AgentClient().about()).pid)"
)


@pytest.fixture
def place() -> Iterator[Workplace]:
    """A home of its own with the embedded site."""
    with workplace() as made:
        yield made


def ask(place: Workplace, **more: str) -> int:
    """The agent's pid, as a door finds it (and starts it)."""
    environment = {**place.environment, **more}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_doors_start_one_agent_and_find_it_again(place: Workplace) -> None:
    doors = [
        subprocess.Popen([sys.executable, "-c", ASK], env=place.environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    pids = {int(door.communicate(timeout=60)[0]) for door in doors}
    assert len(pids) == 1
    assert ask(place) in pids
    socket = place.directory / "run" / "agent.sock"
    assert socket.stat().st_mode & 0o777 == 0o600
    assert socket.parent.stat().st_mode & 0o777 == 0o700


def test_many_tabs_of_one_server_start_one_agent(place: Workplace) -> None:
    many = (
        "import asyncio; from ihpc_jupyter.client.agent import AgentClient\n"
        "async def ask():\n"
        "    agent = AgentClient()\n"
        "    return await asyncio.gather(*(agent.about() for _ in range(20)))\n"
        "print({about.pid for about in asyncio.run(ask())})"
    )
    argv = [sys.executable, "-c", many]
    done = subprocess.run(argv, env=place.environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.split(",")) == 1
    assert "already" not in (place.directory / "run" / "agent.log").read_text(), "no other one was started"


def test_the_agent_inherits_no_token_and_no_allocation(place: Workplace) -> None:
    secrets = {"JUPYTERHUB_API_TOKEN": "hub", "JUPYTER_TOKEN": "lab", "SLURM_JOB_ID": "7", "SBATCH_PARTITION": "x"}
    pid = ask(place, **secrets)
    inherited = psutil.Process(pid).environ()
    assert not set(secrets) & set(inherited)
    assert inherited["IHPC_STATE"] == place.environment["IHPC_STATE"]


def test_an_idle_agent_leaves_by_itself(place: Workplace) -> None:
    argv = [sys.executable, "-m", "ihpc_jupyter.agent.main", "--idle", "1"]
    agent = subprocess.Popen(argv, env=place.environment)
    assert agent.wait(60) == 0
    assert not place.socket.exists()


def test_a_second_agent_leaves_at_once_and_says_why(place: Workplace) -> None:
    ask(place)
    argv = [sys.executable, "-m", "ihpc_jupyter.agent.main"]
    second = subprocess.run(argv, env=place.environment, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode != 0
    assert "already" in second.stderr


def test_a_door_that_comes_while_the_agent_leaves_gets_the_next_one(place: Workplace) -> None:
    run = place.directory / "run"
    run.mkdir(mode=0o700)
    log = run / "agent.log"
    with (run / "agent.lock").open("a") as lock:  # its socket has gone, its process has not yet
        fcntl.flock(lock, fcntl.LOCK_EX)
        door = subprocess.Popen(
            [sys.executable, "-c", ASK], env=place.environment, stdout=subprocess.PIPE, text=True
        )
        wait_until(lambda: log.exists() and "already" in log.read_text(), "one has found it and left", 30)
    assert psutil.pid_exists(int(door.communicate(timeout=60)[0]))


def test_in_session_mode_the_agent_leaves_with_who_started_it(place: Workplace) -> None:
    site = place.directory / "site.toml"
    site.write_text(site.read_text().replace("[agent]", '[agent]\nmode = "session"'))
    script = f"{ASK}; import sys; sys.stdout.flush(); sys.stdin.read()"
    door = subprocess.Popen(
        [sys.executable, "-c", script],
        env=place.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert door.stdout is not None
    agent = psutil.Process(int(door.stdout.readline()))
    assert agent.is_running()
    door.communicate(timeout=30)
    wait_until(lambda: _left(agent), "the agent has left", 20)


def _left(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_runtime_directory_that_others_may_enter_is_refused(place: Workplace) -> None:
    run = place.directory / "run"
    run.mkdir(mode=0o755)
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=place.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "must belong to you alone" in done.stderr
    run.chmod(0o700)


def test_a_broken_site_file_is_told_in_one_line_by_every_door(place: Workplace) -> None:
    (place.directory / "site.toml").write_text("[sites.local]\nslots = -3\n")
    command = [str(Path(sys.executable).parent / "ihpc"), "list"]
    if not Path(command[0]).exists():
        command = [sys.executable, "-c", "import sys; from ihpc_jupyter.cli import main; sys.exit(main(['list']))"]
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "sites.local.slots" in done.stderr
    assert "Traceback" not in done.stderr


def test_leaving_by_signal_leaves_no_socket(place: Workplace) -> None:
    pid = ask(place)
    os.kill(pid, 15)
    wait_until(lambda: not place.socket.exists(), "the socket is gone", 20)
