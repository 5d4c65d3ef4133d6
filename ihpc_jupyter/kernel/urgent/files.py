"""Files that travel with a run: into its mailbox before, out of it afterwards."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.mailbox import Mailbox


@dataclass(frozen=True)
class Travelled:
    """How many files, and their bytes together."""

    files: int = 0
    size: int = 0

    def __str__(self) -> str:
        return f"{self.files} {'file' if self.files == 1 else 'files'}, {size_text(self.size)}"


def size_text(size: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def readable(paths: Sequence[str], directory: Path) -> list[tuple[Path, Path]]:
    """Each file with the place it travels to, relative. Raises InvalidRequest for what cannot be read.

    A path below *directory* keeps its place; another one travels by its last name.
    """
    found: dict[Path, Path] = {}
    for text in paths:
        for source, place in _files(text, directory):
            if found.setdefault(place, source) != source:
                raise InvalidRequest(
                    f"--put {text}: {place} would be there twice.", "Put them apart, or rename one."
                )
    return [(source, place) for place, source in found.items()]


def _files(text: str, directory: Path) -> Iterator[tuple[Path, Path]]:
    path = directory / Path(text).expanduser()
    whole = Path(os.path.normpath(path))
    place = whole.relative_to(directory) if whole.is_relative_to(directory) else Path(whole.name)
    inner = [whole]
    if whole.is_dir():
        inner = sorted(item for item in whole.rglob("*") if not item.is_dir())
    for item in inner:
        if not item.is_file() or not os.access(item, os.R_OK):
            raise InvalidRequest(f"--put {text}: {item} cannot be read.", "Name a file or directory of yours.")
        yield item, place / item.relative_to(whole) if item != whole else place


def put_files(mailbox: Mailbox, files: Sequence[tuple[Path, Path]]) -> Travelled:
    """Copy files into the mailbox, which from then on is the run's directory. Raises OSError (disk full)."""
    mailbox.files.mkdir(mode=0o700, exist_ok=True)
    size = 0
    for source, place in files:
        target = mailbox.files / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        size += target.stat().st_size
    return Travelled(len(files), size)


def get_files(mailbox: Mailbox, patterns: Sequence[str], directory: Path) -> Travelled:
    """Copy the files that match back to *directory*, except those that are there unchanged. Raises OSError."""
    root = mailbox.files.resolve()
    files = size = 0
    for source in sorted({path for pattern in patterns for path in root.glob(pattern)}):
        # What a link leads to outside did not come from the run.
        if not source.is_file() or not source.resolve().is_relative_to(root):
            continue
        target = directory / source.relative_to(root)
        if _same(source, target):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        files, size = files + 1, size + source.stat().st_size
    return Travelled(files, size)


def _same(one: Path, other: Path) -> bool:
    """Whether they have the same size and time, as a copy has."""
    try:
        first, second = one.stat(), other.stat()
    except OSError:
        return False
    return (first.st_size, int(first.st_mtime * 1000)) == (second.st_size, int(second.st_mtime * 1000))
