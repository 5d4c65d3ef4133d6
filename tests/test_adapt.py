"""Following the load: quick to ask, slow to let go."""

from ihpc_jupyter.cluster.adapt import DOWN_COOLDOWN, MIN_STEP, UP_COOLDOWN, Follower
from ihpc_jupyter.model.cluster import Adapt

BOUNDS = Adapt(minimum=0, maximum=32, idle=60.0)


def test_up_at_once_but_in_steps() -> None:
    follower = Follower()
    assert follower.target(BOUNDS, 0, 100, 0.0) == MIN_STEP
    assert follower.target(BOUNDS, 4, 100, UP_COOLDOWN - 0.1) == 4
    assert follower.target(BOUNDS, 4, 100, UP_COOLDOWN) == 8
    assert follower.target(BOUNDS, 8, 100, 2 * UP_COOLDOWN) == 16
    assert follower.target(BOUNDS, 16, 100, 3 * UP_COOLDOWN) == 32
    assert follower.target(BOUNDS, 32, 100, 4 * UP_COOLDOWN) == 32


def test_down_only_after_the_idle_time_and_by_halves() -> None:
    follower = Follower()
    assert follower.target(BOUNDS, 16, 16, 0.0) == 16
    assert follower.target(BOUNDS, 16, 0, 30.0) == 16
    assert follower.target(BOUNDS, 16, 0, 60.0) == 16, "the wish for 16 is 60 s old, not more"
    assert follower.target(BOUNDS, 16, 0, 61.0) == 8
    assert follower.target(BOUNDS, 8, 0, 61.0 + DOWN_COOLDOWN - 1) == 8
    assert follower.target(BOUNDS, 8, 0, 61.0 + DOWN_COOLDOWN) == 4


def test_an_agent_that_has_just_started_lets_nobody_go() -> None:
    follower = Follower()
    assert follower.target(BOUNDS, 8, 0, 1000.0) == 8
    assert follower.target(BOUNDS, 8, 0, 1059.0) == 8
    assert follower.target(BOUNDS, 8, 0, 1060.0) == 4


def test_one_wish_within_the_idle_time_keeps_the_workers() -> None:
    follower = Follower()
    follower.target(BOUNDS, 8, 0, 0.0)
    follower.target(BOUNDS, 8, 8, 40.0)
    assert follower.target(BOUNDS, 8, 0, 99.0) == 8


def test_bounds_hold_at_once() -> None:
    assert Follower().target(Adapt(minimum=2, maximum=4), 0, 0, 0.0) == 2
    assert Follower().target(Adapt(minimum=2, maximum=4), 9, 100, 0.0) == 4
    assert Follower().target(Adapt(minimum=2, maximum=4), 2, 0, 0.0) == 2
