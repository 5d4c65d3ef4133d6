"""Urgent runs without a notebook: from a terminal, and from a program of one's own."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ihpc_jupyter.model.run import Ledger, RunState
from tests.lab_slurm import Workplace, workplace
from tests.notebook import notebook
from tests.workplaces import ihpc, latest
from tests.world import Stopwatch, until


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    """A home with the embedded site."""
    with workplace() as made:
        yield made


def test_measured_figures_in_a_terminal(place: Workplace) -> None:
    until(lambda: "loop_lag" in ihpc(place, "metrics").stdout, "something is measured", 40)
    heading, *rows = ihpc(place, "metrics", "--window", "1h").stdout.splitlines()
    assert heading.split() == ["measured", "of", "p50", "p95", "max", "n", "newest", "p95/p50", "(baseline)"]
    assert any(row.startswith("loop_lag") and re.search(" [mµ]s .* ago ", row) for row in rows)
    wrong = ihpc(place, "metrics", "--window", "soon")
    assert wrong.returncode == 1
    assert "'soon' is no duration" in wrong.stderr


def test_from_a_terminal(place: Workplace, tmp_path: Path) -> None:
    script = tmp_path / "hello.sh"
    script.write_text("echo hello; exit 4\n")
    done = ihpc(place, "run", "script", str(script), "60s", "--reason", "from a terminal")
    assert (done.returncode, done.stdout) == (4, "hello\n"), done.stderr
    view = latest(place)
    assert (view.urgency, view.title) == ("from a terminal", "hello.sh")
    assert view.id in ihpc(place, "runs").stdout
    assert "running" in ihpc(place, "run", "show", view.id).stdout
    assert "from a terminal" in ihpc(place, "run", "why", view.id).stdout
    assert ihpc(place, "ledger", "--csv").stdout.splitlines()[1].startswith(view.id)
    assert Ledger.model_validate_json(ihpc(place, "ledger", "--json").stdout).runs[0].id == view.id
    assert "waited" in ihpc(place, "ledger").stdout
    wrong = ihpc(place, "run", "script", "/nonexistent")
    assert wrong.stderr.startswith("ihpc: /nonexistent cannot be read")
    wrong = ihpc(place, "run", "cancel", "ffff")
    assert wrong.stderr.startswith("ihpc: There is no run 'ffff'.")
    detached = ihpc(place, "run", "script", str(script), "--detach").stdout.strip()
    attached = ihpc(place, "run", "attach", detached)
    assert (attached.returncode, attached.stdout) == (4, "hello\n"), attached.stderr
    assert ihpc(place, "run", "cancel", detached).returncode == 0


def test_the_plan_and_the_rehearsal_in_a_terminal(place: Workplace, tmp_path: Path) -> None:
    script = tmp_path / "never.sh"
    script.write_text(f"touch {tmp_path}/ran\n")
    plan = ihpc(place, "run", "script", str(script), "60s", "--plan")
    assert plan.returncode == 0, plan.stderr
    assert "expected start" in plan.stdout
    assert "allocation in lane urgent, start " in plan.stdout
    check = ihpc(place, "run", "check", "60s", "--cores", "1")
    assert check.returncode == 0, check.stdout
    assert "lane urgent takes it" in check.stdout
    assert f"sees {Path.cwd()}" in check.stdout, "the directory in which it was asked"
    assert not (tmp_path / "ran").exists()
    wrong = ihpc(place, "run", "check", "--copies", "0")
    assert wrong.stderr.startswith("ihpc: copies: ")


def test_a_notebooks_run_is_followed_in_a_terminal(place: Workplace, tmp_path: Path) -> None:
    with notebook(place.environment, tmp_path) as book:
        book.cell("%%urgent --detach\nprint('from a cell')\nx = 1 / 0")
    attached = ihpc(place, "run", "attach", latest(place).id)
    assert (attached.returncode, attached.stdout) == (1, "from a cell\n")
    assert "x = 1 / 0" in attached.stderr
    assert attached.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_ctrl_c_in_a_terminal(place: Workplace, tmp_path: Path) -> None:
    script = tmp_path / "slow.sh"
    script.write_text("echo begun; sleep 60\n")
    program = "import sys; from ihpc_jupyter.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", program, "run", "script", str(script)]
    with subprocess.Popen(
        argv, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        watch = Stopwatch()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
        watch.within(2.0, "from Ctrl-C to the command's end")
    assert process.returncode == 130
    assert told.endswith(f"Run {latest(place).id} is cancelled everywhere.\n")
    until(lambda: latest(place).state is RunState.CANCELLED, "the agent says so")


def test_await_outside_of_a_notebook(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IHPC_STATE", "IHPC_RUNTIME", "IHPC_SITE_FILE", "IHPC_SYSTEM_SITE_FILE"):
        monkeypatch.setenv(name, place.environment[name])
    from ihpc_jupyter import Run, urgent  # noqa: PLC0415 - after the environment is chosen

    async def life() -> object:
        run = urgent(sum, [1, 2, 3])
        assert isinstance(run, Run)
        return await run

    assert asyncio.run(life()) == 6
