"""The driver in a worker's thread, and beside workers of its own."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster
from distributed.security import Security

from ihpc_jupyter.driver import figures, run_here
from ihpc_jupyter.kernel.urgent.restore import restore
from tests.mailboxes import drive, events, filled, header, notebook, said


def in_thread(step: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(step()))
    thread.start()
    thread.join(60)
    return answers[0]


def test_in_a_workers_thread_it_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "class C:\n    pass\nc = C()\nitems.append(1)\nprint('in the cell')\ndisplay(5)\ndef f(): return items\n"
        "name = __name__\n'last'"
    )
    spaces, said_by, main, directory = [], [], sys.modules["__main__"], Path.cwd()
    for run in (lambda m: drive(m).returncode == 0, lambda m: in_thread(lambda: run_here(str(m.path), 1, 0))):
        space = notebook("items = []")
        mailbox = filled(tmp_path, source, space)
        assert run(mailbox) is True
        restore(mailbox, space)
        spaces.append((space["items"], space["f"](), space["name"], type(space["c"]) is space["C"]))
        said_by.append([{**event, "at": 0, "pid": 0, "seconds": 0, "job": ""} for event in events(mailbox)])
    assert spaces[0] == spaces[1] == ([1], [1], "__main__", True)
    assert said_by[0] == said_by[1]
    sys.stdout.write("outside\n")
    assert capsys.readouterr().out == "outside\n"
    assert (sys.modules["__main__"], Path.cwd()) == (main, directory)


def test_in_a_thread_runs_do_not_mix_and_failures_are_told(tmp_path: Path) -> None:
    gates = [tmp_path / f"{number}.go" for number in range(2)]
    program = (
        "import time, os\nprint(mine)\nopen(mine, 'w')\nwhile not os.path.exists(other): time.sleep(0.01)\n"
        "print(mine)\n1 / 0"
    )
    boxes = [
        filled(tmp_path, program, {"mine": str(gates[number]), "other": str(gates[1 - number])})
        for number in range(2)
    ]
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda box=box: answers.append(run_here(str(box.path), 1, 0))) for box in boxes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [False, False]
    assert [said(box) for box in boxes] == [f"{gate}\n{gate}\n" for gate in gates]
    assert {error.name for box in boxes if (error := header(box).error)} == {"ZeroDivisionError"}
    assert run_here(str(boxes[0].path), 1, 0) is False  # the copy ran already


def test_a_run_with_workers_of_its_own_has_a_client(tmp_path: Path) -> None:
    security = Security.temporary()
    credentials = {"ca_file": security.tls_ca_file, "cert_file": security.tls_client_cert}
    paths: dict[str, str] = {}
    for name, text in {**credentials, "key_file": security.tls_client_key}.items():
        paths[name] = str(tmp_path / name)
        Path(paths[name]).write_text(text)
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        security=security,
        protocol="tls://",
        dashboard_address=None,
    ) as cluster:
        space = notebook("k = 2")
        told = {"address": cluster.scheduler_address, **paths}
        mailbox = filled(tmp_path, "y = client.submit(lambda x: x * k, 3).result()", space, cluster=told)
        done = drive(mailbox)
    restore(mailbox, space)
    assert (done.returncode, space["y"]) == (0, 6)
    assert "client" not in space


def test_a_workers_other_tasks_keep_their_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)
    mailbox = filled(tmp_path, "import os\nseen = os.environ['MPLBACKEND']", notebook())
    assert in_thread(lambda: run_here(str(mailbox.path), 1, 0))
    assert "MPLBACKEND" not in os.environ, "what is started from here later is not ours"
    figures.show()
