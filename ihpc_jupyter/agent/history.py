"""Samples that survive the agent: one small embedded database on this host, never on a network's file system."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import psutil

from ihpc_jupyter.metrics.series import Sample

Row = tuple[str, tuple[str, ...], Sample]
"""Metric, labels, sample."""

MAX_ROWS = 50_000
"""Some three megabytes; the oldest go first."""

_REMOTE = (
    "nfs",
    "lustre",
    "gpfs",
    "beegfs",
    "cifs",
    "smb",
    "ceph",
    "afs",
    "glusterfs",
    "pvfs",
    "orangefs",
    "fuse.",
)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS samples (id INTEGER PRIMARY KEY, metric TEXT NOT NULL, labels TEXT NOT NULL,"
    " at REAL NOT NULL, value REAL NOT NULL, key TEXT NOT NULL)"
)


def is_local(directory: Path) -> bool:
    """Whether the directory lies on a disk or in the memory of this host."""
    found, kind = -1, ""
    for mount in psutil.disk_partitions(all=True):
        if directory.resolve().is_relative_to(mount.mountpoint) and len(mount.mountpoint) > found:
            found, kind = len(mount.mountpoint), mount.fstype
    return not kind.startswith(_REMOTE)


class History:
    """The database in *directory*; where it cannot be used everything is forgotten instead, nothing fails.

    One thread at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "metrics.db"
        self._database = self._open() if is_local(directory) else None

    def _open(self) -> sqlite3.Connection | None:
        for _ in range(2):
            try:
                database = sqlite3.connect(self._path, timeout=1.0, check_same_thread=False)
                # A crash may cost the last seconds of samples: no sync is worth more than they are.
                database.execute("PRAGMA synchronous = OFF")
                database.execute(_TABLE)
                database.commit()
                return database
            except sqlite3.DatabaseError:
                self._path.unlink(missing_ok=True)  # broken: begin anew
        return None

    def load(self) -> list[Row]:
        """All samples, oldest first."""
        if self._database is None:
            return []
        try:
            rows = self._database.execute(
                "SELECT metric, labels, at, value, key FROM samples ORDER BY at"
            ).fetchall()
            return [(row[0], tuple(json.loads(row[1])), Sample(row[2], row[3], row[4])) for row in rows]
        except (sqlite3.DatabaseError, ValueError):
            return []

    def save(self, rows: Iterable[Row], oldest: float) -> None:
        """Add samples; those from before *oldest* and those beyond `MAX_ROWS` go."""
        if self._database is None:
            return
        values = [(metric, json.dumps(labels), one.at, one.value, one.key) for metric, labels, one in rows]
        insert = "INSERT INTO samples (metric, labels, at, value, key) VALUES (?, ?, ?, ?, ?)"
        with contextlib.suppress(sqlite3.DatabaseError), self._database:
            self._database.executemany(insert, values)
            self._database.execute("DELETE FROM samples WHERE at < ?", (oldest,))
            self._database.execute(
                "DELETE FROM samples WHERE id <= (SELECT max(id) FROM samples) - ?",
                (MAX_ROWS,),
            )

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
            self._database = None
