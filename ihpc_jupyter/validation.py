"""Values from a person become a model, or one clear sentence a mistake."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

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
        sentences.append(f"{place}: {item['msg']}")
    return "; ".join(sentences) + "."
