"""JSON by the interpreter's own C code, which the package `json` wraps.

That package imports regular expressions, which takes longer than all else of the driver's start together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Plain:
    """What the scanner is told: nothing special."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own


def _unknown(value: object) -> object:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _built_in() -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """`dumps` and `loads` of what is built in. Raises ImportError, AttributeError, TypeError where it differs."""
    import _json  # what `json` is made of

    def dumps(value: Any) -> str:
        encode = _json.make_encoder(
            {}, _unknown, _json.encode_basestring_ascii, None, ": ", ", ", False, False, True
        )
        return "".join(encode(value, 0))

    scan = _json.make_scanner(_Plain)  # type: ignore[arg-type]  # like `json`'s own decoder, it is only asked

    def loads(text: str) -> Any:
        text = text.strip()
        try:
            value, end = scan(text, 0)
        except StopIteration:
            raise ValueError("it is no JSON") from None
        if end != len(text):
            raise ValueError("there is more than one JSON value")
        return value

    if loads(dumps([{"a": 1.5, "b": None}])) != [{"a": 1.5, "b": None}]:
        raise TypeError
    return dumps, loads


def _chosen() -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    try:
        return _built_in()
    except (ImportError, AttributeError, TypeError):  # another interpreter's, or a later one's
        import json

        return json.dumps, json.loads


_dumps, _loads = _chosen()


def as_line(value: dict[str, Any]) -> bytes:
    """One line of JSON. Raises TypeError and ValueError as `json` does."""
    return _dumps(value).encode() + b"\n"


def from_text(data: bytes) -> Any:
    """The JSON value that *data* is. Raises ValueError where it is none."""
    return _loads(data.decode())
