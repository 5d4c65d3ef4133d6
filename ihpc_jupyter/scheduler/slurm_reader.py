"""Jobs from one answer of Slurm's after the other: what reads as it did the last time is not made anew."""

from collections.abc import Callable, Iterable

from ihpc_jupyter.model.job import Job
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.fold import array_of

_Record = tuple[str, ...]


class JobReader:
    """Reads answers to `SQUEUE_FORMAT`. *complete* adds to a job what Slurm does not tell.

    Ten thousand waiting jobs cost what changed among them: the others are the very same objects as before, so
    comparing two answers is comparing identities, and memory stays as it is. To be used by one thread at a time.
    """

    def __init__(self, complete: Callable[[Job], Job]) -> None:
        self._complete = complete
        self._last: dict[_Record, dict[str, Job]] = {}

    def read(self, said: str, asked_at: float) -> dict[str, Job]:
        """By id, the jobs of an answer to a question of *asked_at*; broken records are dropped."""
        told: dict[str, Job] = {}
        known: dict[_Record, dict[str, Job]] = {}
        for row in text.records(said):
            ids = text.expand_ids(row["JobArrayID"])
            if not ids:
                continue
            # Which elements of an array a record stands for says nothing about any single one.
            record = (array_of(ids[0]), *list(row.values())[1:])
            jobs = self._jobs(ids, row, self._last.get(record, {}), asked_at)
            told |= jobs
            if text.lasting(row, asked_at):
                known.setdefault(record, {}).update(jobs)
        self._last = known
        return told

    def _jobs(
        self, ids: Iterable[str], row: dict[str, str], before: dict[str, Job], asked_at: float
    ) -> dict[str, Job]:
        alike = next(iter(before.values()), None)
        jobs: dict[str, Job] = {}
        for id_ in ids:
            if (job := before.get(id_)) is None:
                alike = alike or self._complete(text.queue_job(id_, row, asked_at))
                job = alike if alike.id == id_ else _element(alike, id_)
            jobs[id_] = job
        return jobs


def _element(job: Job, id_: str) -> Job:
    """Another element of the job's array; what is the same in both is there once."""
    return Job.model_construct(job.model_fields_set, **{**job.__dict__, "id": id_})
