"""What readers of the snapshot want: files of theirs that they touch; nothing in them is ever read."""

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ihpc_jupyter.scheduler.source import Wish

FORGOTTEN = 3600.0
"""Seconds after which a mark that nobody touches is removed."""
MARKS_OF_ONE = 64
"""Marks of one user that count; one agent has two."""
MOST = 20_000
"""Entries that are looked at in one round."""
AHEAD = 1.0
"""Seconds by which a mark may be ahead of the directory's clock; a later one would want for ever."""

_MARK = re.compile(r"[0-9a-f]{16}\.(looks|waits)")


@dataclass(frozen=True)
class Wishes:
    """The latest marks, by the directory's clock: 0 where there is none. *readers*: whose marks there are."""

    looks: float = 0.0
    waits: float = 0.0
    readers: frozenset[int] = frozenset()

    @property
    def latest(self) -> float:
        """The latest mark of all."""
        return max(self.looks, self.waits)

    def __or__(self, other: "Wishes") -> "Wishes":
        """Both together."""
        looks, waits = max(self.looks, other.looks), max(self.waits, other.waits)
        return Wishes(looks, waits, self.readers | other.readers)


def read_wishes(directory: Path, now: float) -> Wishes:
    """The marks in a directory where everybody may write; what is no mark, forgotten or too much is removed.

    A mark belongs to whoever owns the file: names prove nothing.
    """
    latest = dict.fromkeys(Wish, 0.0)
    marks: Counter[int] = Counter()
    with os.scandir(directory) as entries:
        for entry in islice(entries, MOST):
            found = _stat(entry)
            if found is None:
                continue
            kind = _MARK.fullmatch(entry.name)
            marks[found.st_uid] += 1
            alive = stat.S_ISREG(found.st_mode) and now - found.st_mtime < FORGOTTEN
            if kind is None or not alive or marks[found.st_uid] > MARKS_OF_ONE:
                _remove(entry, found)
            elif found.st_mtime <= now + AHEAD:
                wish = Wish[kind[1].upper()]
                latest[wish] = max(latest[wish], found.st_mtime)
    return Wishes(latest[Wish.LOOKS], latest[Wish.WAITS], frozenset(marks))


def _stat(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:  # gone meanwhile
        return None


def _remove(entry: "os.DirEntry[str]", found: os.stat_result) -> None:
    try:
        (os.rmdir if stat.S_ISDIR(found.st_mode) else os.unlink)(entry.path)
    except OSError:  # a directory that is not empty, say: it harms nobody
        return
