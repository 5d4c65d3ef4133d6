"""A real kernel as a notebook drives it: cells in, what they showed out."""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

CELL = 60.0
"""Seconds that a cell may say nothing."""
LOOK = 0.02
"""Seconds between two looks while a cell runs."""


@dataclass
class Shown:
    """What a cell showed. *displays*: MIME bundles as they first were; *lines*: every text that a display had."""

    stdout: str = ""
    stderr: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    error: str | None = None
    """Name and message of the error that ended it."""
    traceback: str = ""

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """One message of the kernel."""
        if kind == "stream":
            setattr(self, content["name"], getattr(self, content["name"]) + content["text"])
        elif kind in {"display_data", "execute_result", "update_display_data"}:
            self.lines.append(content["data"].get("text/plain", ""))
            if kind != "update_display_data":
                self.displays.append(content["data"])
        elif kind == "error":
            self.error = f"{content['ename']}: {content['evalue']}"
            self.traceback = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))


class Notebook:
    """A kernel and its client."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        # Sockets of its own: of five ports that were free a moment ago one may be taken when the kernel begins.
        self._sockets = Path(tempfile.mkdtemp(prefix="ihpc-kernel-", dir="/tmp"))
        self._manager = KernelManager(transport="ipc", ip=str(self._sockets / "kernel"))
        quiet = ["--IPKernelApp.log_level=40"]
        self._manager.start_kernel(env=dict(environment), cwd=str(directory), extra_arguments=quiet)
        self.later = Shown()
        """What cells showed after their end."""
        self._client: BlockingKernelClient = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=CELL)

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return int(self._manager.provisioner.pid)  # type: ignore[union-attr]  # a local one

    def cell(self, code: str, then: Callable[[Shown], bool] | None = None) -> Shown:
        """Run a cell to its end. Once *then* is true of what it showed, interrupt it."""
        shown = Shown()
        asked = self._client.execute(code)
        while self._heard(asked, shown, CELL):
            if then is not None and then(shown):
                then = None
                self._manager.interrupt_kernel()
        return shown

    def watched(self, code: str, look: Callable[[Shown], bool], patience: float) -> Shown | None:
        """Run a cell; *look* is asked all the time whether somebody still waits for it: None when nobody does."""
        shown = Shown()
        asked = self._client.execute(code)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not look(shown):
                return None
            with suppress(AssertionError):
                if not self._heard(asked, shown, LOOK):
                    return shown
        raise AssertionError(f"the cell does not end: {shown}")

    def _heard(self, asked: str, shown: Shown, patience: float) -> bool:
        """Take one message; False: it was the end of the cell."""
        try:
            message = self._client.get_iopub_msg(timeout=patience)
        except Empty:
            raise AssertionError(f"the cell says nothing more: {shown}") from None
        content = message["content"]
        if message["parent_header"].get("msg_id") != asked:
            self.later.take(message["msg_type"], content)
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return False
        else:
            shown.take(message["msg_type"], content)
        return True

    def value(self, expression: str) -> str:
        """The `repr` of an expression in the kernel. Fails when it raises."""
        shown = self.cell(f"print(repr({expression}))")
        assert shown.error is None, shown.traceback
        return shown.stdout.strip()

    def restart(self) -> None:
        """As *Restart kernel* does."""
        self._manager.restart_kernel(now=True)
        self._client.wait_for_ready(timeout=CELL)
        assert self.cell("%load_ext ihpc_jupyter").error is None

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        shutil.rmtree(self._sockets, ignore_errors=True)


@contextmanager
def notebook(environment: Mapping[str, str], directory: Path) -> Iterator[Notebook]:
    """A notebook with our magics loaded, gone afterwards."""
    made = Notebook(environment, directory)
    try:
        assert made.cell("%load_ext ihpc_jupyter").error is None
        yield made
    finally:
        made.close()
