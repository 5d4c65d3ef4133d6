"""Mistakes of a site file in words: what is wrong with a value, and what is allowed."""

from difflib import get_close_matches

from pydantic_core import ErrorDetails

from ihpc_jupyter.model.base import Line, Model, Name, PathText, Word
from ihpc_jupyter.model.site import SNAPSHOT, HeadSettings, Lane, Polling, ServerKind, Shape

_TABLES: dict[str, type[Model]] = {
    "lanes": Lane,
    "shapes": Shape,
    "shape": Shape,
    "head": HeadSettings,
    "polling": Polling,
}


def _pattern(kind: object) -> str:
    return str(getattr(kind, "__metadata__")[0].pattern)  # noqa: B009 (an Annotated type's only way to tell)


_PATTERNS = {
    _pattern(Name): "a name: lower-case letters, digits and hyphens, at most 32 characters",
    _pattern(Word): "one word of letters, digits and _ . : + @ -, at most 63 characters",
    _pattern(Line): "one printable line of at most 200 characters",
    _pattern(PathText): "an absolute path, or one that begins with ~",
    SNAPSHOT: "an absolute path",
}


def explain(model: type[Model], error: ErrorDetails) -> str:
    """One line about one of pydantic's errors in a table that *model* describes."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(model, [str(part) for part in error["loc"]])
    if kind == "missing":
        return "this key is needed"
    if kind == "string_pattern_mismatch":
        text = _PATTERNS.get(str(context.get("pattern")), "“direct” or “ssh HOST”")
    elif kind == "value_error":
        text = str(context.get("error", error["msg"]))
    else:
        text = error["msg"].removeprefix("Input should be ")
        if kind == "enum" and error["loc"] == ("kind",):
            text += f"; for the hub's servers only: {', '.join(ServerKind)}"
    given = repr(error["input"])
    shown = given if len(given) <= 60 else given[:57] + "…"
    return f"should be {text} (given: {shown})" if kind != "value_error" else f"{text} (given: {shown})"


def _unknown_key(model: type[Model], place: list[str]) -> str:
    for part in place[:-1]:
        model = _TABLES.get(part, model)
    allowed = sorted(set(model.model_fields) - {"name"})
    close = get_close_matches(place[-1], allowed, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"no such key{meant}; allowed here: {', '.join(allowed)}"
