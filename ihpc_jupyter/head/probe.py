"""``python -m ihpc_jupyter.head.probe SPOOL``: look around on a node, for the doctor."""

import socket
import sys
import time
from pathlib import Path

from ihpc_jupyter.contexts import client_context
from ihpc_jupyter.files import read_model, write_model
from ihpc_jupyter.head.versions import versions
from ihpc_jupyter.model.probe import ProbeFinding, ProbeOrder
from ihpc_jupyter.model.spool import Spool

PATIENCE = 5.0
"""Seconds for the connection back."""


def look_around(spool: Spool) -> ProbeFinding:
    """The node, its versions, and whether it reaches the host that asked."""
    word, error = "", ""
    try:
        word = _fetch(spool, read_model(spool.path / "probe-order.json", ProbeOrder))
    except (OSError, ValueError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    return ProbeFinding(
        host=socket.gethostname(), at=time.time(), versions=versions(), python=sys.executable,
        directory=str(Path.cwd()), word=word, error=error,
    )  # fmt: skip


def _fetch(spool: Spool, order: ProbeOrder | None) -> str:
    if order is None:
        raise ValueError("the doctor's order cannot be read")
    with (
        socket.create_connection((order.host, order.port), timeout=PATIENCE) as plain,
        client_context(spool).wrap_socket(plain) as secure,
    ):
        return secure.recv(64).decode()


def main() -> None:
    """Look, and write it down."""
    spool = Spool(Path(sys.argv[1]))
    write_model(spool.path / "probe.json", look_around(spool))


if __name__ == "__main__":
    main()
