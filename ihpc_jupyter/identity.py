"""Telling one's own process to others, and whether another's still runs."""

import os
import socket
from pathlib import Path

import psutil

from ihpc_jupyter.model.process import Process


def this_process() -> Process:
    """The calling process."""
    created = psutil.Process().create_time()
    return Process(host=this_host(), boot=_boot_id(), pid=os.getpid(), started_at=created)


def this_host() -> str:
    """The name of this host (inside a UTS namespace: of that)."""
    return socket.gethostname()


def proved_dead(process: Process) -> bool:
    """True only with proof: on this host, after another boot, or without such a process. Else False."""
    if process.host != this_host():
        return False
    return process.boot != _boot_id() or not _is_running(process)


def _is_running(process: Process) -> bool:
    """Whether that very process runs (not a zombie, not a later one with its pid)."""
    try:
        found = psutil.Process(process.pid)
        return abs(found.create_time() - process.started_at) < 2.0 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))
