"""The user's exception in words and lines, without the driver's own frames."""

import os
import sys
from types import TracebackType
from typing import Any

_OWN = os.path.dirname(__file__) + os.sep  # text against text


def described(error: BaseException) -> dict[str, Any]:
    """The `error` of a result's header: its name, message, traceback, and the frames for a debugger's eye."""
    import traceback  # after something failed

    error.__traceback__ = users_part(error.__traceback__)
    lines = "".join(traceback.format_exception(error)).splitlines()
    codes = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    frames = [[code.co_filename, line, code.co_name] for code, line in codes]
    return {
        "name": type(error).__name__, "message": _message(error), "traceback": lines, "frames": frames,
        "begins": [code.co_firstlineno for code, _ in codes],
        "chained": bool(error.__cause__ or (error.__context__ and not error.__suppress_context__)),
    }  # fmt: skip


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as other:  # noqa: BLE001 - the user's class
        return f"<its text raised {type(other).__name__}>"


def users_part(entry: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is not the driver's."""
    while entry is not None and entry.tb_frame.f_code.co_filename.startswith(_OWN):
        entry = entry.tb_next
    return entry


def exit_code(error: SystemExit) -> int:
    """What the shell would have seen."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)  # noqa: T201 - as Python itself does
    return 1
