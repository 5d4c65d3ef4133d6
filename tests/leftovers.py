"""What is left of something that should have gone."""

import os
from pathlib import Path


def processes_naming(word: str) -> list[str]:
    """Command lines of all processes that hold the word in their environment or command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            told = (path / "environ").read_bytes() + (path / "cmdline").read_bytes()
            if word.encode() in told and int(path.name) != os.getpid():
                found.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
