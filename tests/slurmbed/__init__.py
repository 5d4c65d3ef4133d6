"""A real Slurm on one machine, with faults on demand: started in a second, gone with its owner."""

from .bed import SlurmBed
from .cluster import Cluster
from .faulty import Call, FaultyCommands
from .programs import ProgramsMissingError, explain_missing, missing_programs
from .settings import ACCOUNTS, LANES, TUNED_SCHEDULER, BedSettings, Lane
from .waiting import BedError, wait_until

__all__ = [
    "ACCOUNTS",
    "LANES",
    "TUNED_SCHEDULER",
    "BedError",
    "BedSettings",
    "Call",
    "Cluster",
    "FaultyCommands",
    "Lane",
    "ProgramsMissingError",
    "SlurmBed",
    "explain_missing",
    "missing_programs",
    "wait_until",
]
