"""The way from ordinary calls to `await`: one thread of this kernel's, whatever the notebook's own loop does."""

import atexit
from functools import cache

from anyio.from_thread import BlockingPortal, start_blocking_portal


@cache
def portal() -> BlockingPortal:
    """The thread in which this kernel talks to the agent, whatever the notebook's own loop does."""
    manager = start_blocking_portal(name="ihpc")
    entered = manager.__enter__()
    # Leaving by an exception cancels what still follows something: a kernel's end waits for nobody's run.
    leaving = SystemExit()
    atexit.register(manager.__exit__, SystemExit, leaving, None)
    return entered
