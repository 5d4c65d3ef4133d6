"""Where a run is shown: a notebook with a line that changes in place, or a terminal."""

import sys
import time
from typing import Any, Protocol

from ihpc_jupyter.kernel.urgent import stage
from ihpc_jupyter.model.run import RunView

REDRAW = 0.4
"""Seconds between two drawings of a line whose stage is the same."""


class Screen(Protocol):
    """What following a run needs of whoever shows it."""

    def stage(self, view: RunView, trouble: str = "", *, last: bool = False) -> None:
        """The run is here now."""

    def show(self, event: dict[str, Any]) -> None:
        """A display or value event of the run."""

    def write(self, name: str, text: str) -> None:
        """Text for `stdout` or `stderr`."""

    def table(self, text: str, page: str) -> None:
        """Something that is there as text and as HTML."""


def screen_of(shell: Any) -> "Screen":
    """The screen of an IPython shell."""
    return NotebookScreen(shell) if hasattr(shell, "kernel") else TerminalScreen(shell)


class _Shown:
    """What both screens do alike."""

    def __init__(self, shell: Any) -> None:
        self._publisher = shell.display_pub
        self._last = ""
        self._drawn_at = 0.0

    def show(self, event: dict[str, Any]) -> None:
        """A display or value event of the run."""
        settings: dict[str, Any] = {"data": event.get("data") or {}, "metadata": event.get("metadata") or {}}
        if event.get("id"):
            settings |= {"transient": {"display_id": str(event["id"])}, "update": bool(event.get("update"))}
        self._publisher.publish(**settings)

    def write(self, name: str, text: str) -> None:
        """Text for `stdout` or `stderr`."""
        stream = sys.stderr if name == "stderr" else sys.stdout
        stream.write(text)
        stream.flush()

    def table(self, text: str, page: str) -> None:
        """Something that is there as text and as HTML."""
        self._publisher.publish(data={"text/plain": text, "text/html": page})


class NotebookScreen(_Shown):
    """One display that is updated in place."""

    def stage(self, view: RunView, trouble: str = "", *, last: bool = False) -> None:
        """The run is here now: drawn when the stage is another, else now and then."""
        where = f"{view.state} {view.reason} {trouble} {len(view.attempts)}"
        now = time.monotonic()
        if where == self._last and now - self._drawn_at < REDRAW and not last:
            return
        at = time.time()
        self._publisher.publish(
            data={"text/plain": stage.line(view, at, trouble), "text/html": stage.line_html(view, at, trouble)},
            transient={"display_id": f"ihpc-{view.id}-{id(self)}"},
            update=bool(self._last),
        )
        self._last, self._drawn_at = where, now


class TerminalScreen(_Shown):
    """A line for every change of stage, beside the run's own output."""

    def stage(self, view: RunView, trouble: str = "", *, last: bool = False) -> None:
        """The run is here now: told when the stage is another."""
        where = f"{view.state} {view.reason} {trouble} {len(view.attempts)}"
        if where != self._last or last:
            self.write("stderr", f"{stage.line(view, time.time(), trouble)}\n")
        self._last = where

    def table(self, text: str, page: str) -> None:
        """The text of it."""
        self.write("stdout", f"{text}\n")
