"""My jobs as a batch system last told them, sorted once for everybody who looks at them."""

from collections import Counter
from collections.abc import Mapping

from ihpc_jupyter.cluster.naming import parse_job_name
from ihpc_jupyter.model.job import Job


class Tally:
    """What is asked of an answer again and again: keepers look several times a second, at ten thousand jobs.

    *tagged*: jobs with our tag, by its uid and their id; *waiting*: how many wait, by lane (of those in none: "").
    """

    def __init__(self, jobs: Mapping[str, Job]) -> None:
        self.jobs = jobs
        self.tagged: dict[str, dict[str, Job]] = {}
        self.waiting: Counter[str] = Counter()
        for id_, job in jobs.items():
            if job.state.waiting:
                self.waiting[job.lane] += 1
            if tag := parse_job_name(job.name):
                self.tagged.setdefault(tag.uid, {})[id_] = job
