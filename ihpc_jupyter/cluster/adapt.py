"""Following the load, with a queue in mind: quick to ask, slow to let go."""

from collections import deque
from dataclasses import dataclass, field

from ihpc_jupyter.model.cluster import Adapt

UP_COOLDOWN = 5.0
"""Seconds between two steps up: what was asked for must have a chance to come before more is asked."""
DOWN_COOLDOWN = 15.0
"""Seconds between two steps down."""
MIN_STEP = 4
"""Workers that one step up may always add; beyond that a step at most doubles."""


@dataclass
class Follower:
    """Turns Dask's wish (`adaptive_target`) into a group's target.

    Up at once but in steps; down only to the largest wish of the last *idle* seconds, all of them seen by
    this agent, and by half at most: what waits in a queue is not thrown away because one cell ended.
    """

    _wishes: deque[tuple[float, int]] = field(default_factory=deque)
    _changed_at: float = float("-inf")
    _began: float | None = None

    def target(self, adapt: Adapt, current: int, desired: int, now: float) -> int:
        """The group's target now. *desired*: workers that Dask could use; *now* in seconds."""
        self._began = now if self._began is None else self._began
        wish = min(max(desired, adapt.minimum), adapt.maximum)
        self._wishes.append((now, wish))
        while self._wishes[0][0] < now - adapt.idle:
            self._wishes.popleft()
        largest = max(wish for _, wish in self._wishes)
        if current < adapt.minimum or current > adapt.maximum:
            return self._change(min(max(current, adapt.minimum), adapt.maximum), now)
        if wish > current and now - self._changed_at >= UP_COOLDOWN:
            return self._change(min(wish, current + max(current, MIN_STEP)), now)
        if largest < current and now - self._changed_at >= DOWN_COOLDOWN and now - self._began >= adapt.idle:
            return self._change(max(largest, current // 2), now)
        return current

    def _change(self, target: int, now: float) -> int:
        self._changed_at = now
        return target
