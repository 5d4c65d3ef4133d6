"""Where this process runs, as the batch system tells it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND, _FILE = 0o170000, 0o100000
"""As in `stat`, which itself takes longer to import."""


def copy_number(environment: Mapping[str, str]) -> int:
    """The number of this copy or rank, from 0: the task's own, else the array element's of its job."""
    _, underscore, element = environment.get("IHPC_JOB_ID", "").rpartition("_")
    told = environment.get("SLURM_PROCID") or (element if underscore else "")
    return int(told) if told.isdecimal() else 0


def job(environment: Mapping[str, str]) -> str:
    """The job's id; empty where there is none."""
    return environment.get("IHPC_JOB_ID") or environment.get("SLURM_JOB_ID", "")


def log_size() -> int | None:
    """Bytes in the job's log so far; None where standard output is no file."""
    told = os.fstat(1)
    return told.st_size if told.st_mode & _KIND == _FILE else None


def host() -> str:
    """The node's name."""
    return os.uname().nodename
