"""A driver inside a worker's thread: nothing of the process is changed for good but a turnout in its streams."""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from ihpc_jupyter.driver.current import belongs_to_thread
from ihpc_jupyter.driver.events import Events
from ihpc_jupyter.driver.imports import watch_display
from ihpc_jupyter.driver.process import BACKEND
from ihpc_jupyter.driver.pulse import BEAT, write_beat
from ihpc_jupyter.driver.run import Around, perform
from ihpc_jupyter.driver.streams import Stream, Switch
from ihpc_jupyter.model.mailbox import Mailbox

_installing = threading.Lock()


class _Guest(Around):
    alone = False

    @contextlib.contextmanager
    def live(self, mailbox: Mailbox, attempt: int, copy: int, events: Events) -> Iterator[None]:
        """Pulse, and this thread's output."""
        end_pulse = _start_pulse(mailbox.pulse(attempt, copy), mailbox.gate)
        belongs_to_thread(events)
        ours = "MPLBACKEND" not in os.environ
        os.environ.setdefault("MPLBACKEND", BACKEND)
        watch_display()
        try:
            with _turned("stdout", Stream(events, "stdout", 1)), _turned("stderr", Stream(events, "stderr", 2)):
                yield
        finally:
            if ours:  # programs that others start from here are theirs
                os.environ.pop("MPLBACKEND", None)
            events.drain()
            belongs_to_thread(None)
            end_pulse()

    def settle(self, order: dict[str, Any], directory: str, module: ModuleType) -> None:
        """Modules of the notebook's can be imported; directory and arguments are the whole process's and stay."""
        sys.path.extend(entry for entry in order["path"] if entry not in sys.path)

    def interrupted(self, mailbox: Mailbox) -> bool:
        """Whether the run has been closed."""
        return not mailbox.gate.exists()


@contextlib.contextmanager
def _turned(name: str, stream: Stream) -> Iterator[None]:
    with _installing:
        switch = getattr(sys, name)
        if not isinstance(switch, Switch):
            switch = Switch(switch)
            setattr(sys, name, switch)
    switch.turned[threading.get_ident()] = stream
    try:
        yield
    finally:
        switch.turned.pop(threading.get_ident(), None)


def _start_pulse(path: Path, gate: Path) -> Callable[[], None]:
    """Beat beside the calling thread, and interrupt it when the run has been closed."""
    ended, runner, told = threading.Event(), threading.get_ident(), False

    def beat() -> None:
        nonlocal told
        for number in count(1):
            write_beat(path, number)
            if ended.wait(BEAT):
                return
            if not told and not gate.exists():
                told = True
                _interrupt(runner)

    threading.Thread(target=beat, name="ihpc-pulse", daemon=True).start()
    return ended.set


def _interrupt(thread: int) -> None:
    """Raise KeyboardInterrupt in a thread at its next line of Python; a call into C has to return first."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))


def perform_here(mailbox_path: str, attempt: int, copy: int) -> bool:
    """Run as that copy; whether the user's code succeeded. A closed run is broken off: then False."""
    try:
        return perform(Mailbox(Path(mailbox_path)), attempt, copy, _Guest()).ok
    except KeyboardInterrupt:
        return False
