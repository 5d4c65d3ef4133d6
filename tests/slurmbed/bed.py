"""The bed: shared services and clusters, from an empty directory to idle nodes and back."""

import os
import secrets
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from . import users
from .accounting import Accounting, fill_database
from .addresses import AddressBlock, claim_block
from .cluster import Cluster
from .config import ClusterPlan, Place, hosts_file
from .daemons import Daemons
from .programs import ProgramsMissingError, explain_missing, find_program
from .settings import BedSettings
from .waiting import wait_until

_DIRECTORIES = ("bin", "log", "run", "jobs")


class SlurmBed(Cluster):
    """A real Slurm below one directory: the first cluster itself, and the further ones in `clusters`."""

    def __init__(self, settings: BedSettings | None = None) -> None:
        settings = settings or BedSettings()
        if missing := explain_missing(accounting=settings.accounting):
            raise ProgramsMissingError(missing)
        self._addresses = claim_block()
        self.directory = _make_directory()
        self._munge_socket = self.directory / "run" / "munge"
        plans = self._plans(settings)
        (self.directory / "hosts").write_text(hosts_file(plans))
        super().__init__(plans[0], settings, Daemons(self.directory, self._addresses.fileno()))
        #: All clusters by name, the bed itself being the first.
        self.clusters: dict[str, Cluster] = {self.name: self}
        for plan in plans[1:]:
            self.clusters[plan.name] = Cluster(plan, settings, self.daemons)

    def start(self) -> None:
        """Start everything; returns when all nodes are idle."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of the bed and remove its directory."""
        self.daemons.close()
        self._addresses.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        for cluster in self.clusters.values():
            cluster.write_files()
        self._start_munge()
        if self.plan.database is not None:
            self._make_users()
            Accounting(self.daemons, self._munge_socket, self.plan.slurm_user, self.plan.database).start()
            fill_database(self, self.settings)
        for cluster in self.clusters.values():
            cluster.start_controller()
        for cluster in self.clusters.values():
            cluster.start_nodes()

    def _make_users(self) -> None:
        # They must exist before the controller loads the associations, which it keeps by user id.
        if os.geteuid() == 0:
            for name in self.settings.users:
                users.ensure_user(name)

    def _start_munge(self) -> None:
        account = users.ensure_user("munge" if os.geteuid() == 0 else users.current_user())
        run = self.directory / "run"
        (run / "munge.key").write_bytes(secrets.token_bytes(128))
        (run / "munge.key").chmod(0o600)
        if os.geteuid() == 0:
            for path in (run, run / "munge.key"):
                os.chown(path, account.pw_uid, account.pw_gid)
        files = {
            "socket": "munge",
            "key-file": "munge.key",
            "pid-file": "munge.pid",
            "seed-file": "munge.seed",
        }
        argv = [
            find_program("munged"),
            "--foreground",
            "--force",
            *(f"--{o}={run / f}" for o, f in files.items()),
        ]
        self.daemons.start("munged", argv, uid=account.pw_uid, gid=account.pw_gid)
        wait_until(self._munge_socket.is_socket, "munged listens", 10, self.logs)
        for name in ("munge", "unmunge"):
            program = self.programs / name
            program.write_text(f'#!/bin/sh\nexec {find_program(name)} --socket={self._munge_socket} "$@"\n')
            program.chmod(0o755)

    def _plans(self, settings: BedSettings) -> list[ClusterPlan]:
        root = os.geteuid() == 0
        block = self._addresses
        database = Place(block.host(), block.port()) if settings.accounting else None
        return [
            ClusterPlan(
                name=name,
                directory=self.directory / name,
                munge_socket=self._munge_socket,
                slurm_user="slurm" if root else users.current_user(),
                node_user="root" if root else users.current_user(),
                controller=_place(block),
                nodes={node: _place(block) for node in settings.node_names(name)},
                database=database,
            )
            for name in settings.clusters
        ]


def _place(block: AddressBlock) -> Place:
    return Place(block.host(), block.port())


def _make_directory() -> Path:
    # Short, as a socket's path has at most 107 characters; open, as jobs of every user read slurm.conf.
    directory = Path(tempfile.mkdtemp(prefix="slurmbed-", dir="/tmp"))
    directory.chmod(0o755)
    for name in _DIRECTORIES:
        (directory / name).mkdir()
    (directory / "jobs").chmod(0o1777)
    return directory
