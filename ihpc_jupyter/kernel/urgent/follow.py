"""While a run goes on: what it says comes into the notebook in order, and the live line follows it."""

import time
from typing import Any

from ihpc_jupyter.client.events import Aside, Tail, log_tail, result_line
from ihpc_jupyter.client.ranks import Ranks
from ihpc_jupyter.client.story import PATH
from ihpc_jupyter.kernel.urgent.run import Run
from ihpc_jupyter.kernel.urgent.screen import Screen
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import RunState, RunView

LOOK = 0.04
"""Seconds between two looks at what a running copy says."""
LAST_WORDS = 1.0
"""Seconds that a winner's last words may come after its result (network file systems)."""


class Feed:
    """Hands the events of one copy of the current attempt to a screen: of copy 0, until another has won.

    Of *tasks* ranks the first is shown as it is, what the others print with their numbers.
    """

    def __init__(self, mailbox: Mailbox, screen: Screen, tasks: int = 1) -> None:
        self._mailbox = mailbox
        self._screen = screen
        self._shown = (1, 0)
        self._tasks = tasks
        self._tail = Tail(mailbox.events(1, 0))
        self._others = Ranks(mailbox, 1, tasks)
        self._aside: Aside | None = None
        self._any = False
        self._ended = False
        self.reached: dict[RunState, float] = {}
        """What the copy said of itself before the agent did: this kernel's clock."""

    @property
    def attempt(self) -> int:
        """The attempt that is shown."""
        return self._shown[0]

    def look(self, view: RunView) -> None:
        """Hand over what is new; begin again with a further attempt."""
        self._drain()
        number = view.attempts[-1].number if view.attempts else 1
        if number > self._shown[0]:
            before = self._shown[0]
            lost = [attempt for attempt in view.attempts if before <= attempt.number < number]
            for attempt in lost:
                self._tell_lost(attempt.number, attempt.detail or attempt.outcome or "", attempt.number + 1)
            self._turn_to(number, 0)
            self._drain()

    def finish(self, attempt: int, copy: int) -> None:
        """The last words of the winner; all its words where another copy was shown so far."""
        self._drain()
        if (attempt, copy) != self._shown:
            if self._any:
                self._screen.write("stderr", f"Copy {copy} of attempt {attempt} was first. What it said:\n")
            self._turn_to(attempt, copy)
        until = time.monotonic() + LAST_WORDS
        self._drain()
        while not self._ended and time.monotonic() < until:
            time.sleep(LOOK)  # a file on a shared disk tells nobody that it has grown
            self._drain()
        self._drain_others(last=True)
        self._drain_aside(last=True)

    def unanswered(self, view: RunView) -> None:
        """No result came: where the last attempt was lost, what it wrote past Python may say why."""
        self._drain()
        self._drain_others(last=True)
        # Of others the reason is known: cancelled, too late, or refused in words that are told anyway.
        if not view.attempts or view.attempts[-1].outcome in {None, "lost", "preempted"}:
            self._tell_log(*self._shown)
        else:
            self._drain_aside(last=True)

    def _turn_to(self, attempt: int, copy: int) -> None:
        self._drain_others(last=True)
        self._aside = None
        self._shown = attempt, copy
        self._tail = Tail(self._mailbox.events(attempt, copy))
        self._others = Ranks(self._mailbox, attempt, self._tasks)
        self._ended = False
        self.reached.clear()

    def _tell_lost(self, number: int, detail: str, following: int) -> None:
        why = f" ({detail.rstrip('.')})" if detail else ""
        self._screen.write("stderr", f"Attempt {number} brought nothing{why}; attempt {following} begins anew.\n")
        self._tell_log(number, 0)

    def _tell_log(self, attempt: int, copy: int) -> None:
        shown = self._aside if (attempt, copy) == self._shown else None
        rest = shown.look(last=True).strip() if shown else log_tail(self._mailbox.log(attempt, copy))
        text = "\n".join(part for part in (log_tail(self._mailbox.command(attempt)), rest) if part)
        if text:
            self._screen.write("stderr", f"The log of attempt {attempt} ends with:\n{text}\n")

    def _drain(self) -> None:
        for event in self._tail.look():
            self._hand_over(event)
        self._drain_others()
        self._drain_aside()

    def _drain_others(self, *, last: bool = False) -> None:
        for name, text in self._others.look(last=last):
            self._any = True
            self._screen.write(name, text)

    def _drain_aside(self, *, last: bool = False) -> None:
        if self._aside and (text := self._aside.look(last=last)):
            self._any = True
            self._screen.write("stdout", text)

    def _hand_over(self, event: dict[str, Any]) -> None:
        what = event["is"]
        if what == "stream":
            self._any = True
            self._screen.write(str(event.get("name", "stdout")), str(event.get("text", "")))
        elif what in {"display", "value"}:
            self._any = True
            self._screen.show(event)
        elif what in {"started", "running"}:
            if isinstance(event.get("log"), int):
                self._aside = Aside(self._mailbox.log(*self._shown), int(event["log"]))
            self.reached.setdefault(RunState(what), time.time())
        elif what == "ended":
            self._ended = True


def ahead(view: RunView, reached: dict[RunState, float]) -> RunView:
    """The view with what the run itself said since: the agent's word is up to half a second old."""
    stages: dict[str, float] = {state.value: at for state, at in reached.items()} | view.stages
    if view.state.ended:
        return view.model_copy(update={"stages": stages})
    latest = max([view.state, *reached], key=PATH.index)
    reason = view.reason if latest is view.state else ""
    return view.model_copy(update={"state": latest, "stages": stages, "reason": reason})


def follow(run: Run, screen: Screen) -> RunView:
    """Show the run until it has ended; the view at its end. KeyboardInterrupt comes through and ends nothing."""
    feed = Feed(run.mailbox, screen, run.seen.tasks)
    while not run.wait(LOOK if feed.reached else LOOK * 2):
        feed.look(run.seen)
        screen.stage(ahead(run.seen, feed.reached), run.trouble)
    feed.look(run.seen)
    told = result_line(run.mailbox)
    if told is None:
        feed.unanswered(run.seen)
        return run.seen
    winner = int(told["attempt"])
    if winner > feed.attempt:
        feed.look(run.asked_now())  # it answered before anybody told here that the one before it was lost
    feed.finish(winner, int(told["copy"]))
    return ahead(run.seen, feed.reached)
