"""Errors for people: one clean line, or the cell's own lines, where IPython would show our own traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.kernel.urgent.remote_error import came_back

E = TypeVar("E", bound=BaseException)

_OURS = str(Path(__file__).parent)


def plain(error: E, said: str) -> E:
    """The error, shown by IPython as one line. It still ends the cell, and what would run after it."""
    lines = [f"{type(error).__name__}: {said}"]
    error.__dict__["_render_traceback_"] = lambda: lines
    return error


@contextmanager
def plainly(shell: Any) -> Iterator[None]:
    """Our errors as one line each; what the run raised with its own frames only."""
    try:
        yield
    except IhpcError as error:
        raise plain(error, str(error)) from None
    except KeyboardInterrupt as interrupt:
        if came_back(interrupt):
            _without_ours(shell, interrupt)
        elif not hasattr(interrupt, "_render_traceback_"):
            plain(interrupt, "Interrupted; a run that was not started yet is thrown away.")
        raise
    except Exception as error:
        _without_ours(shell, error)
        raise


def _without_ours(shell: Any, error: BaseException) -> None:
    """Let IPython show the frames behind ours; an error in ourselves has none there, and is shown whole."""
    theirs = _behind_ours(error.__traceback__)
    if theirs is not None:
        error.__dict__["_render_traceback_"] = lambda: shell.InteractiveTB.structured_traceback(
            type(error), error, theirs
        )


def _behind_ours(traceback: TracebackType | None) -> TracebackType | None:
    behind = None
    while traceback is not None:
        ours = traceback.tb_frame.f_code.co_filename.startswith(_OURS)
        traceback = traceback.tb_next
        behind = traceback if ours else behind
    return behind
