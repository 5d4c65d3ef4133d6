"""Leases: one holder at a time, whatever happens to hosts, clocks and disks."""

import errno
import os
import time
from pathlib import Path

import pytest

from ihpc_jupyter.agent import lease as module
from ihpc_jupyter.agent.lease import EXPIRY, Lease
from ihpc_jupyter.identity import this_process
from ihpc_jupyter.model.process import Process

ME = this_process()


def other(host: str = "elsewhere", pid: int = 4711) -> Process:
    return Process(host=host, boot="another", pid=pid, started_at=1.0)


class Clock:
    """The monotonic clock of the module, set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_a_free_one_is_taken_held_and_released(tmp_path: Path) -> None:
    lease = Lease(tmp_path, ME)
    assert not lease.held
    assert lease.acquire()
    assert lease.held
    assert lease.renew()
    found = lease.holder()
    assert found is not None
    assert found.owner == ME
    lease.release()
    assert not lease.held
    assert list(tmp_path.iterdir()) == []


def test_one_of_another_host_is_respected_until_it_was_not_renewed_for_long(tmp_path: Path, clock: Clock) -> None:
    theirs, mine = Lease(tmp_path, other()), Lease(tmp_path, ME)
    assert theirs.acquire()
    assert not mine.acquire()
    clock.now += EXPIRY - 1
    assert theirs.renew()
    assert not mine.acquire(), "renewed meanwhile"
    clock.now += EXPIRY - 1
    assert not mine.acquire()
    clock.now += 1
    assert mine.acquire()


def test_who_was_fenced_out_neither_holds_nor_renews_nor_releases(tmp_path: Path, clock: Clock) -> None:
    theirs, mine = Lease(tmp_path, other()), Lease(tmp_path, ME)
    theirs.acquire()
    mine.acquire()
    clock.now += EXPIRY
    assert mine.acquire()
    assert not theirs.held
    assert not theirs.renew()
    theirs.release()
    assert mine.held
    assert not theirs.acquire()


def test_a_clock_that_steps_changes_nothing(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, mine = Lease(tmp_path, other()), Lease(tmp_path, ME)
    theirs.acquire()
    assert not mine.acquire()
    monkeypatch.setattr(clock, "time", lambda: time.time() + 86400)
    assert not mine.acquire(), "judged by how long we ourselves have waited"


@pytest.mark.parametrize(
    "dead",
    [
        ME.model_copy(update={"pid": 2**22 + 1}),
        ME.model_copy(update={"boot": "an earlier one"}),
        ME.model_copy(update={"started_at": ME.started_at - 100}),
    ],
    ids=["no such process", "another boot", "its pid used again"],
)
def test_one_whose_owner_is_proved_dead_is_taken_at_once(tmp_path: Path, dead: Process) -> None:
    Lease(tmp_path, dead).acquire()
    assert Lease(tmp_path, ME).acquire()


def test_of_many_that_try_at_once_one_gets_it(tmp_path: Path) -> None:
    leases = [Lease(tmp_path, other(pid=number)) for number in range(10)]
    assert [lease.acquire() for lease in leases].count(True) == 1
    assert [lease.held for lease in leases].count(True) == 1


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_model", full)
    lease = Lease(tmp_path, ME)
    with pytest.raises(OSError, match="No space"):
        lease.acquire()
    assert not lease.held
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_read_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "lease-00000003.json").write_text("{")
    mine = Lease(tmp_path, ME)
    assert not mine.acquire()
    clock.now += EXPIRY
    assert mine.acquire()
    assert (tmp_path / "lease-00000004.json").exists()
