"""Errors for people: one clean line where IPython would show our own traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from ihpc_jupyter.errors import IhpcError

E = TypeVar("E", bound=BaseException)


def plain(error: E, said: str) -> E:
    """The error, shown by IPython as one line. It still ends the cell, and what would run after it."""
    lines = [f"{type(error).__name__}: {said}"]
    error.__dict__["_render_traceback_"] = lambda: lines
    return error


@contextmanager
def plainly() -> Iterator[None]:
    """Our errors, and mistakes in the cell's own syntax, as one line each; what the run raised as it is."""
    try:
        yield
    except IhpcError as error:
        raise plain(error, str(error)) from None
    except SyntaxError as error:
        if error.filename and not hasattr(error, "_render_traceback_"):
            line = f"line {error.lineno}: {(error.text or '').strip()}"
            raise plain(error, f"{error.msg} ({line})") from None
        raise
