"""Whose events a thread's output and displays belong to."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ihpc_jupyter.driver.events import Events

_of_thread: dict[int, Events] = {}
_of_process: list[Events] = []


def current() -> Events:
    """The events of the run in this thread, else of this process. Raises LookupError where nothing runs."""
    found = _of_thread.get(_thread.get_ident()) or next(iter(_of_process), None)
    if found is None:
        raise LookupError("no urgent run here")
    return found


def belongs_to_thread(events: Events | None) -> None:
    """From now on this thread's displays go there; None: no longer."""
    if events is None:
        _of_thread.pop(_thread.get_ident(), None)
    else:
        _of_thread[_thread.get_ident()] = events


def belongs_to_process(events: Events) -> None:
    """From now on all displays of this process go there."""
    _of_process[:] = [events]
