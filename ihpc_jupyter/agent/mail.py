"""Looks into a run's mailbox: what its drivers said, whether they live, whether there is a result.

Names, sizes and JSON only; what is pickled stays closed here.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ihpc_jupyter.files import write_text
from ihpc_jupyter.model.mailbox import FORMAT, Mailbox
from ihpc_jupyter.runs.sight import CopySight, ResultSight

HEAD_BYTES = 1 << 16
"""How much of a file's beginning is read: its first lines are short."""
TAIL_BYTES = 4096

_LONGEST_GAP = 1.0
"""Seconds between two looks that count at most: time in which we did not look says nothing about silence."""


@dataclass
class _Pulse:
    """The last beat seen, and for how long we have looked without another."""

    beat: bytes = b""
    silent: float = 0.0
    looked: float = 0.0

    def look(self, beat: bytes, now: float) -> float:
        gap = min(now - self.looked, _LONGEST_GAP) if self.looked else 0.0
        self.silent = 0.0 if beat != self.beat else self.silent + gap
        self.beat, self.looked = beat, now
        return self.silent


class Mail:
    """One run's mailbox, looked at again and again."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._pulses: dict[tuple[int, int], _Pulse] = {}

    def result(self) -> ResultSight | None:
        """The result's head line; None while there is none. Raises OSError where the spool cannot be read."""
        head = _head(self._mailbox.result)
        if not head:
            return None
        told = _json(head.split(b"\n", 1)[0])
        error = told.get("error") or {}
        text = ""
        if error:
            text = f"{error.get('name', 'Error')}: {error.get('message', '')}"
        elif told.get("exit"):
            text = f"The script ended with exit code {told['exit']}."
        return ResultSight(
            ok=bool(told.get("ok")),
            attempt=int(told.get("attempt", 0)),
            copy=int(told.get("copy", 0)),
            seconds=max(0.0, float(told.get("seconds") or 0.0)),
            error=text[:500],
        )

    def output(self, attempt: int, copy: int) -> tuple[str, bool]:
        """The end of what a copy has said, and whether its beginning is left out."""
        tail = _tail(self._mailbox.events(attempt, copy), HEAD_BYTES)
        told = [_json(line) for line in tail.split(b"\n")]
        text = "".join(str(word.get("text", "")) for word in told if word.get("is") == "stream")
        return text, len(tail) == HEAD_BYTES

    def copies(self, attempt: int, count: int) -> tuple[CopySight, ...]:
        """What there is to see of each copy of an attempt."""
        return tuple(self._copy(attempt, copy) for copy in range(count))

    def _copy(self, attempt: int, copy: int) -> CopySight:
        events = self._mailbox.events(attempt, copy)
        told = {word.get("is"): word for word in map(_json, _head(events).split(b"\n")[:8])}
        started, running = told.get("started"), told.get("running")
        if started is None:
            return CopySight()
        last_two = [_json(line) for line in _tail(events).rstrip(b"\n").split(b"\n")[-2:]]
        complaint = next((word for word in last_two if word.get("is") == "error"), {})
        pulse = self._pulses.setdefault((attempt, copy), _Pulse())
        return CopySight(
            started_at=_moment(started),
            running_at=_moment(running) if running else None,
            ended=last_two[-1].get("is") == "ended",
            host=str(started.get("host") or "")[:200],
            job=str(started.get("job") or "")[:40],
            silent=pulse.look(_tail(self._mailbox.pulse(attempt, copy)), time.monotonic()),
            complaint=str(complaint.get("message", ""))[:500],
            final=complaint.get("final") is True,
        )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError:
        return b""


def write_script(mailbox: Mailbox, script: str, interpreter: str, tasks: int, directory: str) -> None:
    """The payload and the order of a script that came with the request. Raises OSError."""
    payload = script.encode(errors="surrogateescape")
    order = {
        "format": FORMAT, "kind": "script", "python": "", "sha256": hashlib.sha256(payload).hexdigest(),
        "interpreter": interpreter, "directory": directory, "path": [], "argv": [], "tasks": tasks, "files": False,
        "cluster": None,
    }  # fmt: skip
    mailbox.payload.write_bytes(payload)
    mailbox.payload.chmod(0o600)
    write_text(mailbox.order, json.dumps(order))


def _tail(path: Path, size: int = TAIL_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - size))
            return file.read()
    except OSError:
        return b""


def _json(line: bytes) -> dict[str, Any]:
    """A line as an object; an empty one for half a line, or what is none."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _moment(event: dict[str, Any]) -> float:
    at = event.get("at")
    return float(at) if isinstance(at, int | float) else time.time()
