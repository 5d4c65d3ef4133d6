"""User A: a real kernel that runs the marked cells of ``examples/urgent.ipynb``, and tells what they show."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab_slurm import REPOSITORY
from tests.notebook import Notebook, Shown

EXAMPLE = REPOSITORY / "examples" / "urgent.ipynb"
MARK = "demo"
"""The tag of cells that are part of the demonstration."""
_TIMES = re.compile(r"\d[\d.]* (?:ms|s|min(?: \d+ s)?)")

Tell = Callable[[str], None]


def marked_cells() -> list[str]:
    """The source of the example's cells that are part of the demonstration."""
    cells: list[dict[str, Any]] = json.loads(EXAMPLE.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if MARK in cell["metadata"].get("tags", ())]


class Reader:
    """Tells what a cell shows while it shows it; *saw* is called with everything it has printed so far."""

    def __init__(self, tell: Tell, saw: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._saw = saw
        self._printed = {"stdout": 0, "stderr": 0}
        self._lines = 0
        self._stage = ""

    def look(self, shown: Shown) -> bool:
        """Hand on what is new. Never wants the cell interrupted."""
        for line in shown.lines[self._lines :]:
            self._tell_line(line)
        self._lines = len(shown.lines)
        for name in self._printed:
            self._tell_text(name, getattr(shown, name))
        self._saw(shown.stdout)
        return False

    def _tell_line(self, line: str) -> None:
        """A display: the run's line is told when its stage is another, everything else as it is."""
        stage = _TIMES.sub("", line)
        if stage != self._stage and not line.startswith("<Figure"):
            self._tell(line)
        self._stage = stage

    def _tell_text(self, name: str, text: str) -> None:
        whole = text.rfind("\n") + 1
        if whole > self._printed[name]:
            self._tell(text[self._printed[name] : whole])
            self._printed[name] = whole


def run(notebook: Notebook, source: str, reader: Reader) -> Shown:
    """Run a cell to its end. Raises AssertionError when it fails."""
    shown = notebook.cell(source, reader.look)
    reader.look(shown)
    assert shown.error is None, shown.traceback
    return shown


def save_picture(shown: Shown, path: Path) -> bool:
    """Write the cell's figure (PNG); False where it showed none."""
    pictures = [display["image/png"] for display in shown.displays if "image/png" in display]
    if pictures:
        path.write_bytes(base64.b64decode(pictures[-1]))
    return bool(pictures)
