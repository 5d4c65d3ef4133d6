"""What a kernel must know to attach to a run later, also after a restart: a small file in the mailbox."""

from typing import Any

from pydantic import Field

from ihpc_jupyter.model.base import Model
from ihpc_jupyter.model.mailbox import Mailbox


class Kept(Model):
    """What was captured and what is wanted, beside the payload."""

    wants: tuple[str, ...] = ()
    """Names that come back."""
    fingerprints: dict[str, int] = Field(default={})
    """What the names stood for when they were captured: a name that was bound anew is not overwritten unasked."""
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


def fingerprints(told: dict[str, Any]) -> dict[str, int]:
    """As JSON can hold them."""
    return {name: int(value) for name, value in told.items()}
