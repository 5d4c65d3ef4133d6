"""An exception from a node, raised here: its frames point at the cell's own lines."""

import sys
from collections.abc import Sequence
from types import TracebackType

from ihpc_jupyter.errors import IhpcError

_OURS = "ihpc_jupyter."


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


def without_our_frames(error: BaseException) -> BaseException:
    """*error*, its traceback beginning after our own frames: at the user's lines on the node, if there are any."""
    entry = error.__traceback__
    if isinstance(error, IhpcError):
        error.__cause__, error.__suppress_context__, entry = None, True, None
    while entry is not None and entry.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        entry = entry.tb_next
    return error.with_traceback(entry)


def with_frames(
    error: BaseException, frames: Sequence[tuple[str, int, str]], begins: Sequence[int] = ()
) -> BaseException:
    """*error* with a traceback through these frames (file, line, function), outermost first.

    A traceback needs frames that really ran: each is an empty piece of code that raises on the right line.
    *begins*: the lines on which their functions begin; whoever shows source looks there.
    """
    entry: TracebackType | None = None
    known = begins if len(begins) == len(frames) else [1] * len(frames)
    for (file, line, function), begin in reversed([*zip(frames, known, strict=True)]):
        made = _entry(file, line, function, begin)
        entry = TracebackType(entry, made.tb_frame, made.tb_lasti, made.tb_lineno) if made else entry
    return error.with_traceback(entry)


def _entry(file: str, line: int, function: str, begin: int) -> TracebackType | None:
    first = min(begin, line) if function != "<module>" else 1
    whole = compile("\n" * (line - first) + "raise StopAsyncIteration", file, "exec")
    code = whole.replace(co_name=function, co_qualname=function, co_firstlineno=first)
    try:
        exec(code, {"__name__": "__main__", "__file__": file})  # noqa: S102 - our own word, with a file and line
    except StopAsyncIteration:
        raised = sys.exc_info()[2]
        return raised.tb_next if raised else None
    return None
