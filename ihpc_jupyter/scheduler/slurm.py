"""Slurm as a batch system: one command per operation, in bulk, whatever the number of jobs."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ihpc_jupyter.errors import InvalidRequest, Unavailable
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.nodes import Nodes
from ihpc_jupyter.model.site import Lane, Site
from ihpc_jupyter.model.why import Evidence
from ihpc_jupyter.scheduler import slurm_room as room
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.base import Capacity, Launch, Offers, Submission
from ihpc_jupyter.scheduler.fold import Fold
from ihpc_jupyter.scheduler.slurm_evidence import read_start
from ihpc_jupyter.scheduler.slurm_launch import PROGRAM, SlurmHold, launch_options
from ihpc_jupyter.scheduler.slurm_metrics import SlurmMetrics
from ihpc_jupyter.scheduler.slurm_offers import propose
from ihpc_jupyter.scheduler.slurm_reader import JobReader
from ihpc_jupyter.scheduler.slurm_why import Inquiry
from ihpc_jupyter.scheduler.transport import Completed, Transport

SUBMIT = "sbatch"
"""The command that takes a batch script."""

_IDS_PER_CALL = 200
"""Words of one ``scancel``; elements of an array share a word."""

_REMEMBERED = 300.0
"""Seconds for which a job that Slurm dropped without a word is still told: as long as Slurm tells others."""

_RESERVED = 10.0
"""Seconds for which a plan does without asking for reservations again."""

_PATIENCE = 3.0
"""A submission may take so many times the site's polling timeout: giving up early leaves its fate unknown."""


class Slurm:
    """Slurm through its commands. Raises `Rejected` with Slurm's words, `Unavailable` when nobody answers."""

    def __init__(self, site: Site, transport: Transport) -> None:
        self._site = site
        self._transport = transport
        self._metrics = _metrics_of(site)
        self._reader = JobReader(self._with_lane)
        self._waiting: dict[str, Job] = {}
        self._dropped: dict[str, tuple[float, Job]] = {}
        self._reserved: list[room.Reservation] = []
        self._reserved_at = float("-inf")

    @property
    def requests(self) -> int:
        """Commands started, and metrics read, so far."""
        return self._transport.requests + (self._metrics.requests if self._metrics else 0)

    async def submit(self, submission: Submission) -> str:
        """One ``sbatch``, the script on its standard input; the id of the job or of the array."""
        argv = [SUBMIT, "--parsable", *_options(submission)]
        done = await self._ask(argv, submission.script, patience=_PATIENCE)
        job_id = text.parse_submitted(done.stdout)
        if job_id is None:
            raise Unavailable("Slurm answered the submission without a job id.", "Look at the list of jobs.")
        # An element that is cancelled before it was ever seen waiting would otherwise never be told of.
        ids = [f"{job_id}_{index}" for index in range(submission.count)] if submission.array else []
        began = time.time()
        for element in ids:
            self._waiting[element] = Job(
                id=element,
                name=submission.name,
                state=JobState.PENDING,
                lane=submission.lane,
                submitted_at=began,
            )
        return job_id

    async def launch(self, launch: Launch) -> SlurmHold:
        """One ``srun``, which stays; the job's first line runs moments later on a machine with room."""
        lane = self._site.lanes[launch.lane]
        argv = [PROGRAM, *launch_options(launch, lane), "bash", str(launch.script)]
        return SlurmHold(await self._transport.hold(argv, launch.said, text.TIMES))

    async def test_launch(self, launch: Launch) -> str:
        """Slurm's words of ``srun --test-only``: where and when it would start."""
        return (await self.expected_start(launch))[1]

    async def expected_start(self, launch: Launch) -> tuple[float | None, str]:
        """The moment in what ``srun --test-only`` says, and its words."""
        options = launch_options(launch, self._site.lanes[launch.lane])
        done = await self._ask([PROGRAM, "--test-only", *options, "true"])
        return read_start(text.clean_error(done.stderr or done.stdout))

    async def capacity(self) -> Capacity:
        """Free cores of each lane's partition (one ``sinfo``), this user's active reservations (one ``scontrol``,
        where it is older than `_RESERVED`): both asked at once, as somebody waits for the plan."""
        cores, reservations = await asyncio.gather(self.cores(), self._lately_reserved())
        me = await self._user() if any(one.active for one in reservations) else ""
        return room.capacity_of(self._site.lanes, cores, reservations, me)

    async def cores(self) -> dict[str, room.Room]:
        """Free and all cores, and nodes, of each partition: one ``sinfo``."""
        return room.parse_cores((await self._ask(["sinfo", "--noheader", f"--format={room.CORES_FORMAT}"])).stdout)

    async def nodes(self) -> Nodes:
        """One ``sinfo``."""
        began = time.time()
        said = (await self._ask(["sinfo", "--noheader", f"--format={room.NODES_FORMAT}"])).stdout
        return Nodes(at=began, groups=room.parse_nodes(said))

    async def _lately_reserved(self) -> list[room.Reservation]:
        """Reservations are made for hours: they are not asked for each time."""
        now = time.monotonic()
        if now - self._reserved_at > _RESERVED:
            self._reserved, self._reserved_at = await self.reservations(), now
        return self._reserved

    async def reservations(self) -> list[room.Reservation]:
        """All reservations: one ``scontrol``."""
        return room.parse_reservations((await self._ask(["scontrol", "-o", "show", "reservation"])).stdout)

    async def preemptible(self) -> dict[str, int]:
        """One ``squeue`` of the partitions of preemptible lanes; none where there is no such lane."""
        lanes = [lane for lane in self._site.lanes.values() if lane.preemptible]
        if not lanes:
            return {}
        partitions = sorted({lane.partition for lane in lanes if lane.partition})
        argv = ["squeue", "--noheader", "--states=RUNNING", f"--format={room.LANE_FORMAT}"]
        done = await self._ask([*argv, *([f"--partition={','.join(partitions)}"] if partitions else [])])
        return room.preemptible_of(self._site.lanes, Counter(done.stdout.splitlines()))

    async def cycles(self) -> dict[str, float]:
        """The last main and backfill pass: from Slurm's metrics where the site has them and they answer, else one
        ``sdiag``; none where the site keeps that to itself."""
        if self._metrics is not None:
            with contextlib.suppress(Unavailable):
                return await self._metrics.cycles()
        done = await self._run(["sdiag"])
        return room.parse_cycles(done.stdout) if done.returncode == 0 else {}

    async def test_only(self, submission: Submission) -> str:
        """Slurm's words of ``sbatch --test-only``: where and when it would start."""
        done = await self._ask([SUBMIT, "--test-only", *_options(submission)], submission.script)
        return read_start(text.clean_error(done.stderr or done.stdout))[1]

    async def cancel(self, ids: Sequence[str]) -> None:
        """One ``scancel`` (one per 200 plain ids); jobs that are gone are no error."""
        try:
            words = text.compress_ids(ids)
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
        for start in range(0, len(words), _IDS_PER_CALL):
            await self._cancel(words[start : start + _IDS_PER_CALL])

    async def _cancel(self, words: Sequence[str]) -> None:
        done = await self._run(["scancel", *words])
        complaints = [line for line in done.stderr.splitlines() if line.strip() and not text.is_gone(line)]
        if complaints and done.returncode != 0:
            raise text.refusal("\n".join(complaints))

    async def query(self) -> list[Job]:
        """One ``squeue`` of this user's jobs, ended ones included while Slurm tells of them."""
        began, known = time.time(), dict(self._waiting)
        # Elements that wait come as one line: ten thousand of them are a few kilobytes to send and to read.
        argv = ["squeue", "--me", "--noheader", "--states=all", f"--Format={text.SQUEUE_FORMAT}"]
        done = await self._ask(argv)
        jobs = await asyncio.to_thread(self._reader.read, done.stdout, began)
        self._note_dropped(jobs, known, began)
        return list(jobs.values())

    def _note_dropped(self, jobs: dict[str, Job], known: dict[str, Job], now: float) -> None:
        """Add elements that left a told array while they waited: Slurm forgets those cancelled so."""
        roots = {job_id.partition("_")[0] for job_id in jobs if "_" in job_id}
        for job_id in known.keys() - jobs.keys():
            if (root := job_id.partition("_")[0]) in roots or root in jobs:
                job = known[job_id]
                gone = {"state": JobState.CANCELLED, "reason": "", "expected_start": None, "ends_at": now}
                self._dropped[job_id] = now, job.model_copy(update=gone)
        for job_id, (since, job) in list(self._dropped.items()):
            if job_id in jobs or now - since > _REMEMBERED:
                del self._dropped[job_id]
            else:
                jobs[job_id] = job
        for root in roots | {job_id.partition("_")[0] for job_id in self._dropped}:
            jobs.pop(root, None)  # what is left of elements that waited when their array was cancelled
        submitted_since = {key: job for key, job in self._waiting.items() if key not in known}
        self._waiting = {key: job for key, job in jobs.items() if job.state.waiting and "_" in key}
        self._waiting |= submitted_since

    async def history(self, ids: Sequence[str]) -> list[Job]:
        """One ``sacct`` for all *ids*; none where the site keeps no accounting. One that is silent is no word."""
        if not ids:
            return []
        argv = ["sacct", "--noheader", "--parsable2", "--allocations", "--duplicates"]
        argv += [f"--format={text.SACCT_FORMAT}", f"--jobs={','.join(ids)}"]
        done = await self._run(argv)
        if done.returncode != 0:
            refusal = text.refusal(done.stderr or done.stdout)
            if isinstance(refusal, Unavailable):
                raise refusal
            return []
        wanted = set(ids)
        return [self._with_lane(job) for job in text.parse_sacct(done.stdout) if job.id in wanted]

    async def sent_away(self, since: float, until: float) -> list[str]:
        """One ``squeue`` of the lanes that give way."""
        lanes = [lane for lane in self._site.lanes.values() if lane.preemptible and lane.partition]
        if not lanes:
            return []
        partitions = ",".join(sorted({lane.partition or "" for lane in lanes}))
        argv = ["squeue", "--noheader", "--states=all", f"--partition={partitions}"]
        done = await self._ask([*argv, f"--Format={text.SQUEUE_FORMAT}"])
        return [job.id for job in text.parse_squeue(done.stdout, time.time()) if room.had_to_go(job, since, until)]

    async def account(self, since: float) -> list[Job]:
        """One ``sacct`` for all users; those whose jobs Slurm keeps private are left out by it."""
        began = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since))
        argv = ["sacct", "--noheader", "--parsable2", "--allocations", "--allusers", f"--starttime={began}"]
        done = await self._ask([*argv, f"--format={text.SACCT_FORMAT}"], patience=_PATIENCE)
        return [self._with_lane(job) for job in text.parse_sacct(done.stdout)]

    async def everybody(self) -> list[Fold]:
        """One ``squeue`` of all users' jobs; those that Slurm keeps private are left out by it."""
        began = time.time()
        done = await self._ask(["squeue", "--noheader", f"--Format={text.SQUEUE_FORMAT}"], patience=_PATIENCE)
        return await asyncio.to_thread(self._read_folded, done.stdout, began)

    def _read_folded(self, said: str, began: float) -> list[Fold]:
        return [replace(fold, job=self._with_lane(fold.job)) for fold in text.parse_folded(said, began)]

    async def evidence(self, job_id: str) -> Evidence:
        """One to seven commands, those after the first at the same time."""
        found = await Inquiry(self._run, job_id).evidence()
        return found.model_copy(update={"job": self._with_lane(found.job)})

    def recollect(self, job: Job, asked_at: float, why: str) -> Evidence:
        """From ``squeue``'s line alone."""
        return Inquiry(self._run, job.id).recollect(job, asked_at, why)

    async def log_path(self, job_id: str) -> str:
        """One ``scontrol``; a forgotten job's is not told."""
        return await Inquiry(self._run, job_id).log_path()

    def listing(self, *, everybody: bool) -> str:
        """``squeue``."""
        return "squeue --long" if everybody else "squeue --me --all --states=all --long"

    async def offers(self) -> Offers:
        """Lanes from partitions and QoS, shapes from nodes, accounts where there is accounting."""
        partitions = text.parse_partitions((await self._ask(["scontrol", "-o", "show", "partition"])).stdout)
        config = (await self._ask(["scontrol", "show", "config"])).stdout
        nodes = text.parse_sinfo(
            (await self._ask(["sinfo", "--noheader", f"--format={text.SINFO_FORMAT}"])).stdout
        )
        associations = text.parse_associations(
            await self._accounting("assoc", "where", "user=" + await self._user(), f"format={text.ASSOC_FORMAT}")
        )
        qos = text.parse_qos(await self._accounting("qos", f"format={text.QOS_FORMAT}")) if associations else []
        return propose(partitions, text.parse_setting(config, "PreemptType"), nodes, qos, associations)

    async def close(self) -> None:
        """Let go of the transport's connection."""
        await self._transport.close()

    async def _user(self) -> str:
        return (await self._ask(["id", "-un"])).stdout.strip()

    async def _accounting(self, *words: str) -> str:
        """What ``sacctmgr show`` says; nothing where there is no accounting or it does not answer."""
        try:
            done = await self._run(["sacctmgr", "-nP", "show", *words])
        except Unavailable:
            return ""
        return done.stdout if done.returncode == 0 else ""

    def _with_lane(self, job: Job) -> Job:
        """The job with the first lane that has its partition and QoS; lanes that name neither fit none."""
        for name, lane in self._site.lanes.items():
            if _fits(lane, job):
                return job.model_copy(update={"lane": name})
        return job

    async def _ask(self, argv: Sequence[str], stdin: str | None = None, patience: float = 1.0) -> Completed:
        done = await self._run(argv, stdin, patience)
        if done.returncode != 0:
            raise text.refusal(done.stderr or done.stdout)
        return done

    async def _run(self, argv: Sequence[str], stdin: str | None = None, patience: float = 1.0) -> Completed:
        timeout = self._site.polling.timeout * patience
        return await self._transport.run(argv, stdin, timeout, variables=text.WRITTEN)


def _fits(lane: Lane, job: Job) -> bool:
    pairs = [(lane.partition, job.partition), (lane.qos, job.qos)]
    told = [(asked, given) for asked, given in pairs if asked is not None and given]
    return bool(told) and all(asked == given for asked, given in told)


def _options(submission: Submission) -> list[str]:
    """Command-line options; they win over the directives of the script."""
    for what, value in (("name", submission.name), ("log path", submission.log)):
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise InvalidRequest(f"The job's {what} must not hold control characters.")
    if "\\" in submission.log:
        raise InvalidRequest("The log's path must not hold a backslash: Slurm would not fill in the job's id.")
    options = [f"--job-name={submission.name}"]
    if submission.array:
        options.append(f"--array=0-{submission.count - 1}")
    if submission.log:
        placeholder = "%A_%a" if submission.array else "%j"
        options.append(f"--output={submission.log.replace('%', '%%').replace('{job}', placeholder)}")
    return options


def _metrics_of(site: Site) -> SlurmMetrics | None:
    return SlurmMetrics(site.metrics, site.polling.timeout, site.metrics_token) if site.metrics else None
