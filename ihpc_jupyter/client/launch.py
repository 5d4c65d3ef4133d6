"""Starting the agent on first need, detached from whoever needed it."""

import subprocess
import sys
import threading
from pathlib import Path

from ihpc_jupyter.paths import agent_socket, runtime_directory
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.sites.file import load_settings

KEPT = ("IHPC_AGENT", "IHPC_RUNTIME", "IHPC_STATE", "IHPC_SITE_FILE", "IHPC_SYSTEM_SITE_FILE")
KEPT_XDG = (
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "DASK_CONFIG",
    "SSH_AUTH_SOCK",
    "PYTHONPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


def start_agent() -> bool:
    """Start the agent and return at once; a second agent finds the first and leaves.

    While one that this process started still runs, none is started: it comes, listens or leaves. False then.

    It runs with a chosen environment: no tokens of a hub or server, nothing of an allocation that the
    caller may live in. In session mode (site file, ``agent.mode``) it leaves with the caller.
    """
    session = load_settings().agent.mode == "session"
    runtime = runtime_directory()
    with _TURN:  # many browser tabs come back at once
        _STARTED[:] = [(where, process) for where, process in _STARTED if process.poll() is None]
        if any(where == runtime for where, _ in _STARTED):
            return False
        with (runtime / "agent.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ihpc_jupyter.agent.main", *(["--session"] if session else [])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=chosen_environment(*KEPT, *KEPT_XDG),
                cwd="/",
                start_new_session=not session,
            )
        _STARTED.append((runtime, process))
    return True


_TURN = threading.Lock()
_STARTED: list[tuple[Path, subprocess.Popen[bytes]]] = []
"""Agents started by this process, and their runtime directories: kept so that their ends are collected."""


def agent_is_there() -> bool:
    """Whether there is a socket to try (not whether somebody listens)."""
    return agent_socket().exists()
