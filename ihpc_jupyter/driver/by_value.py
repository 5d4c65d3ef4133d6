"""The pickler for functions and classes of a notebook: cloudpickle, with the namespace kept one and the same."""

from types import FunctionType
from typing import Any

import cloudpickle

from ihpc_jupyter.driver.packet import Sink, namespace


class _Space(dict[str, Any]):
    """Stands for a namespace; never empty, so that nothing is put into it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return namespace, ()


class ByValue(cloudpickle.Pickler):  # type: ignore[misc]  # it publishes no types
    """Pickles functions of *space* by value, referring to the namespace on the other side.

    *travel*: whether the globals that they read go with them (towards the node), or are there already.
    *read*: the names of those globals, as they were met.
    """

    def __init__(self, sink: Sink, space: dict[str, Any], known: Any, *, travel: bool = False) -> None:
        super().__init__(sink, protocol=5, buffer_callback=sink.beside)
        self.globals_ref[id(space)] = _Space(stands=True)
        self.read: set[str] = set()
        self._space = space
        self._travel = travel
        if known:
            self.persistent_id = lambda value: known.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        """As cloudpickle does, but for the globals of a function of the notebook."""
        reduced = super().reducer_override(value)
        if isinstance(value, FunctionType) and value.__globals__ is self._space and isinstance(reduced, tuple):
            slots = reduced[2][1]
            self.read.update(slots["__globals__"])
            if not self._travel:
                slots["__globals__"] = {}
        return reduced
