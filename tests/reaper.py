"""Ends what a run of the tests has left behind because it was killed.

    python -m tests.reaper WORD

It waits until its standard input closes, as it does with the run that holds the other end, however that ends.
Whatever then carries the word in its environment for longer than it takes to end by itself is ended, by its id.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[1]
VARIABLE = "IHPC_TEST_RUN"
PATIENCE = 10.0
"""Seconds for those who end by themselves, as Slurm beds do, and then for a polite word."""


_watching: list["subprocess.Popen[bytes]"] = []
"""Kept, for its pipe must stay open."""


def watch_over(patience: float = PATIENCE) -> None:
    """Mark this process and all that it starts from now on; whatever of it outlives this process is ended."""
    environment = dict(os.environ)
    word = os.environ[VARIABLE] = secrets.token_hex(12)
    _watching.append(subprocess.Popen(
        [sys.executable, "-m", "tests.reaper", word, str(patience)],
        cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, start_new_session=True,
    ))  # fmt: skip


def _marked(word: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(VARIABLE) == word and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def _all_gone(word: str, patience: float) -> bool:
    until = time.monotonic() + patience
    while any(_marked(word)):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)  # processes that are not our children tell us nothing of their end
    return True


def reap(word: str, patience: float) -> None:
    """End them: at first nothing is done, then they are asked, then they are killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _all_gone(word, patience):
            return
        for process in _marked(word):
            with suppress(psutil.Error):
                process.send_signal(number)


if __name__ == "__main__":
    os.read(0, 1)
    reap(sys.argv[1], float(sys.argv[2]))
