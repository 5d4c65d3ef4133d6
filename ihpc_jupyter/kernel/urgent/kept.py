"""What a kernel must know to attach to a run later, also after a restart: a small file in the mailbox."""

from collections.abc import Container
from uuid import uuid4

from pydantic import Field

from ihpc_jupyter.model.base import Model
from ihpc_jupyter.model.mailbox import Mailbox

THIS_KERNEL = uuid4().hex
"""This process, as no other one is called."""

HELD: dict[str, list[object]] = {}
"""By run: what its names stood for, while it is let go. A fingerprint is an object's identity: held by nobody,
another object could have the same one later."""

_NOTHING = 0
"""The fingerprint of a name that is not bound."""
_UNLIKE = -1
"""A fingerprint that nothing has."""


class Kept(Model):
    """What was captured and what is wanted, beside the payload."""

    wants: tuple[str, ...] = ()
    """Names that come back."""
    fingerprints: dict[str, int] = Field(default={})
    """What the names stood for when they were captured: a name that was bound anew is not overwritten unasked."""
    kernel: str = ""
    """The process that captured them: fingerprints mean nothing to another one."""
    get: tuple[str, ...] = ()
    """Patterns of files that come back."""
    directory: str = ""
    """Where they come back to."""
    workers: str | None = None
    """The cluster that was made for the run, and ends with it."""

    def write(self, mailbox: Mailbox) -> None:
        """Lay it into the mailbox. Raises OSError."""
        mailbox.door.write_text(self.model_dump_json())

    @classmethod
    def read(cls, mailbox: Mailbox) -> "Kept":
        """What lies in the mailbox; nothing for a run from another door."""
        try:
            return cls.model_validate_json(mailbox.door.read_bytes())
        except (OSError, ValueError):
            return cls()

    def expected(self, bound: Container[str]) -> dict[str, int]:
        """What names should stand for, where *bound* are there now: a name that is not there is in nobody's way.

        To a kernel that was started since, whatever is bound was bound anew.
        """
        mine = self.kernel == THIS_KERNEL
        told = {name: value if mine else _UNLIKE for name, value in self.fingerprints.items()}
        return {name: value if name in bound else _NOTHING for name, value in told.items()}
