"""What a copy says: one JSON object a line, output joined to whole lines where it comes thick and fast."""

from __future__ import annotations

import _thread
import os
import time

from ihpc_jupyter.driver.lines import as_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

JOIN = 0.05
"""Seconds that output may wait for more of it."""
BURST = 8
"""Writes within that time that need not wait."""
HELD = 64 << 10
"""Characters that are held at most."""
MOST = 64 << 20
"""Bytes of output and displays of one copy; the rest is dropped, which is said once."""


class Events:
    """The events file of one copy. Threads may share it; a forked child writes to it, too, at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = _thread.RLock()  # a signal's handler may print while this thread is writing
        self._owner = os.getpid()
        self._name = ""
        self._texts: list[str] = []
        self._held = 0
        self._window = 0.0
        self._written = 0
        self._waking = False
        self._left = MOST
        self._torn = False
        os.register_at_fork(after_in_child=self._after_fork)

    def say(self, what: str, **more: Any) -> None:
        """Write an event, after all output before it."""
        with self._lock:
            self._emit()
            self._write(as_line({"at": time.time(), "is": what, **more}))

    def end(self, **more: Any) -> None:
        """Say that it has ended; whatever threads say later is dropped."""
        with self._lock:
            self.say("ended", **more)
            os.close(self._file)
            self._file = -1

    def show(self, what: str, **more: Any) -> None:
        """Write an event whose size counts: a display."""
        with self._lock:
            self._emit()
            self._bounded({"at": time.time(), "is": what, **more})

    def stream(self, name: str, text: str) -> None:
        """Output: written now, or joined with what follows within moments."""
        with self._lock:
            if name != self._name:
                self._emit()
                self._name = name
            self._texts.append(text)
            self._held += len(text)
            if self._held >= HELD:
                self._emit()
            elif text.endswith("\n"):
                self._offer()
            else:
                self._wake()

    def flush(self) -> None:
        """Somebody wants output to be seen."""
        with self._lock:
            self._offer()

    def drain(self) -> None:
        """Write all output that is held."""
        with self._lock:
            self._emit()

    def _offer(self) -> None:
        now = time.monotonic()
        if now - self._window >= JOIN:
            self._window, self._written = now, 0
        if self._written < BURST or os.getpid() != self._owner:
            self._written += 1
            self._emit()
        else:
            self._wake()

    def _wake(self) -> None:
        if not self._waking and self._texts:
            self._waking = True
            _thread.start_new_thread(self._later, ())

    def _later(self) -> None:
        time.sleep(JOIN)  # the time that output may wait
        with self._lock:
            self._waking = False
            self._emit()

    def _emit(self) -> None:
        if not self._texts:
            return
        text = "".join(self._texts)
        self._texts.clear()
        self._held = 0
        self._bounded({"at": time.time(), "is": "stream", "name": self._name, "text": text})

    def _bounded(self, event: dict[str, Any]) -> None:
        line = as_line(event)
        if len(line) <= self._left:
            self._left -= len(line)
            self._write(line)
        elif self._left:
            self._left = 0
            text = f"[The rest of the output is dropped: there is more than {MOST >> 20} MiB of it.]\n"
            self._write(as_line({"at": time.time(), "is": "stream", "name": "stderr", "text": text}))

    def _write(self, line: bytes) -> None:
        if self._file < 0:
            return
        data = b"\n" + line if self._torn else line
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:
            self._torn = True  # a full disk: the code goes on, and the result's own end will say so
        else:
            self._torn = False

    def _after_fork(self) -> None:
        """A child of the user's code: what its parent holds is its parent's to write, and threads stay behind."""
        self._lock = _thread.RLock()
        self._texts.clear()
        self._held = 0
        self._waking = False
