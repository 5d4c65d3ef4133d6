"""Following a run from the portal's thread: its view, at most twice a second, and its result as it comes."""

import asyncio
import time
from concurrent.futures import Future
from pathlib import Path

from ihpc_jupyter.client.events import result_line
from ihpc_jupyter.errors import IhpcError, NotFound
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.kernel.urgent.session import agent
from ihpc_jupyter.model.cluster import Problem
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import RunState, RunView

ASKING = 0.5
"""Seconds between two questions to the agent about one run."""
AFTER_DEADLINE = 0.25
"""Seconds that the agent may take to see that the deadline has passed."""
LOOK = 0.03
"""Seconds between two looks for a result of a run that is young: a look is one question to a file system."""
PATIENT_LOOK = 0.3
"""The same for a run that takes minutes."""
RESULT_PATIENCE = 10.0
"""Seconds that a result may take to be seen here after the agent has seen it (network file systems)."""
ANSWERED = (RunState.SUCCEEDED, RunState.FAILED)


class Watch:
    """Follows one run until it has ended; *ended* completes then.

    *view* is the agent's last word; *trouble* says who does not answer meanwhile (that ends nothing).
    """

    def __init__(self, view: RunView) -> None:
        self.view = view
        self.trouble = ""
        self.ended: Future[None] = Future()
        self.mailbox = Mailbox(Path(view.mailbox))
        self._began = time.monotonic()
        self._answer: tuple[RunState, float] | None = None
        if self._is_over():
            self._end()
        else:
            portal().start_task_soon(self._follow)

    @property
    def seen(self) -> RunView:
        """The agent's last word, or the result's where the agent has not seen that yet."""
        if self.view.state.ended or self._answer is None:
            return self.view
        state, at = self._answer
        stages = self.view.stages | {state.value: at}
        return self.view.model_copy(update={"state": state, "stages": stages, "reason": ""})

    def look(self) -> None:
        """Take in a result that is here, though the next look for one may not be due yet."""
        if self._answer is None and (told := result_line(self.mailbox)) is not None:
            self._answer = RunState.SUCCEEDED if told.get("ok") else RunState.FAILED, time.time()

    def _end(self) -> None:
        self.look()
        self.ended.set_result(None)

    def _is_over(self) -> bool:
        ended = self.view.state.ended and self.view.state not in ANSWERED
        return ended or self.mailbox.result.exists()

    async def _follow(self) -> None:
        tasks = result, states = asyncio.create_task(self._result()), asyncio.create_task(self._states())
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not result.done() and self.view.state in ANSWERED:
                await asyncio.wait({result}, timeout=RESULT_PATIENCE)
            for task in tasks:
                task.cancel()
            # Whoever is called back may ask the agent: not from this thread, which answers.
            await asyncio.to_thread(self._end)
        finally:
            for task in (result, states):
                task.cancel()
            if not self.ended.done():
                self.ended.cancel()

    def _pause(self) -> float:
        """Until the next question: right after the deadline there is news."""
        left = (self.view.deadline_at or 0.0) - time.time()
        return left + AFTER_DEADLINE if 0 < left < ASKING else ASKING

    async def _result(self) -> None:
        """Until there is a result."""
        while not self.mailbox.result.exists():
            age = time.monotonic() - self._began
            await asyncio.sleep(min(PATIENT_LOOK, max(LOOK, age / 200)))

    async def _states(self) -> None:
        """Until the agent says that the run has ended."""
        while not self.view.state.ended:
            await asyncio.sleep(self._pause())
            try:
                self.view = await agent().run(self.view.id)
                self.trouble = ""
            except NotFound as error:
                problem = Problem(message=error.message, hint=error.hint, since=time.time())
                self.view = self.view.model_copy(update={"state": RunState.LOST, "problem": problem})
            except IhpcError as error:
                self.trouble = f"{error.message} The run goes on."
