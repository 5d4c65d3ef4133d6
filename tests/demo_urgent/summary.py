"""What has to hold at the end of the demonstration, and how it is told."""

from dataclasses import dataclass

from ihpc_jupyter.client.ledger import wait_of
from ihpc_jupyter.client.story import cost_text, seconds_text
from ihpc_jupyter.model.run import RunState, RunView
from tests.demo_urgent.neighbour import PRIMES
from tests.demo_urgent.spot import Spot

ANSWER = "after 1.0 minutes from 102 to 97 per minute; by chance in 2.8 of 100 shuffles"
"""What the recording says, whoever computes it."""
START = 5.0
"""Seconds that the first line of A's code may take on a busy test machine; usual is one."""


@dataclass(frozen=True)
class Finding:
    """One line of the summary."""

    name: str
    text: str
    holds: bool


def findings(view: RunView, printed: str, counted: int, spot: Spot, killed: str, used: float) -> list[Finding]:
    """What was found: of A's run, of B's computation (*counted*: its result), of the machine's *used* share."""
    first, last = view.attempts[0], view.attempts[-1]
    began = (first.running_at or float("inf")) - view.created_at
    again, twice = spot.counts()
    in_time = (
        view.deadline_at is not None and view.stages.get(RunState.SUCCEEDED, float("inf")) <= view.deadline_at
    )
    outcomes = ", ".join(f"{one.number} {one.outcome} on {' '.join(one.nodes)}" for one in view.attempts)
    gone = [job for attempt in view.attempts for job in attempt.preempted]
    return [
        Finding("start", f"{seconds_text(began)} from the order to the first line of code", began <= START),
        Finding("attempts", outcomes, [one.outcome for one in view.attempts] == ["lost", "won"]),
        Finding("elsewhere", f"not on {killed} again", killed in first.nodes and killed in last.exclude),
        Finding("made way", ", ".join(f"B's job {job}" for job in gone) or "nobody, says the ledger", bool(gone)),
        Finding("answer", ANSWER if ANSWER in printed else "not the known one", ANSWER in printed),
        Finding("deadline", f"kept; the second attempt began after {seconds_text(wait_of(view) or 0)}", in_time),
        Finding("cost", cost_text(view), 0 < view.wasted_core_hours < view.core_hours),
        Finding("B's result", f"{counted:,} primes", counted == PRIMES),
        Finding("B's tasks", f"{spot.tasks}; ran again: {again} broken off, {twice} finished", twice == 0),
        Finding("utilisation", f"{used:.0%} of the cores, from the full machine to B's result", used > 0.5),
    ]  # fmt: skip


def told(found: list[Finding]) -> str:
    """The summary."""
    return "\n".join(f"{'✓' if one.holds else '✗'} {one.name:12} {one.text}" for one in found)
