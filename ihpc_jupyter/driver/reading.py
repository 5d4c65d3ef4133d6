"""Order and payload, checked before anything is unpickled."""

from __future__ import annotations

import os
import sys

from ihpc_jupyter.driver.digest import sha256
from ihpc_jupyter.driver.lines import from_text
from ihpc_jupyter.driver.packet import Part, unpacked
from ihpc_jupyter.model.mailbox import FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, BinaryIO

    from ihpc_jupyter.model.mailbox import Mailbox


class Refused(Exception):
    """Order and payload do not fit this interpreter or one another; the text is a sentence for the user.

    *final*: they will not on another node, either.
    """

    def __init__(self, sentence: str, *, final: bool = False) -> None:
        super().__init__(sentence)
        self.final = final


def read_order(mailbox: Mailbox) -> dict[str, Any]:
    """The order, meant for this Python's major and minor version. Raises Refused."""
    try:
        order: dict[str, Any] = from_text(_content(mailbox.order))
        wanted, kind = order["python"], order["kind"]
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"The order of this run cannot be read: {error}.") from error
    if (format_ := order.get("format", FORMAT)) != FORMAT:
        raise Refused(
            f"This order is of mailbox format {format_}, ihpc-jupyter on the node ({sys.prefix}) reads {FORMAT}: "
            "install the same version there as where the run was ordered.",
            final=True,
        )
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if kind != "script" and wanted != here:
        raise Refused(
            f"The notebook runs Python {wanted}, the node {here} ({sys.executable}): they must be the same.",
            final=True,
        )
    return order


def read_payload(mailbox: Mailbox, wanted: str) -> Part:
    """The payload's only part. Raises Refused where its hash is another."""
    try:
        with open(mailbox.payload, "rb") as file:
            parts, found = read_packet(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"The payload of this run cannot be read: {error}.") from error
    _compare(found, wanted)
    return parts[0]


def read_packet(file: BinaryIO) -> tuple[list[Part], str]:
    """The parts of the packet that begins here, in memory that may be written to, and its sha256."""
    line = file.readline()
    digest = sha256(os.fstat(file.fileno()).st_size)
    digest.update(line)

    def read(size: int) -> bytearray:
        data = bytearray(size)
        if file.readinto(data) != size:  # type: ignore[attr-defined]  # buffered: all, or the end
            raise ValueError("it ends too early")
        digest.update(data)
        return data

    return unpacked(read, line), digest.hexdigest()


def check_script(mailbox: Mailbox, wanted: str) -> None:
    """Raises Refused where the script's hash is another."""
    try:
        data = _content(mailbox.payload)
    except OSError as error:
        raise Refused(f"The payload of this run cannot be read: {error}.") from error
    digest = sha256(len(data))
    digest.update(data)
    _compare(digest.hexdigest(), wanted)


def _content(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _compare(found: str, wanted: str) -> None:
    if found != wanted:
        raise Refused("The payload is not the one that was ordered: its hash differs.")
