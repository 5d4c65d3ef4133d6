"""A driver that is a process of its own: its pulse, its streams, its end."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # as in `pulse`
import atexit
import os
import sys

from ihpc_jupyter.driver.current import belongs_to_process
from ihpc_jupyter.driver.imports import watch_display
from ihpc_jupyter.driver.place import copy_number
from ihpc_jupyter.driver.pulse import start_pulse
from ihpc_jupyter.driver.run import Around, perform
from ihpc_jupyter.driver.streams import Stream
from ihpc_jupyter.model.mailbox import Mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ihpc_jupyter.driver.events import Events

BACKEND = "module://ihpc_jupyter.driver.figures"
"""matplotlib's backend for cells: no window, pictures in the notebook."""
CANCELLED = 130
"""Exit code: interrupted."""


class _Spot(str):
    """A path that can be joined and opened; `pathlib` would take longer to import than a small cell to run."""

    __slots__ = ()

    def __truediv__(self, name: str) -> _Spot:
        return _Spot(f"{self}/{name}")


class _Life:
    """Ends with the process (`contextlib` would take longer to import than there is to do)."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class _Alone(Around):
    alone = True
    _between = 0
    _interrupted = False

    def live(self, mailbox: Mailbox, attempt: int, copy: int, events: Events) -> _Life:
        """Pulse and output until the process ends; output is written at the end at the latest."""
        self._between = start_pulse(mailbox.pulse(attempt, copy))
        belongs_to_process(events)
        sys.stdout = Stream(events, "stdout", 1)
        sys.stderr = Stream(events, "stderr", 2)
        os.environ["MPLBACKEND"] = BACKEND
        watch_display()
        return _Life()

    def settle(self, order: dict[str, Any], directory: str, module: ModuleType) -> None:
        """As in the notebook; a directory that the node does not have is a warning."""
        os.waitpid(self._between, 0)
        signal.signal(signal.SIGINT, self._interrupt)
        sys.modules["__main__"] = module
        sys.argv[:] = order["argv"]
        sys.path[:] = [*order["path"], *(entry for entry in sys.path if entry not in order["path"])]
        try:
            os.chdir(directory)
        except OSError as error:
            print(f"ihpc: not in {directory} ({error.strerror}) but in {os.getcwd()}", file=sys.stderr)  # noqa: T201

    def interrupted(self, mailbox: Mailbox) -> bool:
        """Whether a signal has come."""
        return self._interrupted

    def _interrupt(self, *_: object) -> None:
        self._interrupted = True
        raise KeyboardInterrupt


def main() -> None:
    """``MAILBOX ATTEMPT``; ends the process, whatever threads the user's code left behind."""
    mailbox = Mailbox(_Spot(sys.argv[1]))  # type: ignore[arg-type]  # what the driver asks of a path
    attempt = int(sys.argv[2])
    try:
        code = perform(mailbox, attempt, copy_number(os.environ), _Alone()).code
    except KeyboardInterrupt:
        code = CANCELLED
    atexit._run_exitfuncs()  # noqa: SLF001 - parallel programs must take leave of one another
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: BLE001, S110 - nobody is left to be told
        pass
    os._exit(code)
