"""Where things lie in a run's mailbox: opaque files that kernel, agent and nodes all see.

Plain paths and standard library only: the driver on a node imports this before the user's first line.
"""

from __future__ import annotations

TYPE_CHECKING = False  # spares the imports of `typing` and `pathlib`: both are dear before that line
if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
"""The version of what `docs/mailbox.md` describes: door and driver may be of different installations."""


class Mailbox:
    """A run's directory below the site's spool; 0700, kept until the run is forgotten or old.

    Attempts are numbered from 1, their copies (and ranks) from 0.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def gate(self) -> Path:
        """While this file is there the run is open; a driver that starts without it ends at once."""
        return self.path / "open"

    @property
    def order(self) -> Path:
        """What the driver must know, as JSON: see `docs/mailbox.md`."""
        return self.path / "order.json"

    @property
    def payload(self) -> Path:
        """The pickled cell or call, or the script's text."""
        return self.path / "payload"

    @property
    def door(self) -> Path:
        """What a kernel needs to attach to the run later, as JSON: see `docs/mailbox.md`."""
        return self.path / "door.json"

    @property
    def files(self) -> Path:
        """Files that travel with the run; its working directory where there are any."""
        return self.path / "files"

    @property
    def result(self) -> Path:
        """The result: made once, by the first copy that has one (exclusive creation)."""
        return self.path / "result"

    def claim(self, attempt: int, copy: int) -> Path:
        """Made by the driver that will run the user's code as this copy: no second one does."""
        return self.path / f"claim-{attempt}-{copy}"

    def script(self, attempt: int) -> Path:
        """The script of an attempt's job."""
        return self.path / f"attempt-{attempt}.sh"

    def command(self, attempt: int) -> Path:
        """What the command said that holds the attempt's job."""
        return self.path / f"command-{attempt}.log"

    def log(self, attempt: int, copy: int | str) -> Path:
        """What was written to a copy's standard output and error past Python (and by its start)."""
        return self.path / f"log-{attempt}-{copy}"

    def events(self, attempt: int, copy: int) -> Path:
        """What a copy says: one JSON object a line."""
        return self.path / f"events-{attempt}-{copy}.jsonl"

    def pulse(self, attempt: int, copy: int) -> Path:
        """A number that grows while the copy lives."""
        return self.path / f"pulse-{attempt}-{copy}"
