"""Pickling towards a node; and where that fails, which variable it was, why, and what to do."""

import io
import socket
import sqlite3
import sys
from collections.abc import Callable, Container, Iterable, Mapping
from types import CoroutineType, FrameType, FunctionType, GeneratorType, TracebackType
from typing import Any

from ihpc_jupyter.driver.by_value import ByValue
from ihpc_jupyter.driver.packet import Sink, TooLarge
from ihpc_jupyter.driver.pickling import Plain
from ihpc_jupyter.errors import InvalidRequest

_ADVICE: tuple[tuple[tuple[type, ...], str], ...] = (
    ((GeneratorType,), "Make a list of it first, or make the generator in the cell."),
    ((CoroutineType,), "Await it first, in an ordinary cell."),
    ((io.IOBase,), "Open the file in the cell, by its path."),
    ((socket.socket, sqlite3.Connection, sqlite3.Cursor), "Connect in the cell itself."),
    ((FrameType, TracebackType), "It belongs to this process; send what you need of it."),
)
_OTHERWISE = "Make it in the cell itself, or send what it is made from."


def dump_travelling(
    value: Any,
    sink: Callable[[], Sink],
    space: dict[str, Any],
    parts: Iterable[Any],
    after: Callable[[Container[int]], Any] | None = None,
) -> tuple[Sink, set[str]]:
    """*value* in a fresh sink, and the globals of *space* that its functions read and that travel with them.

    Raises TooLarge, or whatever pickling raises. *parts*: what is likely to need pickling by value. *after*: is
    told the ids of all objects in the pickle, and makes what is pickled after it, sharing those.
    """
    if not any(_is_the_notebooks(part) for part in parts):
        try:
            first = sink()
            plain = Plain(first, {})
            plain.dump(value)
            if after is not None:
                plain.dump(after(plain.memo.copy()))
            return first, set()
        except TooLarge:
            raise
        except Exception:  # noqa: BLE001, S110 - the other pickler says whether it is possible
            pass
    second = sink()
    by_value = ByValue(second, space, {}, travel=True)
    by_value.dump(value)
    if after is not None:
        by_value.dump(after(by_value.memo.copy()))
    return second, by_value.read


def _is_the_notebooks(value: Any) -> bool:
    kind = value if isinstance(value, type | FunctionType) else type(value)
    return getattr(kind, "__module__", None) in {"__main__", None}


def known_size(value: Any) -> int | None:
    """Bytes of text, bytes and arrays, which are known without pickling; None for others."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return int(value.nbytes)
    return len(value) if isinstance(value, str | bytes | bytearray) else None


def _measured(value: Any, space: dict[str, Any], limit: float) -> float:
    """Bytes of a variable's pickle, without keeping it; infinite beyond the limit."""
    sinks: list[Sink] = []

    def counting() -> Sink:
        sinks.append(Sink(limit, keep=lambda _: None))
        return sinks[-1]

    if (size := known_size(value)) is not None:
        return size
    try:
        sink, _ = dump_travelling(value, counting, space, [value])
    except TooLarge:
        return float("inf")
    except Exception:  # noqa: BLE001 - whatever it is, it is not what is large
        return 0
    return sum(sink.sizes)


def too_large(values: Mapping[str, Any], space: dict[str, Any], limit: int) -> InvalidRequest:
    """The refusal that names the largest variables."""
    sizes = {name: _measured(value, space, limit) for name, value in values.items()}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:3]
    told = ", ".join(f"{name} ({_text(size, limit)})" for name, size in largest if size > limit / 100)
    return InvalidRequest(
        f"The variables are larger than the {_text(limit, limit)} that may be sent: {told or 'all together'}.",
        "Load the data in the cell itself from a file that the nodes see, or send a part of it.",
    )


def _text(size: float, limit: int) -> str:
    if size == float("inf"):
        return f"more than {_text(limit, limit)}"
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} bytes"


def culprits(values: Mapping[str, Any], space: dict[str, Any], error: Exception) -> InvalidRequest:
    """The refusal that names the variable: found by pickling each apart."""
    for name, value in values.items():
        if (why := _failure(value, space)) is not None:
            inner = _inner(value, space)
            told = f"{name!r} ({type(value).__name__})"
            if inner is not None:
                told, value = f"{inner!r} ({type(space[inner]).__name__}), which {name}() reads,", space[inner]  # noqa: PLW2901
            return InvalidRequest(f"The variable {told} cannot be sent to a node: {_line(why)}.", _advice(value))
    return InvalidRequest(f"The cell's variables cannot be sent to a node: {_line(error)}.", _OTHERWISE)


def _failure(value: Any, space: dict[str, Any]) -> Exception | None:
    try:
        dump_travelling(value, lambda: Sink(keep=lambda _: None), space, [value])
    except Exception as error:  # noqa: BLE001 - classes of the user's may raise anything
        return error
    return None


def _inner(value: Any, space: dict[str, Any]) -> str | None:
    """The global that makes a function of the notebook unsendable."""
    if not isinstance(value, FunctionType) or value.__globals__ is not space:
        return None
    names = (name for name in value.__code__.co_names if name in space and space[name] is not value)
    return next((name for name in names if _failure(space[name], space) is not None), None)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _advice(value: Any) -> str:
    return next((advice for kinds, advice in _ADVICE if isinstance(value, kinds)), _OTHERWISE)
