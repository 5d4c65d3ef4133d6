"""What a run's copies say, read as it comes: the mailbox's files of events, and the result's first line."""

import json
from pathlib import Path
from typing import Any

from ihpc_jupyter.model.mailbox import Mailbox

LOG_TAIL = 4000
"""Bytes of a log's end that are shown of a lost attempt."""
FIRST_LINE = 1 << 20
"""Bytes that a result's first line may have (a long traceback)."""


class Tail:
    """A file of events from where the last look ended; half a line waits for its other half."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def look(self) -> list[dict[str, Any]]:
        """The events since the last look. The file is opened anew: network file systems are fresh then."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                text = file.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line))]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "is" in event else None


def spoken(mailbox: Mailbox, attempt: int, copy: int) -> str:
    """All that a copy wrote to its standard output and error so far."""
    events = Tail(mailbox.events(attempt, copy)).look()
    return "".join(str(event.get("text", "")) for event in events if event["is"] == "stream")


def log_tail(mailbox: Mailbox, attempt: int, copy: int) -> str:
    """The end of what a copy wrote past Python, and of what the submitting command said."""
    parts = [_end(path) for path in (mailbox.command(attempt), mailbox.log(attempt, copy))]
    return "\n".join(part for part in parts if part)


def _end(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


def result_line(mailbox: Mailbox) -> dict[str, Any] | None:
    """The result's first line, once there is one; nothing is unpickled."""
    try:
        with mailbox.result.open("rb") as file:
            line = file.readline(FIRST_LINE)
        told = json.loads(line)
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
