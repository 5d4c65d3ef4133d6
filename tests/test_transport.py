"""Batch commands: bounded, counted, with a chosen environment, here and over ssh."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ihpc_jupyter.errors import Unavailable
from ihpc_jupyter.scheduler import transport as transport_module
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.transport import Transport
from tests.asynchronous import run, until
from tests.sshd import running_sshd

HOSTILE = [
    "a b",
    "$(id)",
    "`id`",
    "'",
    '"',
    "\\",
    "new\nline",
    "*",
    "~",
    "",
    "-x",
    "ü",
    "#SBATCH",
    "; exit 3",
    "!",
]
SHOW_ARGUMENTS = "import sys; print(repr(sys.argv[1:]))"


def test_a_command_is_run_and_counted() -> None:
    transport, began = Transport(), time.monotonic()
    done = run(transport.run(["sh", "-c", "cat; echo err >&2; exit 3"], stdin="in"))
    assert (done.returncode, done.stdout, done.stderr) == (3, "in", "err\n")
    assert 0 < done.seconds <= time.monotonic() - began
    assert transport.requests == 1


def test_words_are_never_a_shell_string() -> None:
    done = run(Transport().run([sys.executable, "-c", SHOW_ARGUMENTS, *HOSTILE]))
    assert done.stdout.strip() == repr(HOSTILE)


def test_only_chosen_variables_reach_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SLURM_JOB_ID",
        "SBATCH_PARTITION",
        "SQUEUE_FORMAT",
        "JUPYTERHUB_API_TOKEN",
        "AWS_SECRET",
        "X",
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("SLURM_CONF", "/conf")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    done = run(Transport().run(["env"], variables={"SLURM_TIME_FORMAT": "%s"}))
    assert "secret" not in done.stdout
    assert {"SLURM_CONF=/conf", "SLURM_TIME_FORMAT=%s", "LC_ALL=C.UTF-8"} <= set(done.stdout.splitlines())
    assert "X" in chosen_environment("X")


def test_a_command_behind_a_prefix_sees_its_own_environment_only() -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/home/alice", "WORDS": "two words"}
    transport = Transport(environment=environment, prefix=("nice", "-n", "1"))
    done = run(transport.run(["env"], variables={"MORE": "1"}))
    told = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert told == {**environment, "MORE": "1"}
    assert run(transport.run(["nice"])).stdout == "1\n"
    with pytest.raises(Unavailable, match="no-such-program"):
        run(transport.run(["no-such-program"]))


def test_a_missing_program_says_so() -> None:
    with pytest.raises(Unavailable, match="sbatch-is-not-here is not there") as caught:
        run(Transport().run(["sbatch-is-not-here"]))
    assert "PATH" in caught.value.hint


@pytest.mark.parametrize("argv", [["/"], ["/etc/passwd"], ["bad\0name"]])
def test_what_cannot_be_started_is_unavailable(argv: list[str]) -> None:
    with pytest.raises(Unavailable):
        run(Transport().run(argv))


def _group(pidfile: Path) -> list[int]:
    return [int(word) for word in pidfile.read_text().split() if psutil.pid_exists(int(word))]


def _too_late(transport: Transport, script: str, pids: Path, *timeouts: float) -> None:
    """A command is given too little time, yet enough to say who it is: a busy machine takes some more of it."""
    for timeout in timeouts:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            run(transport.run(["bash", "-c", script], timeout=timeout))
        if pids.exists() and pids.read_text():
            break
    assert f"did not answer within {timeout:g} s" in caught.value.message
    assert time.monotonic() - began < timeout + 4.5


def test_a_late_command_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $! $$ >{pids}; wait; sleep 60"
    _too_late(Transport(), script, pids, 0.5, 2, 8)

    async def gone() -> None:
        await until(lambda: not _group(pids), "the command's processes to be gone", 5)

    run(gone())


def test_a_cancelled_caller_leaves_no_process(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    async def scenario() -> None:
        task = asyncio.create_task(Transport().run(["bash", "-c", f"echo $$ >{pids}; sleep 60"], timeout=60))
        await until(lambda: pids.exists() and bool(pids.read_text()), "the command to start")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not _group(pids)

    run(scenario())


def test_a_child_that_keeps_the_pipe_does_not_keep_us(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo said; setsid sleep 60 & echo $! >{pids}; date +%s.%N; exit 0"
    late: list[float] = []
    while not late or (late[-1] >= 3.5 and len(late) < 3):  # the machine itself may have paused
        done = run(Transport().run(["bash", "-c", script], timeout=20))
        said, ended = done.stdout.splitlines()
        late.append(time.time() - float(ended))
        (child,) = _group(pids)
        os.kill(child, signal.SIGKILL)
        assert said == "said"
    assert min(late) < 3.5


def test_input_that_nobody_reads_is_no_error() -> None:
    done = run(Transport().run(["sh", "-c", "exec 0<&-; echo no >&2; exit 1"], stdin="x" * (4 << 20)))
    assert (done.returncode, done.stderr) == (1, "no\n")


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "OUTPUT_LIMIT", 1 << 20)
    with pytest.raises(Unavailable, match="too long"):
        run(Transport().run(["yes"], timeout=30))


def test_broken_text_is_still_text() -> None:
    assert run(Transport().run(["printf", r"a\377b"])).stdout == "a\ufffdb"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory in which a socket's path is short enough: a test's own may be long."""
    with tempfile.TemporaryDirectory(prefix="ihpc-", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def ssh_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    if not (shutil.which("ssh") and (shutil.which("sshd") or Path("/usr/sbin/sshd").exists())):
        pytest.skip("no ssh here")
    with running_sshd(tmp_path_factory.mktemp("sshd"), "/usr/bin:/bin") as options:
        yield options


def _ssh(options: list[str], directory: Path | None) -> Transport:
    bare = {"HOME": os.environ["HOME"], "PATH": str(Path(shutil.which("ssh") or "").parent)}
    return Transport("ssh 127.0.0.1", options, directory, environment=bare)


def test_ssh_quotes_words_passes_input_and_keeps_one_connection(ssh_options: list[str], short_path: Path) -> None:
    async def scenario() -> None:
        transport = _ssh(ssh_options, short_path / "run")
        python = "/usr/bin/python3"
        done = await transport.run([python, "-c", SHOW_ARGUMENTS, *HOSTILE], variables={"T": "%s"})
        assert done.stdout.strip() == repr(HOSTILE)
        done = await transport.run(["sh", "-c", 'cat; echo "$T"'], stdin="in ", variables={"T": "a b"})
        assert done.stdout == "in a b\n"
        (socket,) = (short_path / "run").iterdir()
        assert socket.is_socket()
        assert (short_path / "run").stat().st_mode & 0o777 == 0o700
        assert (await transport.run(["false"])).returncode == 1
        await transport.close()
        await until(lambda: not socket.exists(), "the connection to be closed")

    run(scenario())


def test_ssh_without_a_short_directory_still_works(ssh_options: list[str], tmp_path: Path) -> None:
    long = tmp_path / ("long" * 20)
    assert run(_ssh(ssh_options, long).run(["echo", "there"])).stdout == "there\n"
    assert not long.exists()


def test_ssh_bounds_the_command_over_there(ssh_options: list[str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    _too_late(_ssh(ssh_options, None), f"echo $$ >{pids}; sleep 60", pids, 1, 3, 8)

    async def gone() -> None:
        await until(lambda: not _group(pids), "the remote command to be gone", 10)

    run(gone())


def test_ssh_says_what_is_missing(ssh_options: list[str]) -> None:
    with pytest.raises(Unavailable, match=r"sbatch-is-not-here is not there on 127\.0\.0\.1"):
        run(_ssh(ssh_options, None).run(["sbatch-is-not-here"]))
    with pytest.raises(Unavailable, match="could not be reached over ssh"):
        run(_ssh([*ssh_options, "-o", "User=nobody-here"], None).run(["true"]))
