"""The result's file: written whole under another name, then linked; the first copy to do so has won."""

import contextlib
import hashlib
import json
import os
from typing import Any

from ihpc_jupyter.driver.packet import Buffer, Sink, packed
from ihpc_jupyter.model.mailbox import Mailbox


def write_result(
    mailbox: Mailbox, attempt: int, copy: int, header: dict[str, Any], parts: list[tuple[str, list[str], Sink]]
) -> bool:
    """Write header and parts; whether this copy's result is the run's.

    Raises OSError (disk full, quota), with nothing left behind.
    """
    body = list(packed(parts))
    digest = hashlib.sha256()
    for chunk in body:
        digest.update(chunk)
    size = sum(memoryview(chunk).nbytes for chunk in body)
    line = json.dumps({**header, "sha256": digest.hexdigest(), "size": size}).encode() + b"\n"
    draft = mailbox.path / f".result-{attempt}-{copy}"
    try:
        _write(draft, [line, *body])
        os.link(draft, mailbox.result)
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return True


def _write(path: Any, chunks: list[Buffer]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
