"""A centre's snapshot as its writer leaves it, made by hand: what readers find."""

import os
import time

from ihpc_jupyter.centre.publisher import Publisher
from ihpc_jupyter.centre.wishes import read_wishes
from ihpc_jupyter.scheduler import slurm_text
from ihpc_jupyter.scheduler.slurm_text import FIELD, RECORD
from ihpc_jupyter.scheduler.snapshot import SiteSnapshot
from tests.slurmbed import wait_until

ME = os.getuid()


def row(job: str, state: str = "RUNNING", name: str = "a") -> str:
    """One job as Slurm tells it."""
    told = {
        "JobArrayID": job, "State": state, "SubmitTime": "100", "StartTime": "200", "EndTime": "300",
        "Partition": "batch", "NumCPUs": "1", "NumNodes": "1", "TimeLimit": "1:00:00", "UserName": "me",
        "Name": name,
    }  # fmt: skip
    return FIELD.join(told.get(field, "N/A") for field in slurm_text._FIELDS) + RECORD


def publish(publisher: Publisher, text: str = "", **news: object) -> SiteSnapshot:
    """What the writer does with one answer to a question that it asks now, after all marks that are there."""
    if "asked_at" not in news:
        wait_until(lambda: publisher.moment() > waits(publisher), "the clock's next tick", 5)
    told = SiteSnapshot.model_validate({"site": "bed", "asked_at": publisher.moment(), **news})
    publisher.jobs({ME: text}, {ME})
    publisher.site(told)
    publisher.beat()
    return told


def waits(publisher: Publisher) -> float:
    return read_wishes(publisher.paths.wanted, time.time() + 1).waits
