"""From a site's description to its batch system."""

from pathlib import Path

from ihpc_jupyter.model.site import Site, SiteKind
from ihpc_jupyter.scheduler.base import BatchSystem
from ihpc_jupyter.scheduler.local import Local
from ihpc_jupyter.scheduler.slurm import SUBMIT, Slurm
from ihpc_jupyter.scheduler.slurm_policy import policy as slurm_policy
from ihpc_jupyter.scheduler.transport import Transport


def open_batch_system(site: Site, runtime_dir: Path) -> BatchSystem:
    """The batch system of *site*; *runtime_dir* is a private directory of this host, with a short path.

    Nothing is started or asked before the first call of a method; `BatchSystem.close` lets go.
    """
    if site.kind is SiteKind.LOCAL:
        return Local(site, runtime_dir / f"site-{site.name}")
    return Slurm(site, Transport(site.transport, site.ssh_options, runtime_dir))


def submit_program(site: Site) -> str:
    """The program that a person would hand a script of ours to."""
    return "bash" if site.kind is SiteKind.LOCAL else SUBMIT


def policy(site: Site) -> str:
    """Commands by which the batch system itself enforces the lanes, for its administrators to read and run."""
    if site.kind is SiteKind.LOCAL:
        return "# The embedded site enforces its lanes itself; there is nothing to run.\n"
    return slurm_policy(site)
