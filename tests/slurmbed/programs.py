"""Which installed programs a bed needs, and which Debian packages bring those that are absent."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_SEARCH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

_ALWAYS = {
    "munged": "munge",
    "munge": "munge",
    "unmunge": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "squeue": "slurm-client",
    "scontrol": "slurm-client",
    "unshare": "util-linux",
    "select_cons_tres.so": "slurm-wlm-basic-plugins",
}
_ACCOUNTING = {
    "slurmdbd": "slurmdbd",
    "sacctmgr": "slurm-client",
    "mariadbd": "mariadb-server",
    "accounting_storage_mysql.so": "slurm-wlm-mysql-plugin",
}


class ProgramsMissingError(RuntimeError):
    """Slurm (or a part of it) is not installed; the message says what to install."""


def find_program(name: str) -> str:
    """Return the absolute path of a program, daemons' directories included."""
    found = shutil.which(name, path=_SEARCH)
    if found is None:
        raise ProgramsMissingError(explain_missing(accounting=name in _ACCOUNTING) or f"{name} is not installed")
    return found


def missing_programs(*, accounting: bool = False) -> dict[str, str]:
    """Return what a bed needs and does not find: program → Debian package."""
    needed = _ALWAYS | _ACCOUNTING if accounting else _ALWAYS
    return {name: package for name, package in needed.items() if not _present(name)}


def explain_missing(*, accounting: bool = False) -> str:
    """Say in words what is missing and the command that installs it; empty if nothing is."""
    missing = missing_programs(accounting=accounting)
    if not missing:
        return ""
    packages = " ".join(sorted(set(missing.values())))
    return (
        f"The Slurm test bed does not find: {', '.join(missing)}.\n"
        f"On Debian or Ubuntu, install the packages with:\n"
        f"  apt-get install --no-install-recommends {packages}"
    )


def _present(name: str) -> bool:
    if name.endswith(".so"):
        return any((directory / name).exists() for directory in _plugin_directories())
    return shutil.which(name, path=_SEARCH) is not None


def _plugin_directories() -> Iterator[Path]:
    for pattern in ("lib/*/slurm-wlm", "lib/*/slurm", "lib64/slurm", "lib/slurm"):
        yield from Path("/usr").glob(pattern)
