"""Reading pickles of packets."""

from __future__ import annotations

import _pickle as pickle  # what `pickle` itself is made of, without what it imports besides
import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ihpc_jupyter.driver.packet import Buffer

NAMESPACE = "ihpc_jupyter.driver.packet"
"""The module of the stand-in for a namespace."""


class Unpickler(pickle.Unpickler):
    """Reads a part: functions of the notebook get *space* as their globals, *known* answers for names."""

    def __init__(
        self,
        stream: list[Buffer],
        buffers: list[memoryview],
        space: dict[str, Any],
        known: Callable[[str], Any] | None,
    ) -> None:
        super().__init__(io.BytesIO(b"".join(stream)), buffers=buffers)
        self._space = space
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a namespace, else as everybody finds it."""
        if module == NAMESPACE and name == "namespace":
            return lambda: self._space
        return super().find_class(module, name)

    def persistent_load(self, name: str) -> Any:
        """What the other side named instead of sending it."""
        if self._known is None:
            raise pickle.UnpicklingError(f"nothing is known of {name!r}")
        return self._known(name)
