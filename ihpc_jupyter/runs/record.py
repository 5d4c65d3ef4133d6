"""What is kept of a run on disk: enough for any later agent to go on as if nothing had happened."""

from typing import Self

from pydantic import Field

from ihpc_jupyter.model.base import Name, Record, Seconds, Time, Word
from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.process import Process
from ihpc_jupyter.model.run import Attempt, Plan, RunOrder, RunState
from ihpc_jupyter.model.site import Shape

MAX_ATTEMPTS = 5
"""More tries than this are no longer bad luck."""
_ORDER = tuple(RunState)


class RunRecord(Record):
    """A run as asked for, with everything resolved, and what has been done about it."""

    id: str
    order: RunOrder
    site: Name
    lane: Name
    shape: Shape
    account: Word | None = None
    environment: Environment
    time_limit: Seconds
    cost_factor: float = 1.0
    created_at: Time
    deadline_at: Time | None = None
    plan: Plan
    state: RunState = RunState.PLANNED
    begun: bool = False
    """Whether its payload is in the mailbox and it was told to start."""
    attempts: tuple[Attempt, ...] = ()
    commands: dict[int, Process] = Field(default={})
    """By attempt: the process on the agent's host that holds its job."""
    stages: dict[str, Time] = Field(default={})
    cancelled: bool = False
    """Whether somebody asked for its end."""
    settled: bool = False
    """Whether nothing of it is left at the batch system, and what it cost is known."""
    winner: int | None = None
    seconds: Seconds | None = None
    problem: str = ""
    hint: str = ""

    @property
    def folder(self) -> str:
        """The name of its directory."""
        return self.id

    @property
    def live(self) -> tuple[Attempt, ...]:
        """Attempts that may still answer."""
        return tuple(attempt for attempt in self.attempts if attempt.outcome is None)

    def with_attempt(self, attempt: Attempt) -> Self:
        """The same with this attempt added or replaced (by number)."""
        others = tuple(one for one in self.attempts if one.number != attempt.number)
        ordered = tuple(sorted((*others, attempt), key=lambda one: one.number))
        return self.model_copy(update={"attempts": ordered})

    def reached(self, state: RunState, at: float) -> Self:
        """The same in that state, its time noted; going back to an earlier one forgets what was after it."""
        if state is self.state:
            return self
        before = {str(one) for one in _ORDER[: _ORDER.index(state)]}
        stages = {name: when for name, when in self.stages.items() if name in before}
        return self.model_copy(update={"state": state, "stages": {**stages, str(state): at}})
