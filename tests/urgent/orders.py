"""Orders a run as a door does: the order, the payload into the mailbox, go."""

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import Plan, RunState, RunView
from tests.world import REPOSITORY, SITE, Agent, until


def order_script(agent: Agent, text: str, **order: Any) -> RunView:
    """A run of a bash script, planned, its payload in the mailbox."""
    body = {"kind": "script", "title": "a script", "site": SITE, "environment": ENVIRONMENT, **order}
    view = RunView.model_validate_json(agent.request("POST", "/api/runs", body))
    mailbox = Mailbox(Path(view.mailbox))
    payload = text.encode()
    mailbox.payload.write_bytes(payload)
    told = {
        "kind": "script",
        "python": ".".join(platform.python_version_tuple()[:2]),
        "sha256": hashlib.sha256(payload).hexdigest(),
        "interpreter": "bash",
        "directory": str(REPOSITORY),
        "path": [],
        "argv": [],
        "tasks": view.tasks,
        "files": False,
        "cluster": None,
    }
    mailbox.order.write_text(json.dumps(told))
    return view


def start(agent: Agent, view: RunView) -> RunView:
    """Go."""
    return RunView.model_validate_json(agent.request("POST", f"/api/runs/{view.id}/start"))


def run_script(agent: Agent, text: str, **order: Any) -> RunView:
    """A run of a bash script, started."""
    return start(agent, order_script(agent, text, **order))


def look(agent: Agent, id_: str) -> RunView:
    """The run as it is."""
    return RunView.model_validate_json(agent.request("GET", f"/api/runs/{id_}"))


def when(
    agent: Agent, id_: str, condition: Callable[[RunView], object], what: str, timeout: float = 60
) -> RunView:
    """Wait until the run looks so."""

    def seen() -> RunView | None:
        view = look(agent, id_)
        return view if condition(view) else None

    return until(seen, what, timeout)


def reached(agent: Agent, id_: str, *states: RunState, timeout: float = 60) -> RunView:
    """Wait until the run is in one of these states."""
    return when(agent, id_, lambda view: view.state in states, f"the run is {states}", timeout)


def ended(agent: Agent, id_: str, timeout: float = 60) -> RunView:
    """Wait for its end, whatever that is."""
    return when(agent, id_, lambda view: view.state.ended, "the run ends", timeout)


def settled(agent: Agent, id_: str, timeout: float = 60) -> RunView:
    """Wait until the batch system has said what it cost."""
    return when(
        agent, id_, lambda view: all(attempt.accounted for attempt in view.attempts), "it is accounted", timeout
    )


def output(view: RunView, attempt: int = 1, copy: int = 0) -> str:
    """What a copy wrote."""
    events = Mailbox(Path(view.mailbox)).events(attempt, copy)
    lines = [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []
    return "".join(line["text"] for line in lines if line["is"] == "stream")


ENVIRONMENT = {"python": sys.executable, "directory": str(REPOSITORY)}


def wait_for(path: Path) -> str:
    """A script's words that wait for a file."""
    return f"until [ -e {path} ]; do sleep 0.1; done"


def planned(agent: Agent, **order: Any) -> Plan:
    """What would happen; it waits a moment for what is free, where an order does not."""
    return Plan.model_validate_json(agent.request("POST", "/api/runs/plan", {"site": SITE} | order))
