"""Arrays folded: jobs of one array that are in the same state for the same reason count as one line."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ihpc_jupyter.model.job import Job

SHOWN_SINGLY = 50
"""So many running elements of an array are told each: their nodes and times differ."""

ELEMENTS_LENGTH = 120
"""Characters of the indices that are told."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The first of *count* jobs that are alike; *elements*: their indices in the array."""

    job: Job
    count: int = 1
    elements: str = ""


def fold(jobs: Iterable[Job]) -> list[Fold]:
    """Fold elements of arrays; jobs that are no elements stay as they are. The order is kept."""
    everyone = list(jobs)
    active = Counter(array_of(job.id) for job in everyone if job.state.active)
    groups: dict[object, list[Job]] = {}
    for job in everyone:
        root = array_of(job.id)
        single = root == job.id or (job.state.active and active[root] <= SHOWN_SINGLY)
        groups.setdefault(job.id if single else (root, job.state, job.reason), []).append(job)
    return [_folded(alike) for alike in groups.values()]


def of_id(jobs: Mapping[str, Job], job_id: str) -> list[Job]:
    """The job of that id, or all of the array of that id."""
    if job_id in jobs:
        return [jobs[job_id]]
    return [job for job in jobs.values() if array_of(job.id) == job_id]


def array_of(job_id: str) -> str:
    """The id of the array that a job is an element of; a plain job's own."""
    root, _, index = job_id.partition("_")
    return root if index.isdigit() else job_id


def spans(indices: Iterable[int]) -> list[str]:
    """Ascending numbers as ``0-4``, ``7``."""
    found: list[list[int]] = []
    for index in indices:
        if found and index == found[-1][1] + 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return [f"{first}" if first == last else f"{first}-{last}" for first, last in found]


def _folded(jobs: Sequence[Job]) -> Fold:
    if len(jobs) == 1:
        return Fold(jobs[0])
    by_index = sorted(jobs, key=lambda job: int(job.id.partition("_")[2]))
    return Fold(by_index[0], len(jobs), ",".join(spans(int(job.id.partition("_")[2]) for job in by_index)))


def shortened(elements: str) -> str:
    """Indices that fit into a line."""
    return elements if len(elements) <= ELEMENTS_LENGTH else elements[:ELEMENTS_LENGTH].rpartition(",")[0] + ",…"
