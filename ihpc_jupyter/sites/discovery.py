"""A site found by itself: a Slurm that answers on this host although no file describes it."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.model.site import Lane, Polling, Shape, Site, SiteKind
from ihpc_jupyter.scheduler.base import Offers
from ihpc_jupyter.scheduler.environment import chosen_environment
from ihpc_jupyter.scheduler.open import open_batch_system
from ihpc_jupyter.sites.file import Settings
from ihpc_jupyter.sites.jobqueue import JobqueueDefaults, read_jobqueue_defaults

_NAME = "slurm"


async def discover(settings: Settings, runtime_dir: Path) -> Settings:
    """*settings* with a proposed site `slurm` where ``sinfo`` answers and none of the kind is described.

    Lanes come from partitions and QoS, shapes from nodes, with the user's dask-jobqueue configuration as
    preference. Never raises for a Slurm that does not answer: then nothing is proposed, ask again later.
    Takes up to the polling timeout for each of five questions when the controller is silent.
    """
    here = [site for site in settings.sites.values() if site.kind is SiteKind.SLURM and site.transport == "direct"]
    present = shutil.which("sinfo", path=chosen_environment()["PATH"]) is not None
    if here or _NAME in settings.sites or not settings.agent.discover or not present:
        return settings
    asking = Site(
        name=_NAME, kind=SiteKind.SLURM, lanes={"any": Lane()}, shapes={"any": Shape()}, polling=Polling()
    )
    batch = open_batch_system(asking, runtime_dir)
    try:
        offers = await batch.offers()
    except IhpcError:
        return settings
    finally:
        await batch.close()
    if not offers.lanes:
        return settings
    defaults = await asyncio.to_thread(read_jobqueue_defaults)
    return replace(settings, sites={**settings.sites, _NAME: propose_site(offers, defaults)})


def propose_site(offers: Offers, defaults: JobqueueDefaults) -> Site:
    """A Slurm site from what it offers, with the user's dask-jobqueue defaults first."""
    lanes = {name: _with_defaults(lane, defaults) for name, lane in offers.lanes.items()}
    first = [name for name, lane in lanes.items() if defaults.queue and lane.partition == defaults.queue]
    shapes = {"jobqueue": defaults.shape} if defaults.shape else {}
    return Site(
        name=_NAME,
        title="Slurm",
        kind=SiteKind.SLURM,
        lanes={**{name: lanes[name] for name in first}, **lanes},
        shapes={**shapes, **offers.shapes},
        python=defaults.python,
        prologue=defaults.prologue,
        proposed=True,
    )


def _with_defaults(lane: Lane, defaults: JobqueueDefaults) -> Lane:
    changes: dict[str, object] = {}
    if defaults.account and lane.account is None:
        changes["account"] = defaults.account
    if defaults.walltime and (not defaults.queue or lane.partition == defaults.queue):
        changes["time_limit"] = min(defaults.walltime, lane.max_time or defaults.walltime)
    return lane.model_copy(update=changes)
