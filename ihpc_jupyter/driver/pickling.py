"""Pickling by value what is a notebook's own; as the standard library does where that is enough."""

from __future__ import annotations

import _pickle as pickle  # as in `packet`
from types import FunctionType, ModuleType

from ihpc_jupyter.driver.packet import Sink, TooLarge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    SinkType = TypeVar("SinkType", bound=Sink)

    Known = Mapping[int, str]
    """Names of objects that both sides have, by their id."""


def is_the_notebooks_cache(value: Any) -> bool:
    """Whether it is a function of the notebook with a cache (`functools.lru_cache`): found by name otherwise."""
    return type(value).__name__ == "_lru_cache_wrapper" and value.__module__ in {"__main__", None}


class _ByValueNeeded(Exception):
    """The standard pickler would write a reference that the other side cannot follow."""


class Plain(pickle.Pickler):
    """The standard library's pickler, which refuses what is the notebook's own."""

    def __init__(self, sink: Sink, known: Known) -> None:
        super().__init__(sink, protocol=5, buffer_callback=sink.beside)
        if known:
            self.persistent_id = _namer(known)  # type: ignore[method-assign]

    def reducer_override(self, value: Any) -> Any:
        """Nothing of its own, but a refusal."""
        if isinstance(value, type | FunctionType) and value.__module__ in {"__main__", None}:
            raise _ByValueNeeded
        if is_the_notebooks_cache(value):
            raise _ByValueNeeded
        if isinstance(value, ModuleType):
            raise _ByValueNeeded
        return NotImplemented


def _namer(known: Known) -> Callable[[Any], str | None]:
    return lambda value: known.get(id(value))


def dump(value: Any, sink: Callable[[], SinkType], space: dict[str, Any], known: Known) -> SinkType:
    """*value* in a fresh sink; what *known* names is referred to, functions of *space* by value.

    Raises TooLarge, or whatever pickling raises.
    """
    first = sink()
    try:
        plain = Plain(first, known)
        plain.dump(value)
        first.memo = plain.memo.copy
        return first
    except TooLarge:
        raise
    except Exception:  # noqa: BLE001 - whatever it was: the other pickler says whether it is possible
        from ihpc_jupyter.driver.by_value import ByValue  # cloudpickle, only where it is needed

        second = sink()
        by_value = ByValue(second, space, known)
        by_value.dump(value)
        second.memo = by_value.memo.copy
        return second
