"""A job's pulse: tells the head that the job is alive while its workers are too busy to say so.

A task that holds Python's interpreter lock for half a minute silences its worker's heartbeat, as death does. The
pulse is a process of its own beside the workers: it falls silent with the node or a frozen job, not with a task.
"""

import contextlib
import http.client
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from ihpc_jupyter.contexts import client_context
from ihpc_jupyter.files import read_model
from ihpc_jupyter.model.head import HeadFile, Jobs
from ihpc_jupyter.model.spool import Spool

BEAT = 2.0
"""Seconds between two beats."""
PATIENCE = 5.0
"""Seconds for the head's answer."""
NAME = "ihpc-pulse"
"""What the process is called in lists of processes."""


def run_pulse(spool: Spool, job: str, launcher: int) -> None:
    """Beat until the launcher (a process id) has gone or the cluster is closed."""
    Path("/proc/self/comm").write_text(NAME)
    body = Jobs(jobs=(job,)).model_dump_json()
    while os.getppid() == launcher and spool.gate.exists():
        if (head := read_model(spool.head, HeadFile)) is not None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                _beat_while_heard(spool, head, body, launcher)
        time.sleep(BEAT / 2)  # a process with nothing else to do; the head may be on its way


def _beat_while_heard(spool: Spool, head: HeadFile, body: str, launcher: int) -> None:
    """Beat over one connection until it breaks."""
    address = urlsplit(head.api)
    connection = http.client.HTTPSConnection(
        address.hostname or "", address.port, timeout=PATIENCE, context=client_context(spool)
    )
    with contextlib.closing(connection):
        while os.getppid() == launcher and spool.gate.exists():
            connection.request("POST", "/ihpc/pulse", body)
            connection.getresponse().read()
            time.sleep(BEAT)  # the beat itself
