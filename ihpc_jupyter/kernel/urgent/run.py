"""`Run`: a handle on one urgent run, used like a future."""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, MutableMapping
from concurrent.futures import CancelledError, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.events import result_line, spoken
from ihpc_jupyter.client.ledger import clock
from ihpc_jupyter.errors import IhpcError, Rejected, Unavailable
from ihpc_jupyter.kernel.urgent import stage
from ihpc_jupyter.kernel.urgent.kept import HELD, Kept
from ihpc_jupyter.kernel.urgent.remote_error import came_back, without_our_frames
from ihpc_jupyter.kernel.urgent.session import ask
from ihpc_jupyter.kernel.urgent.watch import Watch
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import Attempt, Kind, Plan, RunState, RunView

if TYPE_CHECKING:
    from ihpc_jupyter.kernel.urgent.restore import Restored


class RunCancelled(Rejected, CancelledError):
    """The run was cancelled: there is no result."""


class DeadlineMissed(Unavailable):
    """The deadline passed without an answer."""


class Run:
    """A handle on one run; the run itself goes on without it.

    Like a `concurrent.futures.Future` (`result`, `exception`, `done`, `cancel`, `add_done_callback`), and it may
    be awaited. *namespace*: where a cell's names come back to.
    """

    def __init__(
        self, view: RunView, namespace: MutableMapping[str, Any] | None = None, kept: Kept | None = None
    ) -> None:
        self.id = view.id
        self.mailbox = Mailbox(Path(view.mailbox))
        self._namespace = namespace
        self._kept = kept or Kept.read(self.mailbox)
        self._watch = Watch(view)
        self._lock = threading.Lock()
        self._value: list[Any] = []
        self._back = False

    @classmethod
    def find(cls, id_: str, namespace: MutableMapping[str, Any] | None = None) -> "Run":
        """The run of that id, from whatever door it came. Raises NotFound."""
        return cls(ask(AgentClient.run, id_), namespace)

    @property
    def view(self) -> RunView:
        """Everything that is known of the run now. Raises Unavailable."""
        if not self._watch.view.state.ended:
            self._watch.view = ask(AgentClient.run, self.id)
            self._watch.look()
        return self._watch.seen

    @property
    def seen(self) -> RunView:
        """What is known without asking: at most half a second old while the run goes on and the agent is there."""
        return self._watch.seen

    def asked_now(self) -> RunView:
        """What is known now; where nobody answers, what was known before."""
        with suppress(IhpcError):
            return self.view
        return self.seen

    @property
    def trouble(self) -> str:
        """Who does not answer just now; empty while all is well."""
        return self._watch.trouble

    @property
    def kept(self) -> Kept:
        """What was captured for it, as far as it came from a kernel."""
        return self._kept

    @property
    def state(self) -> RunState:
        """Where it is in its life."""
        return self.view.state

    @property
    def plan(self) -> Plan:
        """What was planned when it was ordered."""
        return self.seen.plan

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Its tries so far."""
        return self.view.attempts

    @property
    def cost(self) -> float:
        """Core-hours so far, times the lane's cost factor."""
        return ask(AgentClient.run, self.id).core_hours

    def output(self) -> str:
        """What it has written so far: the winner, else copy 0 of the last attempt."""
        told = result_line(self.mailbox)
        if told is not None:
            return spoken(self.mailbox, int(told["attempt"]), int(told["copy"]))
        attempts = self.seen.attempts
        return spoken(self.mailbox, attempts[-1].number if attempts else 1, 0)

    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._watch.ended.done()

    def running(self) -> bool:
        """Whether its code runs."""
        return not self.done() and self.seen.state is RunState.RUNNING

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.done() and self.seen.state is RunState.CANCELLED

    def cancel(self) -> bool:
        """Cancel it everywhere; False: it had ended before. Raises Unavailable."""
        if self.done() or self.mailbox.result.exists():
            return False
        view = ask(AgentClient.cancel_run, self.id)
        if view is not None:
            self._watch.view = view
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most *timeout* seconds; whether it has ended."""
        return not wait([self._watch.ended], timeout).not_done

    def result(self, timeout: float | None = None) -> Any:
        """A call's value; a script's exit code; a cell's names come back into the namespace (`Restored`).

        Raises what the run raised, TimeoutError after *timeout* seconds, RunCancelled, DeadlineMissed, Rejected
        (it could not be run).
        """
        __tracebackhide__ = True
        if not self.wait(timeout):
            raise TimeoutError(f"Run {self.id} has not ended after {timeout} s; it goes on.")
        return self._handed_over(*self._tried())

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What `result` would raise; None when all is well. Raises TimeoutError."""
        if not self.wait(timeout):
            raise TimeoutError(f"Run {self.id} has not ended after {timeout} s; it goes on.")
        return self._tried()[1]

    def add_done_callback(self, function: "Callable[[Run], object]") -> None:
        """Call *function* with this run when it has ended: in a thread of its own, at once if it has."""
        self._watch.ended.add_done_callback(lambda _: function(self))

    def __await__(self) -> Generator[Any, None, Any]:
        __tracebackhide__ = True
        yield from asyncio.wrap_future(self._watch.ended).__await__()
        return self._handed_over(*(yield from asyncio.to_thread(self._tried).__await__()))

    def restore(
        self,
        *,
        overwrite: bool = False,
        expected: bool = True,
        told: "Callable[[Restored], object]" = lambda _: None,
    ) -> "Restored":
        """Bring a cell's names back; those bound anew stay, unless *overwrite*. *told* hears what became of them.

        Raises what the cell raised: then, too, the names that it had bound before are back.
        """
        from ihpc_jupyter.kernel.urgent.restore import raise_error, restore  # noqa: PLC0415 - late, only for results

        self._answer()
        namespace = self._namespace if self._namespace is not None else {}
        fingerprints = self._kept.expected(namespace) if expected else None
        restored = restore(self.mailbox, namespace, expected=fingerprints, overwrite=overwrite)
        HELD.pop(self.id, None)
        self._back = True
        told(restored)
        raise_error(self.mailbox)
        self._value = [restored]
        return restored

    def _tried(self) -> tuple[Any, BaseException | None]:
        """What came of it, or what `result` raises: with the user's frames only."""
        with self._lock:
            try:
                if not self._value:
                    self._value = [self._outcome()]
            except BaseException as error:
                if isinstance(error, Exception) or came_back(error):
                    return None, without_our_frames(error)  # it is handed over, whatever it is
                raise
            return self._value[0], None

    @staticmethod
    def _handed_over(value: Any, error: BaseException | None) -> Any:
        __tracebackhide__ = True
        try:
            if error is not None:
                raise error
            return value
        finally:
            del error  # its traceback holds this frame

    def _outcome(self) -> Any:
        from ihpc_jupyter.kernel.urgent.restore import value_of_call  # noqa: PLC0415

        kind = self.seen.kind
        if kind is Kind.CELL and not self._back:
            return self.restore()
        told = self._succeeded()
        return value_of_call(self.mailbox) if kind is Kind.CALL else told.get("exit")

    def _answer(self) -> dict[str, Any]:
        """The result's first line. Raises why there is none."""
        told = result_line(self.mailbox)
        if told is None:
            raise self._failure()
        return told

    def _succeeded(self) -> dict[str, Any]:
        """The result's first line. Raises what went wrong, here or there."""
        from ihpc_jupyter.kernel.urgent.restore import raise_error  # noqa: PLC0415

        told = self._answer()
        if told.get("error") and self.seen.kind is Kind.SCRIPT:
            raise Rejected(f"The script could not be run: {told['error'].get('message')}")
        if told.get("error"):
            raise_error(self.mailbox)
        return told

    def _failure(self) -> IhpcError:
        """Why there is no result, as an error."""
        view = self.seen
        problem = view.problem
        message, hint = (problem.message, problem.hint) if problem else ("", "")
        if view.state is RunState.CANCELLED:
            return RunCancelled(f"Run {self.id} was cancelled. {message}".strip(), hint)
        if view.state is RunState.MISSED:
            said = f"Run {self.id} missed its deadline ({clock(view.deadline_at)})."
            return DeadlineMissed(f"{said} {message}".strip(), hint or f"%why {self.id} tells what happened.")
        if view.state is RunState.LOST:
            said = f"Run {self.id} brought no result."
            return Rejected(f"{said} {message}".strip(), hint or f"%why {self.id} tells what happened.")
        return Unavailable(
            f"Run {self.id} has {view.state}, but its result is not to be seen here.",
            f"It should lie in {self.mailbox.path}; ask again: Run.find({self.id!r}).result().",
        )

    def __repr__(self) -> str:
        return stage.line(self.seen, time.time())

    def _repr_html_(self) -> str:
        return stage.line_html(self.seen, time.time())
