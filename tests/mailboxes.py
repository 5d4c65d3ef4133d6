"""Real mailboxes and real drivers: cells captured, run by a process of their own, and restored."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ihpc_jupyter.agent.attempts import DRIVER
from ihpc_jupyter.kernel.urgent.capture import Payload, capture_cell
from ihpc_jupyter.kernel.urgent.restore import Result, read_header, restore
from ihpc_jupyter.model.mailbox import Mailbox

FILENAME = "/tmp/ipykernel_1/1.py"


def mailbox_in(directory: Path) -> Mailbox:
    """An open, empty mailbox of its own below *directory*."""
    mailbox = Mailbox(Path(tempfile.mkdtemp(dir=directory)))
    mailbox.gate.touch()
    return mailbox


def filled(directory: Path, source: str, namespace: dict[str, Any], /, **changes: object) -> Mailbox:
    """A mailbox with a cell in it; *changes* of its order."""
    mailbox = mailbox_in(directory)
    put(capture_cell(source, namespace, filename=FILENAME), mailbox, **changes)
    return mailbox


def put(payload: Payload, mailbox: Mailbox, **changes: object) -> None:
    payload.order.update(changes)
    payload.write(mailbox)


def start(mailbox: Mailbox, attempt: int = 1, copy: int = 0) -> "subprocess.Popen[str]":
    """A driver, on its way."""
    argv = [sys.executable, "-c", DRIVER, str(mailbox.path), str(attempt)]
    environment = {**os.environ, "IHPC_JOB_ID": f"7_{copy}"}
    environment.pop("SLURM_PROCID", None)
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def drive(mailbox: Mailbox, attempt: int = 1, copy: int = 0) -> "subprocess.CompletedProcess[str]":
    """A driver, to its end."""
    with start(mailbox, attempt, copy) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def events(mailbox: Mailbox, attempt: int = 1, copy: int = 0) -> list[dict[str, Any]]:
    """What a copy has said so far."""
    path = mailbox.events(attempt, copy)
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def said(mailbox: Mailbox, name: str = "stdout", attempt: int = 1, copy: int = 0) -> str:
    """A stream's text so far."""
    return "".join(event["text"] for event in events(mailbox, attempt, copy) if event.get("name") == name)


def header(mailbox: Mailbox) -> Result:
    found = read_header(mailbox)
    assert found is not None, "there is no result"
    return found


def urgent(directory: Path, source: str, namespace: dict[str, Any]) -> Mailbox:
    """Run a cell away from here, and bring back what came of it."""
    mailbox = filled(directory, source, namespace)
    done = drive(mailbox)
    assert done.returncode == 0, done.stderr
    restore(mailbox, namespace)
    return mailbox


def notebook(source: str = "") -> dict[str, Any]:
    """A notebook's namespace, after an ordinary cell."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "/tmp/ipykernel_1/0.py", "exec"), namespace)  # noqa: S102 - what a kernel does
    return namespace
