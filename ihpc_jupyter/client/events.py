"""What a run's copies say, read as it comes: the mailbox's files of events, and the result's first line."""

import codecs
import json
import time
from pathlib import Path
from typing import Any

from ihpc_jupyter.model.mailbox import Mailbox

LOG_TAIL = 4000
"""Bytes of a log's end that are shown of a lost attempt."""
LOG_PAUSE = 0.25
"""Seconds between two looks at what is written past Python."""
LOG_PIECE = 4 << 20
"""Bytes of it at a time."""
FIRST_LINE = 64 << 20
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


class Aside:
    """What the programs that a copy starts, and libraries, write past Python: its log, from *begin* on."""

    def __init__(self, path: Path, begin: int) -> None:
        self._path = path
        self._offset = begin
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._due = 0.0

    def look(self, *, last: bool = False) -> str:
        """What is new; nobody is asked more often than a few times a second, unless this is the *last* look."""
        now = time.monotonic()
        if now < self._due and not last:
            return ""
        self._due = now + LOG_PAUSE
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(LOG_PIECE)
        except OSError:
            return ""
        self._offset += len(data)
        more = f"\n[More of it is in {self._path}.]\n" if last and len(data) == LOG_PIECE else ""
        return self._decoder.decode(data, final=last) + more


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


def log_tails(mailbox: Mailbox, attempt: int, copy: int) -> str:
    """The end of what a copy wrote past Python, and of what the submitting command said."""
    parts = [log_tail(path) for path in (mailbox.command(attempt), mailbox.log(attempt, copy))]
    return "\n".join(part for part in parts if part)


def log_tail(path: Path) -> str:
    """The end of a log; empty where there is none."""
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
