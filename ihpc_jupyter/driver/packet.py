"""Payload and result as bytes: a line of JSON that says how long each part is, then the parts.

A part is one pickle and its big buffers, which lie beside it and are never copied into it. Functions of a
notebook refer to its namespace by a stand-in, and a result refers to what came with the payload by name: so
both are, after the way back, the very objects that they were.
"""

from __future__ import annotations

import _pickle as pickle  # what `pickle` itself is made of, without what it imports besides
import io

from ihpc_jupyter.driver.lines import as_line, from_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pickle import PickleBuffer
    from typing import Any

Buffer = bytes | bytearray | memoryview

SMALL = 64 << 10
"""Bytes up to which a buffer travels inside the pickle."""


class TooLarge(Exception):
    """What is pickled grew beyond its limit."""


def namespace() -> dict[str, Any]:
    """Stands in a pickle for the namespace of the cell (on the node) or of the notebook (in the kernel)."""
    raise pickle.UnpicklingError("a notebook's functions need a namespace around them")


class Sink:
    """Takes what a pickler writes, without copying it; raises TooLarge beyond *limit* bytes."""

    def __init__(self, limit: float = float("inf"), keep: Callable[[Buffer], object] | None = None) -> None:
        self.stream: list[Buffer] = []
        self.buffers: list[memoryview] = []
        self.written = 0
        self.memo: Callable[[], dict[int, tuple[int, Any]]] = dict
        """The pickler's memo, once it has written: the objects in the pickle, by their id."""
        self._left = limit
        self._keep = keep or self.stream.append

    def write(self, data: Buffer) -> int:
        """The pickle's own bytes."""
        size = len(data)
        self._count(size)
        self.written += size
        self._keep(data)
        return size

    def beside(self, buffer: PickleBuffer) -> bool:
        """Whether a buffer goes into the pickle (it is small) instead of beside it."""
        raw = buffer.raw()
        if raw.nbytes <= SMALL:
            return True
        self._count(raw.nbytes)
        self.buffers.append(raw)
        return False

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLarge

    @property
    def sizes(self) -> list[int]:
        """The pickle's length, then that of each buffer."""
        return [self.written, *(buffer.nbytes for buffer in self.buffers)]


class Part:
    """One pickle: *what* it is, and the names that are in it (a dict by name, where there are any)."""

    def __init__(self, what: str, names: list[str], stream: list[Buffer], buffers: list[memoryview]) -> None:
        self.what = what
        self.names = names
        self._stream = stream
        self._buffers = buffers

    def load(self, space: dict[str, Any], known: Callable[[str], Any] | None = None) -> Any:
        """The object; functions of the notebook get *space* as their globals, *known* answers for names."""
        return _Unpickler(self._stream, self._buffers, space, known).load()

    def load_both(self, space: dict[str, Any]) -> tuple[Any, Any]:
        """The object, and the one that was pickled after it and shares objects with it."""
        unpickler = _Unpickler(self._stream, self._buffers, space, None)
        return unpickler.load(), unpickler.load()


class _Unpickler(pickle.Unpickler):
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
        if module == __name__ and name == "namespace":
            return lambda: self._space
        return super().find_class(module, name)

    def persistent_load(self, name: str) -> Any:
        if self._known is None:
            raise pickle.UnpicklingError(f"nothing is known of {name!r}")
        return self._known(name)


def packed(parts: list[tuple[str, list[str], Sink]]) -> Iterator[Buffer]:
    """All bytes of a packet, in order, without joining them."""
    index = [{"what": what, "names": names, "sizes": sink.sizes} for what, names, sink in parts]
    yield as_line({"parts": index})
    for _, _, sink in parts:
        yield from sink.stream
        yield from sink.buffers


def unpacked(read: Callable[[int], bytearray], line: bytes) -> list[Part]:
    """The parts of a packet whose first line is *line*; *read* gives the next so many bytes."""
    parts = []
    for entry in from_text(line)["parts"]:
        pickled, *buffers = (read(size) for size in entry["sizes"])
        views = [memoryview(buffer) for buffer in buffers]
        parts.append(Part(entry["what"], entry["names"], [pickled], views))
    return parts
