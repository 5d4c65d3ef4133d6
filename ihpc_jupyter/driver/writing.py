"""The result's file: written whole under another name, then linked; the first copy to do so has won."""

from __future__ import annotations

import contextlib
import os

from ihpc_jupyter.driver.digest import sha256
from ihpc_jupyter.driver.lines import as_line
from ihpc_jupyter.driver.packet import packed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ihpc_jupyter.driver.packet import Buffer, Sink
    from ihpc_jupyter.model.mailbox import Mailbox


def write_result(
    mailbox: Mailbox, attempt: int, copy: int, header: dict[str, Any], parts: list[tuple[str, list[str], Sink]]
) -> bool:
    """Write header and parts; whether this copy's result is the run's.

    Raises OSError (disk full, quota), with nothing left behind.
    """
    body = list(packed(parts))
    size = sum(memoryview(chunk).nbytes for chunk in body)
    digest = sha256(size)
    for chunk in body:
        digest.update(chunk)
    line = as_line({**header, "sha256": digest.hexdigest(), "size": size})
    draft = mailbox.path / f".result-{attempt}-{copy}"
    try:
        _write(draft, [line, *body])
        os.link(draft, mailbox.result)
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(OSError):
            os.unlink(draft)
    return True


def _write(path: Any, chunks: list[Buffer]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
