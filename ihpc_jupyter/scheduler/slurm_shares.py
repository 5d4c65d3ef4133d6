"""Slurm's text about everybody's jobs, cut by user. Pure, as `slurm_text` is."""

from collections import Counter

from ihpc_jupyter.model.job import JobState
from ihpc_jupyter.scheduler.slurm_text import FIELD, RECORD, SQUEUE_FORMAT, parse_state, records


def owned_format(record: str) -> str:
    """`SQUEUE_FORMAT` after the user's id, each record ending in *record* instead."""
    return f"UserID:{FIELD},{SQUEUE_FORMAT.removesuffix(RECORD)}{record}"


def split_by_owner(text: str, record: str) -> dict[int, str]:
    """By user id, the records of an answer to `owned_format`, as `parse_squeue` reads them."""
    parts: dict[int, list[str]] = {}
    for one in text.split(record):
        uid, _, rest = one.lstrip("\r\n").partition(FIELD)
        if uid.strip().isdigit():
            parts.setdefault(int(uid), []).append(rest.replace(RECORD, "?"))
    return {uid: RECORD.join([*shares, ""]) for uid, shares in parts.items()}


def running_by_lane(text: str) -> Counter[str]:
    """How many jobs run, by ``PARTITION|QOS``, in an answer to `SQUEUE_FORMAT`."""
    running = (row for row in records(text) if parse_state(row["State"]) is JobState.RUNNING)
    return Counter(f"{row['Partition']}|{row['QOS']}" for row in running)
