"""Trying again: later and later, never later than a minute, at once when it works."""

import pytest

from ihpc_jupyter.agent import backoff as module
from ihpc_jupyter.agent.backoff import FIRST, LONGEST, Backoff


class Clock:
    """Both clocks of the module, set by hand."""

    def __init__(self) -> None:
        self.now = 500.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_pauses_double_up_to_a_minute(clock: Clock) -> None:
    backoff, pauses = Backoff(), []
    for _ in range(9):
        backoff.failed()
        pauses.append(backoff.pause)
    assert pauses == [FIRST, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST, LONGEST, LONGEST]
    assert LONGEST == 60.0


def test_it_is_ready_when_due_and_says_when(clock: Clock) -> None:
    backoff = Backoff()
    assert backoff.ready
    backoff.failed()
    assert not backoff.ready
    assert backoff.retry_at == clock.time() + FIRST
    clock.now += FIRST
    assert backoff.ready


def test_success_or_a_person_begins_anew(clock: Clock) -> None:
    backoff = Backoff()
    backoff.failed()
    backoff.failed()
    backoff.reset()
    assert backoff.ready
    backoff.failed()
    assert backoff.pause == FIRST
