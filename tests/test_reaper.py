"""A run of the tests that is killed leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time

import psutil

from tests.reaper import REPOSITORY
from tests.slurmbed import wait_until

RUN = """
import subprocess, sys
from tests.reaper import watch_over

watch_over(patience=0.5)
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
for argv in (["sleep", "600"], [sys.executable, "-c", stubborn]):
    print(subprocess.Popen(argv, start_new_session=True).pid, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_run_has_started_is_ended() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    started = [int(run.stdout.readline()) for _ in range(2)]
    time.sleep(1.2)  # nothing may happen meanwhile
    assert all(psutil.pid_exists(pid) for pid in started)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in started), "both are ended", 20)
