"""Payload and result as bytes: a line of JSON that says how long each part is, then the parts.

A part is one pickle and its big buffers, which lie beside it and are never copied into it. Functions of a
notebook refer to its namespace by a stand-in, and a result refers to what came with the payload by name: so
both are, after the way back, the very objects that they were.
"""

from __future__ import annotations

from ihpc_jupyter.driver.lines import as_line, from_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pickle import PickleBuffer
    from typing import Any

    from ihpc_jupyter.driver.unpickling import Unpickler

Buffer = bytes | bytearray | memoryview

SMALL = 64 << 10
"""Bytes up to which a buffer travels inside the pickle."""


PLAIN = "plain"
"""What a part is that holds JSON in place of a pickle: a cell that reads numbers and text only."""
_EXACT = (type(None), bool, float, str)
_LARGEST = 1 << 63


def is_plain(value: Any) -> bool:
    """Whether JSON brings the very same value."""
    return type(value) in _EXACT or (type(value) is int and -_LARGEST < value < _LARGEST)


class TooLarge(Exception):
    """What is pickled grew beyond its limit."""


def namespace() -> dict[str, Any]:
    """Stands in a pickle for the namespace of the cell (on the node) or of the notebook (in the kernel)."""
    raise ValueError("a notebook's functions need a namespace around them")


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
        return self._unpickler(space, known).load()

    def load_both(self, space: dict[str, Any]) -> tuple[Any, Any]:
        """The object, and the one that was pickled after it and shares objects with it."""
        if self.what == PLAIN:
            return from_text(b"".join(self._stream))[PLAIN], {}
        unpickler = self._unpickler(space, None)
        return unpickler.load(), unpickler.load()

    def _unpickler(self, space: dict[str, Any], known: Callable[[str], Any] | None) -> Unpickler:
        from ihpc_jupyter.driver.unpickling import Unpickler  # a cell that reads numbers and text needs none

        return Unpickler(self._stream, self._buffers, space, known)


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
