"""Clusters' records on disk: one directory each in the home, read by every host's agent, written by one."""

import shutil
from pathlib import Path

from ihpc_jupyter.cluster.record import ClusterRecord
from ihpc_jupyter.files import private_directory, read_model, write_model


class Store:
    """The directory of all clusters' directories."""

    def __init__(self, state: Path) -> None:
        self._root = private_directory(state / "clusters")

    def directory(self, record: ClusterRecord) -> Path:
        """The cluster's own directory: by name and identity, so that a name can be used again."""
        return self._root / f"{record.name}-{record.uid}"

    def create(self, record: ClusterRecord) -> Path:
        """Make the cluster's directory with its record."""
        directory = private_directory(self.directory(record))
        write_model(directory / "cluster.json", record)
        return directory

    def save(self, record: ClusterRecord) -> None:
        """Replace the record. Raises OSError when the disk is full or read-only."""
        write_model(self.directory(record) / "cluster.json", record)

    def load(self, record: ClusterRecord) -> ClusterRecord | None:
        """The record as it is on disk now; None when it is gone."""
        return read_model(self.directory(record) / "cluster.json", ClusterRecord)

    def all(self) -> list[ClusterRecord]:
        """Every cluster's record, whoever holds it; those that cannot be read are left out."""
        records = (read_model(path, ClusterRecord) for path in sorted(self._root.glob("*/cluster.json")))
        return [record for record in records if record is not None]

    def forget(self, record: ClusterRecord) -> None:
        """Remove the cluster's directory."""
        shutil.rmtree(self.directory(record), ignore_errors=True)
