"""Ordinary users for jobs: found, or made when root asks for one that does not exist."""

import fcntl
import os
import pwd
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from .programs import find_program


def ensure_user(name: str) -> pwd.struct_passwd:
    """Return an ordinary user's account; root makes it (with a home directory) if there is none."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        if os.geteuid() != 0:
            raise
    return _made(name)


def _made(name: str) -> pwd.struct_passwd:
    """Make it, one process after the other: `useradd` refuses to wait for another."""
    program = find_program("useradd")
    with Path(program).open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with suppress(KeyError):
            return pwd.getpwnam(name)
        command = [program, "--create-home", "--shell", "/bin/bash", name]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    return pwd.getpwnam(name)


def current_user() -> str:
    """Return the name of the user that runs this process."""
    return pwd.getpwuid(os.geteuid()).pw_name


def identity(name: str | None) -> dict[str, Any]:
    """Return the arguments with which subprocess runs a program as this user; none for the current one."""
    if name is None or name == current_user():
        return {}
    account = ensure_user(name)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def environment(name: str | None) -> dict[str, str]:
    """Return the variables that change when a program runs as this user."""
    if name is None or name == current_user():
        return {}
    return {"USER": name, "LOGNAME": name, "HOME": ensure_user(name).pw_dir}
