"""Slurm's codes for limits are made of parts (``QOSMaxMemoryPerUser``), and so are their sentences."""

import re

_CODE = re.compile(
    r"(Assoc|QOS|)(Grp|Max|Min)"
    r"(BB|Billing|CPU|Cpu|Energy|GRES|Jobs|License|Mem|Memory|Node|SubmitJobs?|Unknown)"
    r"(Minutes|RunMinutes|)(?:Per(Job|Node|User|Account))?(?:Limit|NotSatisfied|)"
)

_THINGS = {
    "BB": "burst buffer space", "Billing": "billing units", "CPU": "cores", "Cpu": "cores", "Energy": "energy",
    "GRES": "GPUs (or other devices)", "License": "licences", "Mem": "memory", "Memory": "memory", "Node": "nodes",
    "Jobs": "running jobs", "SubmitJob": "queued jobs", "SubmitJobs": "queued jobs",
    "Unknown": "units of a resource",
}  # fmt: skip


def explain_limit(code: str) -> str:
    """A sentence for the code of a limit; empty for what is no such code."""
    found = _CODE.fullmatch(code)
    if found is None:
        return ""
    scope, kind, what, minutes, whose = found.groups()
    thing = _THINGS[what]
    limit = "the account" if scope == "Assoc" else "this quality of service"
    if kind == "Min":
        return f"The job asks for less than the {thing} that {limit} requires."
    if whose:
        return _of_one(whose, f"time on {thing}" if minutes else thing, limit)
    return _of_all(minutes, thing, limit)


def _of_one(whose: str, thing: str, limit: str) -> str:
    if whose == "Job":
        return f"The job asks for more {thing} than {limit} allows one job."
    if whose == "Node":
        return f"The job asks for more {thing} on a node than {limit} allows."
    who = "you" if whose == "User" else "the account"
    return f"With this job {who} would have more {thing} than {limit} allows one {whose.lower()}."


def _of_all(minutes: str, thing: str, limit: str) -> str:
    if minutes == "Minutes":
        return f"The budget of time on {thing} of {limit} is used up, or too small for this job."
    if minutes:
        return f"The running jobs of {limit} hold all the time on {thing} that they may reserve."
    return f"With this job more {thing} would be in use than {limit} allows at once."
