"""Runs one slurmd where PID namespaces are not to be had: stays the ancestor of all that the node starts.

keeper.py COMMAND...
"""

import os
import subprocess
import sys

from tests.slurmbed.processes import adopt_orphans, die_with_parent


def main(argv: list[str]) -> int:
    """Start the command and reap every orphan until the command itself ends."""
    adopt_orphans()
    # slurmd runs as the caller here, so the signal survives: no change of identity clears it.
    # PYTHONPATH leads to this module and is no business of the jobs.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    child = subprocess.Popen(argv, env=environment, preexec_fn=die_with_parent)  # noqa: PLW1509 (no threads in this process)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
