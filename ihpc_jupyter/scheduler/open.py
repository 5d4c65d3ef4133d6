"""From a site's description to its batch system."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.site import Site, SiteKind
from ihpc_jupyter.scheduler.base import BatchSystem
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.local import Local
from ihpc_jupyter.scheduler.munge import credential
from ihpc_jupyter.scheduler.slurm import SUBMIT, Slurm
from ihpc_jupyter.scheduler.slurm_commands import Written, search_path
from ihpc_jupyter.scheduler.slurm_for_all import SlurmForAll
from ihpc_jupyter.scheduler.slurm_for_many import SlurmForMany
from ihpc_jupyter.scheduler.slurm_policy import policy as slurm_policy
from ihpc_jupyter.scheduler.slurm_shared import SharedSlurm
from ihpc_jupyter.scheduler.snapshot_files import SnapshotFiles
from ihpc_jupyter.scheduler.snapshot_reader import SnapshotReader
from ihpc_jupyter.scheduler.snapshot_source import SnapshotSource
from ihpc_jupyter.scheduler.snapshot_url import SnapshotUrl
from ihpc_jupyter.scheduler.transport import Transport
from ihpc_jupyter.scheduler.watcher import Watcher


def open_batch_system(site: Site, runtime_dir: Path) -> BatchSystem:
    """The batch system of *site*; *runtime_dir* is a private directory of this host, with a short path.

    Nothing is started or asked before the first call of a method; `BatchSystem.close` lets go.
    """
    if site.kind is SiteKind.LOCAL:
        return Local(site, runtime_dir / f"site-{site.name}")
    return Slurm(site, Transport(site.transport, site.ssh_options, runtime_dir))


def open_watched(site: Site, runtime_dir: Path) -> tuple[BatchSystem, Watcher]:
    """The same with the one that watches it: from the centre's snapshot, where the site names one."""
    if site.snapshot is None:
        batch = open_batch_system(site, runtime_dir)
        return batch, Watcher(batch, site.polling)
    reader = open_snapshot(site.snapshot)
    shared = SharedSlurm(site, Transport(site.transport, site.ssh_options, runtime_dir), reader)
    return shared, Watcher(shared, site.polling, SnapshotSource(shared, reader, site.polling))


def open_snapshot(place: str) -> SnapshotReader:
    """A reader of the centre's snapshot in a directory, or at an address. Nothing is looked at yet."""
    return SnapshotFiles(Path(place)) if place.startswith("/") else SnapshotUrl(place, credential)


def open_for_all(site: Site) -> SlurmForAll:
    """The batch system of *site* for the writer of a centre's snapshot.

    Raises `InvalidRequest` for a site of kind `local`.
    """
    _refuse_local(site)
    return SlurmForAll(site, Transport(site.transport, site.ssh_options))


def open_for_many(site: Site, commands: Sequence[Written] = ()) -> SlurmForMany:
    """The batch system of *site* for somebody who looks after many users' jobs without being any of them;
    *commands* say where its programs are.

    Raises `InvalidRequest` for a site of kind `local`: it knows its own user only.
    """
    _refuse_local(site)
    environment = chosen_environment()
    environment["PATH"] = search_path(environment["PATH"], *commands)
    return SlurmForMany(site, Transport(site.transport, site.ssh_options, None, environment))


def open_as(
    site: Site, prefix: Sequence[str], environment: Mapping[str, str], commands: Sequence[Written] = ()
) -> tuple[Slurm, Transport]:
    """The batch system of *site* as another user, and that user's way to run a command.

    *prefix* makes a command theirs (``sudo -u alice``), *environment* is all that it sees, *commands* say where
    the batch system's programs are. Raises `InvalidRequest` for a site of kind `local`.
    """
    _refuse_local(site)
    path = search_path(environment.get("PATH", os.defpath), *commands)
    transport = Transport(site.transport, site.ssh_options, None, {**environment, "PATH": path}, prefix)
    return Slurm(site, transport), transport


def _refuse_local(site: Site) -> None:
    if site.kind is SiteKind.LOCAL:
        raise InvalidRequest(
            f"The site {site.name} is of kind local, which serves only the user who runs it.",
            "Describe a Slurm in the system-wide site file.",
        )


def submit_program(site: Site) -> str:
    """The program that a person would hand a script of ours to."""
    return "bash" if site.kind is SiteKind.LOCAL else SUBMIT


def policy(site: Site) -> str:
    """Commands by which the batch system itself enforces the lanes, for its administrators to read and run."""
    if site.kind is SiteKind.LOCAL:
        return "# The embedded site enforces its lanes itself; there is nothing to run.\n"
    return slurm_policy(site)
