"""One copy of a run from its gate to its result: the same in a process of its own and in a worker's thread."""

from __future__ import annotations

import errno
import os
import time

from ihpc_jupyter.driver import place
from ihpc_jupyter.driver.body import Call, Cell
from ihpc_jupyter.driver.changes import Baseline, Origin
from ihpc_jupyter.driver.events import Events
from ihpc_jupyter.driver.reading import Refused, check_script, read_order, read_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import ModuleType
    from typing import Any

    from ihpc_jupyter.driver.packet import Sink
    from ihpc_jupyter.model.mailbox import Mailbox

FAILED = 1
"""Exit code: a rank that is not the first raised."""
REFUSED = 3
"""Exit code: not this Python, or not the payload that was ordered."""
NOT_WRITTEN = 4
"""Exit code: the result could not be written."""
BROKEN = 5
"""Exit code: a fault of the driver itself, or of a memory that is full."""


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Outcome:
    """How the driver ends, and whether the user's code succeeded."""

    def __init__(self, code: int = 0, *, ok: bool = False) -> None:
        self.code = code
        self.ok = ok


class Around:
    """What differs between a process of its own and somebody else's thread."""

    alone: bool

    def live(self, mailbox: Mailbox, attempt: int, copy: int, events: Events) -> AbstractContextManager[object]:
        """Pulse and output, while it runs."""
        raise NotImplementedError

    def settle(self, order: dict[str, Any], directory: str, module: ModuleType) -> None:
        """Working directory, path and arguments of the user's code."""
        raise NotImplementedError

    def interrupted(self, mailbox: Mailbox) -> bool:
        """Whether somebody else ends the user's code: a KeyboardInterrupt of its own is an answer."""
        raise NotImplementedError


def perform(mailbox: Mailbox, attempt: int, copy: int, around: Around) -> Outcome:
    """Run the mailbox's order as this copy, unless the run is closed or somebody does or did."""
    if not os.path.exists(mailbox.gate) or not _claimed(mailbox, attempt, copy):
        return Outcome()
    events = Events(mailbox.events(attempt, copy))
    events.say("started", host=place.host(), pid=os.getpid(), job=place.job(os.environ))
    with around.live(mailbox, attempt, copy, events):
        execution = _Execution(mailbox, attempt, copy, around, events)
        try:
            outcome = execution.run()
        except Refused as refusal:
            outcome = execution.complain(REFUSED, str(refusal), final=refusal.final)
        except Exception as error:  # noqa: BLE001 - a fault of ours: told, where it can be read
            import traceback

            _log(traceback.format_exc())
            sentence = f"The driver failed: {type(error).__name__}: {error}."
            outcome = execution.complain(BROKEN, sentence, final=True)
        events.end(ok=outcome.ok, seconds=execution.seconds)
    return outcome


def _claimed(mailbox: Mailbox, attempt: int, copy: int) -> bool:
    try:
        os.close(os.open(mailbox.claim(attempt, copy), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _log(text: str) -> None:
    """Into the job's own log."""
    try:  # noqa: SIM105 - `contextlib` is dear before the user's first line
        os.write(2, text.encode(errors="replace"))
    except OSError:
        pass  # there is no room for it, either: the exit code says so


class _Execution:
    def __init__(self, mailbox: Mailbox, attempt: int, copy: int, around: Around, events: Events) -> None:
        self.seconds = 0.0
        self._mailbox = mailbox
        self._attempt = attempt
        self._copy = copy
        self._around = around
        self._events = events
        self._ranked = False
        self._header: dict[str, Any] = {
            "ok": False, "attempt": attempt, "copy": copy, "host": place.host(), "seconds": 0.0, "error": None,
            "exit": None, "names": [], "changed": [], "not_sent": {},
        }  # fmt: skip

    def run(self) -> Outcome:
        """Read, run, answer. Raises Refused before anything of the user's ran."""
        order = read_order(self._mailbox)
        self._ranked = order["tasks"] > 1
        directory = str(self._mailbox.files) if order["files"] else order["directory"]
        if order["kind"] == "script":
            return self._script(order, directory)
        part = read_payload(self._mailbox, order["sha256"])
        body = (Cell if order["kind"] == "cell" else Call)(part)
        self._around.settle(order, directory, body.module)
        return self._python(body, order)

    def _script(self, order: dict[str, Any], directory: str) -> Outcome:
        from ihpc_jupyter.driver.script import run_script  # starts programs; cells do not

        check_script(self._mailbox, order["sha256"])
        self._events.say("running")
        began = time.monotonic()
        code = run_script(order["interpreter"], self._mailbox.payload, directory, self._events)
        self.seconds = time.monotonic() - began
        self._header |= {"ok": code == 0, "exit": code}
        return self._answer([])

    def _python(self, body: Cell | Call, order: dict[str, Any]) -> Outcome:
        answers = not self._ranked or self._copy == 0
        module = body.module
        origin = Origin({})
        bound: dict[str, Any] = {}
        changed: dict[str, Any] = {}
        error = self._tried(lambda: body.load(order["cluster"]))
        if error is None:
            origin = Origin(body.values())
            baseline = Baseline(origin if answers else Origin({}), module.__dict__, fork=self._around.alone)
            log = place.log_size() if self._around.alone else None
            self._events.say("running", **({} if log is None else {"log": log}))
            began = time.monotonic()
            error = self._tried(body.run)
            self.seconds = time.monotonic() - began
            if answers:
                bound, changed = origin.bound(body.values()), baseline.changed()
        from ihpc_jupyter.driver.returning import Returned

        returned = Returned(module.__dict__, origin)
        returned.add(bound, changed, body.modules)
        if error is not None:
            self._describe(error)
            returned.add_exception(error)
        self._header |= {
            "ok": error is None, "names": returned.names, "changed": returned.changed,
            "not_sent": returned.not_sent,
        }  # fmt: skip
        return self._answer(returned.parts) if answers else self._rank()

    def _tried(self, step: Callable[[], None]) -> BaseException | None:
        try:
            step()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self._around.interrupted(self._mailbox):
                raise  # a cancel: no answer is wanted
            return error  # whatever the user's code raises is its answer
        return None

    def _describe(self, error: BaseException) -> None:
        from ihpc_jupyter.driver.failure import described, exit_code  # after something failed

        self._header["error"] = described(error)
        if isinstance(error, SystemExit):
            self._header["exit"] = exit_code(error)

    def _rank(self) -> Outcome:
        """A rank that is not the first answers nothing; what it raised is said."""
        if self._header["ok"]:
            return Outcome(0, ok=True)
        text = "\n".join([f"rank {self._copy} raised:", *self._header["error"]["traceback"], ""])
        self._events.stream("stderr", text)
        _log(text)
        return Outcome(FAILED)

    def _answer(self, parts: list[tuple[str, list[str], Sink]]) -> Outcome:
        from ihpc_jupyter.driver.writing import write_result  # after the user's code

        if self._ranked and self._copy:
            return Outcome(0 if self._header["ok"] else FAILED, ok=self._header["ok"])
        self._header["seconds"] = self.seconds
        try:
            write_result(self._mailbox, self._attempt, self._copy, self._header, parts)
        except OSError as error:
            sentence = f"The result could not be written: {error.strerror}."
            return self.complain(NOT_WRITTEN, sentence, final=error.errno in _NO_ROOM)
        return Outcome(0, ok=self._header["ok"])

    def complain(self, code: int, sentence: str, *, final: bool) -> Outcome:
        """Say why there is no result, as an event and in the job's log. *final*: another attempt is of no use."""
        self._events.say("error", message=sentence, final=final)
        _log(f"ihpc: {sentence}\n")
        return Outcome(code)
