"""Who somebody is, by MUNGE: Slurm's own authentication, at hand wherever its commands are."""

import asyncio
import re
from dataclasses import dataclass

from ihpc_jupyter.errors import NotAllowed, Unavailable
from ihpc_jupyter.scheduler.transport import Completed, Transport

PATIENCE = 3.0
"""Seconds to wait for the daemon, at most."""
LONGEST = 4096
"""Characters of a credential; one of ours has some two hundred."""

_CREDENTIAL = re.compile(r"MUNGE:[A-Za-z0-9+/=]{1,4000}:")
_UID = re.compile(r"^UID:\s*(\d+)$")
_REFUSED = range(8, 19)
"""Exit codes of ``unmunge`` that speak of the credential (``munge.h``); lower ones are of the daemon."""
_WHY = {15: "it has expired", 16: "it is from the future", 17: "it was used before"}


@dataclass(frozen=True)
class Bearer:
    """Whom a credential was made by, and for what."""

    uid: int
    payload: str


def credential(payload: str) -> str:
    """One of this process's user; it holds for minutes and is taken once. Waits: call it in a thread.

    Raises `Unavailable`.
    """
    done = asyncio.run(_run("munge", f"--string={payload}"))
    if done.returncode != 0 or not _CREDENTIAL.fullmatch(told := done.stdout.strip()):
        raise Unavailable(f"MUNGE makes no credential: {_said(done)}", "Is munged running on this host?")
    return told


async def bearer(told: str) -> Bearer:
    """Whose credential that is. Raises `NotAllowed` for one that does not hold, `Unavailable` without MUNGE."""
    if not _CREDENTIAL.fullmatch(told):
        raise NotAllowed("That is no credential.")
    done = await _run("unmunge", "--numeric", "--keys=UID", stdin=told)
    if done.returncode in _REFUSED:
        raise NotAllowed(f"MUNGE refuses the credential: {_WHY.get(done.returncode, _said(done))}.")
    head, _, payload = done.stdout.partition("\n\n")
    if done.returncode != 0 or (uid := _UID.fullmatch(head)) is None:
        raise Unavailable(f"MUNGE does not answer: {_said(done)}", "Is munged running on this host?")
    return Bearer(int(uid[1]), payload)


async def _run(*argv: str, stdin: str | None = None) -> Completed:
    return await Transport().run(argv, stdin, PATIENCE)


def _said(done: Completed) -> str:
    return (done.stderr.strip().splitlines() or ["nothing"])[-1][:200]
