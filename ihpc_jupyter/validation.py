"""Values from a person become a model, or one clear sentence a mistake."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ihpc_jupyter.errors import InvalidRequest

ModelType = TypeVar("ModelType", bound=BaseModel)


def validated(kind: type[ModelType], values: Mapping[str, object]) -> ModelType:
    """A model from values that a person gave. Raises InvalidRequest naming each wrong one."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidRequest(explain(error)) from None


def explain(error: ValidationError) -> str:
    """One sentence a wrong field, naming it, at most five."""
    sentences = []
    for item in error.errors(include_url=False, include_input=False)[:5]:
        place = ".".join(str(part) for part in item["loc"] if part != "[key]") or "body"
        sentences.append(f"{place}: {_bound(item) or item['msg'].removeprefix('Value error, ')}")
    return "; ".join(sentences) + "."


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"), "less_than": ("less than", "lt"),
}  # fmt: skip


def _bound(item: ErrorDetails) -> str:
    """A number beyond its bounds, in plain words; empty for other mistakes."""
    if item["type"] not in _BOUNDS:
        return ""
    word, key = _BOUNDS[item["type"]]
    return f"must be {word} {item.get('ctx', {})[key]:.15g}"
