"""What all spawners of a hub share: the site, its one watcher, what is free."""

import os
from dataclasses import dataclass
from functools import cache

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.hub.room import Room
from ihpc_jupyter.hub.watch import JobWatch
from ihpc_jupyter.model.site import Lane, ServerKind, ServerSite, Shape, Site, SiteKind
from ihpc_jupyter.scheduler.open import open_for_many
from ihpc_jupyter.scheduler.slurm_commands import Written
from ihpc_jupyter.sites.file import Settings, load_settings, site_file_paths

_UNDESCRIBED = Site.model_validate({
    "name": "slurm", "kind": "slurm", "lanes": {"batch": {"title": "Slurm"}}, "shapes": {"default": {}},
    "proposed": True,
})  # fmt: skip
"""Where no site file describes a Slurm: one lane, which the hub's own settings fill in."""


@dataclass(frozen=True)
class Centre:
    """A site as the hub sees it."""

    site: Site
    watch: JobWatch
    room: Room


@cache
def centre(name: str, query: Written) -> Centre:
    """The site of that name in the system-wide site file, asked by *query*; with no name the first Slurm there.

    Users' own site files are theirs and are not read. Without a name and without a Slurm in the file the site is
    one that is `proposed`, with a lane that says nothing. Raises `InvalidRequest` for a file with mistakes, or
    without the site of that name.
    """
    named = {key: site for key, site in _settings().sites.items() if site.kind is not SiteKind.LOCAL}
    site = named.get(name) if name else next(iter(named.values()), _UNDESCRIBED)
    if site is None:
        raise _not_described(name, SiteKind.SLURM)
    batch = open_for_many(site, [query])
    return Centre(site, JobWatch(batch, site.polling), Room(batch))


@cache
def server_site(name: str, kind: ServerKind) -> ServerSite:
    """The same for a batch system of another *kind*: described, and never asked anything."""
    named = {key: site for key, site in _settings().server_sites.items() if site.kind is kind}
    lanes, shapes = {"batch": Lane(title=kind.value)}, {"default": Shape()}
    undescribed = ServerSite(name=kind.value, kind=kind, lanes=lanes, shapes=shapes, proposed=True)
    site = named.get(name) if name else next(iter(named.values()), undescribed)
    if site is None:
        raise _not_described(name, kind)
    return site


def _settings() -> Settings:
    """The system-wide site file."""
    return load_settings({"IHPC_SYSTEM_SITE_FILE": str(site_file_paths()[0]), "IHPC_SITE_FILE": os.devnull})


def _not_described(name: str, kind: str) -> InvalidRequest:
    return InvalidRequest(
        f"{site_file_paths()[0]} describes no site {name} of kind {kind}.",
        f'Add a table [sites.{name}] with kind = "{kind}" and its lanes.',
    )
