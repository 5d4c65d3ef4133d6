"""An exception from a node, raised here: its frames point at the cell's own lines."""

import sys
from collections.abc import Iterable
from types import TracebackType


class RemoteError(Exception):
    """What the user's code raised, where its own class cannot be had here: name, message, traceback lines."""

    def __init__(self, name: str, message: str, traceback: tuple[str, ...] = ()) -> None:
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name
        self.message = message
        self.traceback = traceback


def came_back(error: BaseException) -> bool:
    """Whether it was raised on a node, and here again: not everything that says *interrupted* was Ctrl-C here."""
    return bool(getattr(error, "__notes__", ()))


def with_frames(error: BaseException, frames: Iterable[tuple[str, int, str]]) -> BaseException:
    """*error* with a traceback through these frames (file, line, function), outermost first.

    A traceback needs frames that really ran: each is an empty piece of code that raises on the right line.
    """
    entry: TracebackType | None = None
    for file, line, function in reversed(tuple(frames)):
        made = _entry(file, line, function)
        entry = TracebackType(entry, made.tb_frame, made.tb_lasti, made.tb_lineno) if made else entry
    return error.with_traceback(entry)


def _entry(file: str, line: int, function: str) -> TracebackType | None:
    code = compile("\n" * (line - 1) + "raise StopAsyncIteration", file, "exec").replace(co_name=function)
    try:
        exec(code, {"__name__": "__main__", "__file__": file})  # noqa: S102 - our own word, with a file and line
    except StopAsyncIteration:
        raised = sys.exc_info()[2]
        return raised.tb_next if raised else None
    return None
