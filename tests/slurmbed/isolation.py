"""How a node is set apart: own processes, own hostname, own hosts file; with root's rights or without."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from .programs import find_program

_REPOSITORY = Path(__file__).parents[2]

# A private mount namespace comes with --mount-proc, so the node's hosts file is seen by its jobs only.
_SET_UP = 'mount --bind "$1" /etc/hosts && hostname "$2" && shift 2 && exec "$@"'
_NAMESPACES = ["--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--uts"]
# An ordinary user has the rights to do the same inside a user namespace of their own …
_USER_NAMESPACE = ["--user", "--map-current-user", "--keep-caps"]
# … and gives these rights up before the daemon starts.
_DROP_RIGHTS = ["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--"]


def node_command(argv: list[str], name: str, hosts: Path) -> list[str]:
    """Wrap a slurmd so that killing or freezing what is below the result hits the node and nothing else."""
    if namespaces_work():
        return _in_namespaces(argv, name, hosts)
    return ["env", f"PYTHONPATH={_REPOSITORY}", sys.executable, "-m", "tests.slurmbed.keeper", *argv]


@cache
def namespaces_work() -> bool:
    """Tell whether this machine lets this user make PID, mount and UTS namespaces (containers may not)."""
    if os.environ.get("SLURMBED_NAMESPACES") == "0":
        return False
    probe = _in_namespaces(["true"], "probe", Path("/etc/hosts"))
    return subprocess.run(probe, capture_output=True, check=False, timeout=10).returncode == 0


def _in_namespaces(argv: list[str], name: str, hosts: Path) -> list[str]:
    root = os.geteuid() == 0
    unshare = [find_program("unshare"), *([] if root else _USER_NAMESPACE), *_NAMESPACES]
    return [*unshare, "sh", "-c", _SET_UP, "sh", str(hosts), name, *([] if root else _DROP_RIGHTS), *argv]
