"""Where things of a user lie: state in the home (shared by hosts), sockets and local jobs on the host."""

import os
import tempfile
from pathlib import Path

import platformdirs

from ihpc_jupyter.files import private_directory

DOORBELL = "doorbell"
"""The file in the state directory that a user's jobs touch as they start and end."""


def state_directory() -> Path:
    """Clusters' records and leases: small files in the home (``IHPC_STATE``, else XDG's state directory)."""
    chosen = os.environ.get("IHPC_STATE")
    return private_directory(Path(chosen) if chosen else platformdirs.user_state_path("ihpc"))


def runtime_directory() -> Path:
    """Sockets, locks and the local site's jobs: a short 0700 path on this host (``IHPC_RUNTIME``).

    Raises PermissionError where somebody else owns the directory: a socket in it would be theirs.
    """
    chosen = os.environ.get("IHPC_RUNTIME")
    path = Path(chosen) if chosen else _default_runtime_directory()
    private_directory(path)
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} must belong to you alone (mode 0700)")
    return path


def _default_runtime_directory() -> Path:
    xdg = os.environ.get("XDG_RUNTIME_DIR")
    if xdg and Path(xdg).is_dir() and os.access(xdg, os.W_OK):
        return Path(xdg) / "ihpc"
    return Path(tempfile.gettempdir()) / f"ihpc-{os.getuid()}"


def agent_socket() -> Path:
    """The agent's socket on this host (``IHPC_AGENT``, else in the runtime directory)."""
    chosen = os.environ.get("IHPC_AGENT")
    return Path(chosen) if chosen else runtime_directory() / "agent.sock"
