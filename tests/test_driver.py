"""The driver on a real mailbox: once, in order, streamed; alive, frozen, refused, out of room."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ihpc_jupyter.agent.mail import Mail
from ihpc_jupyter.driver.place import copy_number
from ihpc_jupyter.kernel.urgent.capture import capture_cell, capture_script
from ihpc_jupyter.kernel.urgent.restore import restore
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.runs.judge import NOT_WRITTEN
from tests.mailboxes import FILENAME, drive, events, filled, header, mailbox_in, notebook, put, said, start
from tests.slurmbed.waiting import wait_until
from tests.world import Stopwatch


def kinds(mailbox: Mailbox, copy: int = 0) -> list[str]:
    return [event["is"] for event in events(mailbox, copy=copy)]


def test_a_cell_says_what_happens_in_order(tmp_path: Path) -> None:
    source = "import sys\nprint('one')\nprint('two', file=sys.stderr)\nprint('three')\n41 + 1"
    mailbox = filled(tmp_path, source, notebook())
    done = drive(mailbox)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert kinds(mailbox) == ["started", "running", "stream", "stream", "stream", "value", "ended"]
    assert [event["text"] for event in events(mailbox)[2:5]] == ["one\n", "two\n", "three\n"]
    assert events(mailbox)[5]["data"] == {"text/plain": "42"}
    assert events(mailbox)[0]["job"] == "7_0"
    assert "log" not in events(mailbox)[1], "standard output is no file here"


def test_output_is_seen_while_the_code_holds_the_interpreter(tmp_path: Path) -> None:
    go = tmp_path / "go"
    program = (
        "import os\nprint('before')\nprint('dots', end='')\nwhile not os.path.exists(go): pass\nprint('after')"
    )
    mailbox = filled(tmp_path, program, {"go": str(go)})
    with start(mailbox) as process:
        wait_until(lambda: said(mailbox) == "before\ndots", "output of running code")
        assert process.poll() is None
        go.touch()
        process.wait(30)
    assert said(mailbox) == "before\ndotsafter\n"


def test_much_output_is_joined_and_bounded(tmp_path: Path) -> None:
    mailbox = filled(tmp_path, "for i in range(20_000): print(i)\nfor _ in range(80): print('x' * (1 << 20))", {})
    drive(mailbox)
    assert said(mailbox).startswith("0\n1\n2\n")
    assert "19999\n" in said(mailbox)
    assert len(events(mailbox)) < 1500
    assert mailbox.events(1, 0).stat().st_size < 65 << 20
    assert said(mailbox, "stderr").count("dropped") == 1
    assert kinds(mailbox)[-1] == "ended"


def test_what_children_print_arrives(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys\nprint('parent')\npid = os.fork()\nif not pid:\n    print('child')\n"
        "    sys.stdout.flush()\n    os._exit(0)\nos.waitpid(pid, 0)\nsubprocess.run(['echo', 'program'])\n"
        "sys.stdout.buffer.write('grün'.encode())\n"
        "try:\n    os.wait()\nexcept ChildProcessError:\n    print('none left')"
    )
    mailbox = filled(tmp_path, program, {})
    done = drive(mailbox)
    assert said(mailbox) == "parent\nchild\ngrünnone left\n"
    assert done.stdout == "program\n"


def test_a_run_says_where_in_its_log_the_code_began(tmp_path: Path) -> None:
    mailbox, log = filled(tmp_path, "import os\nos.system('echo program')", {}), tmp_path / "log"
    log.write_text("prologue\n")
    argv = [sys.executable, "-m", "ihpc_jupyter.driver", str(mailbox.path), "1"]
    with log.open("ab") as file:
        subprocess.run(argv, stdout=file, stderr=file, check=True, timeout=30)
    (running,) = (event for event in events(mailbox) if event["is"] == "running")
    assert log.read_text()[running["log"] :] == "program\n"


def test_displays_values_and_pictures(tmp_path: Path) -> None:
    program = (
        "class Rich:\n    def _repr_html_(self): return '<b>x</b>'\n    def _repr_png_(self): return b'png'\n"
        "    def _repr_latex_(self): raise ValueError\n"
        "handle = display(Rich(), display_id=True)\nhandle.update(5)\n"
        "from IPython.display import display as shown\nshown('theirs')\n"
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);\nplt.show()\nplt.figure()\n[1, 2];"
    )
    mailbox = filled(tmp_path, program, {})
    drive(mailbox)
    assert said(mailbox, "stderr") == ""
    first, update, theirs, shown, left = (event for event in events(mailbox) if event["is"] == "display")
    assert first["data"]["text/html"] == "<b>x</b>"
    assert first["data"]["image/png"] == "cG5n"
    assert "text/latex" not in first["data"]
    assert (update["id"], update["update"]) == (first["id"], True)
    assert theirs["data"]["text/plain"] == "'theirs'"
    assert shown["data"]["image/png"].startswith("iVBOR")
    assert left["data"]["image/png"].startswith("iVBOR")
    assert "value" not in kinds(mailbox)


def test_a_closed_run_is_left_alone(tmp_path: Path) -> None:
    mailbox = filled(tmp_path, "x = 1", {})
    mailbox.gate.unlink()
    assert drive(mailbox).returncode == 0
    assert sorted(path.name for path in mailbox.path.iterdir()) == ["order.json", "payload"]


def test_two_drivers_of_one_copy_run_it_once(tmp_path: Path) -> None:
    mailbox = filled(
        tmp_path, "with open(path, 'a') as file: file.write('ran ')", {"path": str(tmp_path / "trace")}
    )
    drivers = [start(mailbox) for _ in range(4)]
    assert [(driver.wait(30), driver.communicate()[1]) for driver in drivers] == [(0, "")] * 4
    assert (tmp_path / "trace").read_text() == "ran "
    assert kinds(mailbox).count("started") == 1


def test_of_two_copies_one_wins(tmp_path: Path) -> None:
    mailbox = filled(tmp_path, "x = 1", {})
    drivers = [start(mailbox, copy=copy) for copy in range(2)]
    assert [(driver.wait(30), driver.communicate()[1]) for driver in drivers] == [(0, "")] * 2
    assert kinds(mailbox, 0)[-1] == kinds(mailbox, 1)[-1] == "ended"
    assert header(mailbox).copy in {0, 1}
    assert not list(mailbox.path.glob(".*"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"python": "2.7"}, "runs Python 2.7"),
        ({"format": 1}, "of mailbox format 1"),
        ({"sha256": hashlib.sha256(b"other").hexdigest()}, "hash differs"),
    ],
)
def test_another_python_or_payload_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    mailbox = filled(tmp_path, "open(path, 'w')", {"path": str(tmp_path / "trace")}, **changes)
    done = drive(mailbox)
    assert done.returncode == 3
    assert words in done.stderr
    (error,) = (event for event in events(mailbox) if event["is"] == "error")
    assert words in error["message"]
    assert error["final"] is ("hash" not in words), "a file may be seen too late on a node, not another Python"
    assert not mailbox.result.exists()
    assert not (tmp_path / "trace").exists()


def test_a_payload_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    mailbox = filled(tmp_path, "x", {"x": "a" * 1000})
    mailbox.payload.write_bytes(mailbox.payload.read_bytes()[:-10])
    assert drive(mailbox).returncode == 3


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    mailbox = filled(tmp_path, "x = 'a' * 3_000_000", {})
    argv = [sys.executable, "-m", "ihpc_jupyter.driver", str(mailbox.path), "1"]
    limit = (1_000_000, 1_000_000)
    done = subprocess.run(
        argv, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "could not be written" in done.stderr
    assert kinds(mailbox)[-2:] == ["error", "ended"]
    assert events(mailbox)[-2]["final"] is True
    (copy,) = Mail(mailbox).copies(1, 1)
    assert copy.complaint == "The result could not be written: File too large."
    assert copy.final
    assert copy.ended
    assert not mailbox.result.exists()
    assert not list(mailbox.path.glob(".*"))


def test_a_disk_without_room_for_the_words_either_is_told_by_the_exit_code(tmp_path: Path) -> None:
    mailbox, log = filled(tmp_path, "x = 'a' * 3_000_000", {}), tmp_path / "log"
    log.write_bytes(b"x" * 1_000_000)
    argv = [sys.executable, "-m", "ihpc_jupyter.driver", str(mailbox.path), "1"]
    limit = (1_000_000, 1_000_000)
    with log.open("ab") as file:
        done = subprocess.run(
            argv, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), stdout=file, stderr=file,
            timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == NOT_WRITTEN


def beats(mailbox: Mailbox) -> int:
    path = mailbox.pulse(1, 0)
    return int(path.read_text() or 0) if path.exists() else 0


def more_beats(mailbox: Mailbox) -> None:
    before = beats(mailbox)
    wait_until(lambda: beats(mailbox) > before + 1, "two more beats", timeout=10)


def rests(mailbox: Mailbox) -> bool:
    """Whether three beats' time is silence."""
    still = beats(mailbox)
    threading.Event().wait(1.5)
    return beats(mailbox) == still


def test_the_pulse_beats_while_the_interpreter_is_held_and_rests_while_frozen(tmp_path: Path) -> None:
    program = "import ctypes\nprint('in')\nctypes.PyDLL(None).sleep(600)"  # PyDLL keeps the interpreter's lock
    mailbox = filled(tmp_path, program, {})
    with start(mailbox) as process:
        wait_until(lambda: said(mailbox) == "in\n", "the code")
        more_beats(mailbox)
        process.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{process.pid}/stat")
        wait_until(lambda: " T " in stat.read_text(), "the freeze")
        wait_until(lambda: rests(mailbox), "the rest, after a beat that was on its way", timeout=10)
        process.send_signal(signal.SIGCONT)
        more_beats(mailbox)
        process.kill()
        process.wait(10)
        wait_until(lambda: not followers(mailbox), "the pulse's end", timeout=20)
    assert not mailbox.result.exists()


def followers(mailbox: Mailbox) -> list[Path]:
    """Processes that still run for a mailbox."""

    def belongs(directory: Path) -> bool:
        try:
            return str(mailbox.path).encode() in (directory / "cmdline").read_bytes()
        except OSError:
            return False

    return [directory for directory in Path("/proc").glob("[0-9]*") if belongs(directory)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_cell_ends_at_once_without_a_result(tmp_path: Path, number: signal.Signals) -> None:
    mailbox = filled(tmp_path, "import time\nprint('in')\ntime.sleep(600)", {})
    with start(mailbox) as process:
        wait_until(lambda: said(mailbox) == "in\n", "the code")
        watch = Stopwatch()
        process.send_signal(number)
        assert process.wait(20) in {-signal.SIGTERM, 130}
        watch.within(5, "cancelled → ended")
    assert not mailbox.result.exists()
    wait_until(lambda: not followers(mailbox), "the pulse's end", timeout=20)


def test_a_cancelled_script_takes_its_program_along(tmp_path: Path) -> None:
    mailbox = mailbox_in(tmp_path)
    put(capture_script(f"echo $$ > {tmp_path}/pid\nexec sleep 600", "bash"), mailbox)
    with start(mailbox) as process:
        pid = wait_until(
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the script"
        )
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the script's program", timeout=10)


def test_scripts_stream_and_answer_with_their_code(tmp_path: Path) -> None:
    mailbox = mailbox_in(tmp_path)
    put(capture_script("echo out; echo err >&2; pwd; exit 3", "bash"), mailbox, directory=str(tmp_path))
    assert drive(mailbox).returncode == 0
    assert (header(mailbox).ok, header(mailbox).exit) == (False, 3)
    assert said(mailbox) == f"out\n{tmp_path}\n"
    assert said(mailbox, "stderr") == "err\n"
    missing = mailbox_in(tmp_path)
    put(capture_script("echo", "no-such-interpreter"), missing)
    drive(missing)
    assert header(missing).exit == 127
    assert "no-such-interpreter" in said(missing, "stderr")


def test_ranks_all_run_and_the_first_answers(tmp_path: Path) -> None:
    program = "import os\nrank = os.environ['IHPC_JOB_ID']\nopen(f'{place}/{rank}', 'w')\nif rank == '7_2': 1 / 0"
    mailbox = filled(tmp_path, program, {"place": str(tmp_path)}, tasks=3)
    codes = [drive(mailbox, copy=copy) for copy in range(2, -1, -1)]
    assert [done.returncode for done in codes] == [1, 0, 0]
    assert "ZeroDivisionError" in codes[0].stderr
    assert {path.name for path in tmp_path.glob("7_*")} == {"7_0", "7_1", "7_2"}
    assert header(mailbox).copy == 0
    assert events(mailbox, copy=2)[-1]["ok"] is False
    space = notebook()
    restore(mailbox, space)
    assert space["rank"] == "7_0"


def test_surroundings_are_the_notebooks(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("here = 5\n")
    program = "import os, sys, beside\nwhere, words, name = os.getcwd(), sys.argv, __name__"
    space = notebook()
    mailbox = filled(tmp_path, program, space, directory=str(tmp_path), path=[str(tmp_path)], argv=["a", "b"])
    drive(mailbox)
    assert (header(mailbox).ok, said(mailbox, "stderr")) == (True, "")
    restore(mailbox, space)
    assert (space["where"], space["words"], space["name"]) == (str(tmp_path), ["a", "b"], "__main__")
    elsewhere = filled(tmp_path, "x = 1", space, directory=str(tmp_path / "gone"))
    drive(elsewhere)
    assert header(elsewhere).ok
    assert "gone" in said(elsewhere, "stderr")


def test_threads_left_behind_do_not_keep_the_job(tmp_path: Path) -> None:
    program = "import threading\nthreading.Thread(target=threading.Event().wait).start()"
    mailbox = filled(tmp_path, program, {})
    assert drive(mailbox).returncode == 0
    assert header(mailbox).ok


def test_the_start_imports_little(tmp_path: Path) -> None:
    program = "import sys\nloaded = sorted(sys.modules)"
    space: dict[str, Any] = {"x": 1}
    mailbox = filled(tmp_path, program + "\ny = x", space)
    drive(mailbox)
    restore(mailbox, space)
    dear = {
        "typing",
        "pathlib",
        "logging",
        "subprocess",
        "asyncio",
        "cloudpickle",
        "hashlib",
        "inspect",
        "threading",
    }
    dear |= {"pickle", "traceback", "linecache", "distributed", "IPython", "pydantic", "numpy"}
    dear |= {"json", "re", "enum", "contextlib", "importlib", "runpy"}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert "_json" in space["loaded"]
    assert dear & set(space["loaded"]) <= set(bare.stdout.split())


def test_copies_are_numbered_by_task_else_by_array_element() -> None:
    assert copy_number({"SLURM_PROCID": "3", "IHPC_JOB_ID": "12_5"}) == 3
    assert copy_number({"IHPC_JOB_ID": "12_5"}) == 5
    assert copy_number({"IHPC_JOB_ID": "12"}) == 0
    assert copy_number({}) == 0


def test_the_result_is_as_documented(tmp_path: Path) -> None:
    mailbox = filled(tmp_path, "x = 1", {})
    drive(mailbox)
    line, _, body = mailbox.result.read_bytes().partition(b"\n")
    told = json.loads(line)
    assert told["sha256"] == hashlib.sha256(body).hexdigest()
    assert told["size"] == len(body)
    assert (told["names"], told["changed"], told["not_sent"], told["host"]) == (["x"], [], {}, os.uname().nodename)
    assert mailbox.result.stat().st_mode & 0o777 == 0o600
    payload = capture_cell("x = 1", {}, filename=FILENAME)
    assert payload.order["sha256"] == hashlib.sha256(b"".join(payload.data)).hexdigest()
