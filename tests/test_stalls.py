"""A pause of the whole machine is told from a product that is slow."""

import os
import signal
import subprocess
import sys

from tests.world import REPOSITORY, Stopwatch, until

PROGRAM = """
import sys
from tests.world import Stopwatch
watch = Stopwatch()
print("begun", flush=True)
sys.stdin.readline()
watch.within(0.5, "waiting")
assert watch.seconds > 1
"""


def test_a_pause_is_left_out() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGSTOP)
        watch = Stopwatch()
        process.stdin.write("\n")
        process.stdin.flush()
        until(lambda: watch.seconds > 1.5, "it has been stopped for long enough")
        os.kill(process.pid, signal.SIGCONT)
    assert process.returncode == 0
