"""Python's standard output and error, as events."""

from __future__ import annotations

import _thread
import codecs
import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

    from ihpc_jupyter.driver.events import Events


class Stream(io.TextIOBase):
    """A text stream that ends in a copy's events; *descriptor* is what child processes get in its place."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, events: Events, name: str, descriptor: int) -> None:
        self._events = events
        self._name = name
        self._descriptor = descriptor
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        """Take text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._events.stream(self._name, text)
        return len(text)

    def flush(self) -> None:
        """Show what is held."""
        if not self.closed:
            self._events.flush()

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor for child processes."""
        return self._descriptor


class _Bytes(io.BufferedIOBase):
    """The stream's bytes: ``sys.stdout.buffer``."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._stream.write(self._decoder.decode(data))
        return len(data)

    def flush(self) -> None:
        """Show what is held."""
        self._stream.flush()

    def writable(self) -> bool:
        """It is."""
        return True


class Switch(io.TextIOBase):
    """A process's stream with turnouts: what some threads write goes elsewhere."""

    def __init__(self, otherwise: TextIO) -> None:
        self._otherwise = otherwise
        self.turned: dict[int, Stream] = {}

    def _target(self) -> Any:
        return self.turned.get(_thread.get_ident(), self._otherwise)

    def write(self, text: str) -> int:
        """Take text."""
        written: int = self._target().write(text)
        return written

    def flush(self) -> None:
        """Show what is held."""
        self._target().flush()

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor for child processes."""
        return self._otherwise.fileno()

    def __getattribute__(self, name: str) -> Any:
        if name in {"buffer", "encoding", "errors", "isatty"}:
            return getattr(self._target(), name)
        return super().__getattribute__(name)
