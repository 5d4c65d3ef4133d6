"""The pickler for functions and classes of a notebook: cloudpickle, with the namespace kept one and the same."""

import sys
from collections import ChainMap
from collections.abc import Callable
from functools import lru_cache
from io import TextIOWrapper
from types import CodeType, FunctionType
from typing import Any, ClassVar

import cloudpickle

from ihpc_jupyter.driver.packet import Sink, namespace
from ihpc_jupyter.driver.pickling import is_the_notebooks_cache


class _Space(dict[str, Any]):
    """Stands for a namespace; never empty, so that nothing is put into it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return namespace, ()


_FILENAME = 10
"""Place of the file's name among the arguments of `CodeType`."""


def _reduced_code(code: CodeType) -> tuple[Any, ...]:
    """As cloudpickle does, with the file's name, which some versions leave out: tracebacks need it."""
    make, arguments = cloudpickle.Pickler.dispatch_table[CodeType](code)
    return make, (*arguments[:_FILENAME], code.co_filename, *arguments[_FILENAME + 1 :])


def _reduced_file(file: TextIOWrapper) -> Any:
    """cloudpickle would send what a file holds, as text in memory: the notebook would get that for its file."""
    if file in (sys.stdout, sys.stderr):
        return cloudpickle.Pickler.dispatch_table[TextIOWrapper](file)
    raise TypeError("a file stays in its process")


def cached(function: Callable[..., Any], maxsize: int | None, typed: bool) -> Any:
    """A function with a cache, which is empty at first."""
    return lru_cache(maxsize, typed)(function)


def _keep_slots(kind: type, reduced: tuple[Any, ...]) -> None:
    """cloudpickle makes the class without its slots: objects of it could not come back."""
    make, arguments, *_ = reduced
    if make.__name__ == "_make_skeleton_class":
        arguments[3]["__slots__"] = vars(kind)["__slots__"]


class ByValue(cloudpickle.Pickler):  # type: ignore[misc]  # it publishes no types
    """Pickles functions of *space* by value, referring to the namespace on the other side.

    *travel*: whether the globals that they read go with them (towards the node), or are there already.
    *read*: the names of those globals, as they were met.
    """

    dispatch_table: ClassVar[Any] = ChainMap(
        {CodeType: _reduced_code, TextIOWrapper: _reduced_file}, cloudpickle.Pickler.dispatch_table
    )

    def __init__(self, sink: Sink, space: dict[str, Any], known: Any, *, travel: bool = False) -> None:
        super().__init__(sink, protocol=5, buffer_callback=sink.beside)
        self.globals_ref[id(space)] = _Space(stands=True)
        self.read: set[str] = set()
        self._space = space
        self._travel = travel
        if known:
            self.persistent_id = lambda value: known.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        """As cloudpickle does, but for the globals of a function of the notebook, and for a class's slots."""
        if is_the_notebooks_cache(value):
            return cached, (value.__wrapped__, *value.cache_parameters().values())
        reduced = super().reducer_override(value)
        if isinstance(value, type) and "__slots__" in vars(value) and isinstance(reduced, tuple):
            _keep_slots(value, reduced)
        if isinstance(value, FunctionType) and value.__globals__ is self._space and isinstance(reduced, tuple):
            slots = reduced[2][1]
            self.read.update(slots["__globals__"])
            if not self._travel:
                slots["__globals__"] = {}
        return reduced
