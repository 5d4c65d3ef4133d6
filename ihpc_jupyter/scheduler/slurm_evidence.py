"""Slurm's text about why a job waits or ended. Pure parsers, as `slurm_text` has them."""

import re
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.site import parse_memory
from ihpc_jupyter.model.why import Ahead, Booking, Category, Limit, Room
from ihpc_jupyter.scheduler.fold import array_of
from ihpc_jupyter.scheduler.reasons import category_of
from ihpc_jupyter.scheduler.slurm_amounts import exit_of_pair, gpus_of, memory_of, number
from ihpc_jupyter.scheduler.slurm_room import parse_nodes, parse_reservations
from ihpc_jupyter.scheduler.slurm_text import (
    expand_ids,
    given,
    parse_limit,
    parse_pairs,
    parse_state,
    parse_time,
)

_STANDING = {Category.HELD, Category.DEPENDENCY, Category.BEGIN_TIME, Category.LIMIT}
"""Who waits for such a reason keeps nobody else waiting."""


@dataclass(frozen=True)
class Details:
    """A job as ``scontrol show job`` tells it."""

    job: Job
    uid: str
    priority: int | None
    eligible_at: float | None
    considered_at: float | None
    dependency: str
    reservation: str
    wanted_nodes: str
    throttle: str
    """How many jobs of its array may run at once; empty for no bound."""


def parse_details(text: str, job_id: str) -> Details | None:
    """The first job of ``scontrol -o show job``, under the id that was asked for."""
    line = text.partition("\n")[0]
    match = re.match(r"JobId=\d+.*? JobName=(.*?) (UserId=.*)", line)
    if match is None:
        return None
    pairs = _first_pairs(match[2])
    user, _, uid = pairs.get("UserId", "").partition("(")
    head = parse_pairs(line[: match.start(1)])
    return Details(
        job=_job(job_id, match[1], user, pairs),
        uid=uid.rstrip(")"),
        priority=int(pairs["Priority"]) if pairs.get("Priority", "").isdigit() else None,
        eligible_at=parse_time(pairs.get("EligibleTime", "")),
        considered_at=parse_time(pairs.get("LastSchedEval", "")),
        dependency=given(pairs.get("Dependency", "")),
        reservation=given(pairs.get("Reservation", "")),
        wanted_nodes=given(pairs.get("ReqNodeList", "")),
        throttle=head.get("ArrayTaskThrottle", ""),
    )


def parse_log_path(text: str) -> str:
    """Where the first job of ``scontrol -o show job`` writes; empty where it is not told, or not filled in yet."""
    found = re.search(r" StdOut=(/.*?)(?= \w+=|\s*$)", text.partition("\n")[0])
    return found[1] if found and "%" not in found[1] else ""


def _first_pairs(text: str) -> dict[str, str]:
    """What a person wrote (a comment, the command's words) comes last and says nothing over Slurm's own."""
    pairs: dict[str, str] = {}
    for word in text.split():
        key, equals, value = word.partition("=")
        if equals:
            pairs.setdefault(key, value)
    return pairs


def _job(job_id: str, name: str, user: str, pairs: dict[str, str]) -> Job:
    state = parse_state(pairs.get("JobState", ""))
    if parse_time(pairs.get("PreemptTime", "")) is not None and state in {JobState.COMPLETED, JobState.FAILED}:
        state = JobState.PREEMPTED
    start, end = parse_time(pairs.get("StartTime", "")), parse_time(pairs.get("EndTime", ""))
    resources, nodes = pairs.get("TRES", ""), number(pairs.get("NumNodes", "").partition("-")[0])
    return Job(
        id=job_id,
        user=user,
        name=name,
        state=state,
        reason=given(pairs.get("Reason", "")).replace("_", " "),
        partition=given(pairs.get("Partition", "")),
        qos=given(pairs.get("QOS", "")),
        account=given(pairs.get("Account", "")),
        cores=number(pairs.get("NumCPUs", "").partition("-")[0]),
        nodes=nodes,
        memory=memory_of(resources),
        gpus=gpus_of(resources, pairs.get("TresPerNode", ""), nodes),
        time_limit=parse_limit(pairs.get("TimeLimit", "")),
        exit_code=exit_of_pair(pairs.get("ExitCode", "")) if state.ended else None,
        node="" if state.waiting else given(pairs.get("NodeList", "")),
        restarts=number(pairs.get("Restarts", "")),
        submitted_at=parse_time(pairs.get("SubmitTime", "")),
        expected_start=start if state.waiting else None,
        started_at=None if state.waiting else start,
        ends_at=None if state.waiting else end,
    )


WAITING_FORMAT = "%i|%P|%Q|%C|%D|%r"


def parse_ahead(text: str, job: Job, priority: int) -> Ahead:
    """Who comes before *job*, from waiting jobs in `WAITING_FORMAT`: higher priority, or equal and earlier; of its
    own array those with a lower index."""
    partitions, mine = set(job.partition.split(",")), number(array_of(job.id))
    own = job.id.partition("_")[2]
    jobs = cores = nodes = elsewhere = 0
    for line in text.splitlines():
        fields = line.split("|", 5)
        if len(fields) != 6:
            continue
        word, _, index = fields[0].partition("_")
        count = _elements(index)
        other = Job(id=word, name="", state=JobState.PENDING, reason=fields[5])
        if number(word) == mine:
            count = _elements_before(index, number(own)) if own else 0
        elif category_of(other) in _STANDING:
            continue
        if not partitions & set(fields[1].split(",")):
            elsewhere += count
        elif number(word) == mine or (-number(fields[2]), number(word)) < (-priority, mine):
            jobs += count
            cores += count * number(fields[3])
            nodes += count * number(fields[4].partition("-")[0])
    return Ahead(jobs=jobs, cores=cores, nodes=nodes, elsewhere=elsewhere)


def parse_places(text: str, ids: Collection[str]) -> dict[str, int]:
    """The place of each of these jobs (no arrays) in the queue of its partition, from 1, in `WAITING_FORMAT`."""
    queues: dict[str, list[tuple[int, int, int]]] = {}
    wanted: dict[str, tuple[str, tuple[int, int, int]]] = {}
    for line in text.splitlines():
        fields = line.split("|", 5)
        if len(fields) != 6:
            continue
        word, _, index = fields[0].partition("_")
        row = (-number(fields[2]), number(word), _elements(index))
        if word in ids:
            wanted[word] = fields[1].partition(",")[0], row
        elif category_of(Job(id=word, name="", state=JobState.PENDING, reason=fields[5])) in _STANDING:
            continue
        for partition in fields[1].split(","):
            queues.setdefault(partition, []).append(row)
    return {
        word: 1 + sum(other[2] for other in queues[partition] if other[:2] < row[:2])
        for word, (partition, row) in wanted.items()
    }


def _elements(index: str) -> int:
    """How many jobs ``[3-9%2]`` stands for; one for anything else."""
    return max(1, len(expand_ids(f"1_{index}"))) if index.startswith("[") else 1


def _elements_before(index: str, own: int) -> int:
    """How many of the jobs ``[3-9%2]``, or ``3``, have a lower index."""
    return sum(number(id_.partition("_")[2]) < own for id_ in expand_ids(f"1_{index}"))


def parse_room(text: str) -> Room:
    """Nodes by state, their cores, and those that are out of order with the reason that was given."""
    groups = parse_nodes(text)
    states: Counter[str] = Counter()
    for group in groups:
        states[group.state] += group.count
    return Room(
        states=states,
        free_cores=sum(group.free_cores for group in groups),
        all_cores=sum(group.cores for group in groups),
        out=tuple(
            f"{group.names} {group.state}{f': {group.reason}' if group.reason else ''}"
            for group in groups
            if group.out
        ),
    )


def parse_bookings(text: str, user: str) -> tuple[Booking, ...]:
    """Reservations, the earliest first."""
    found = [
        Booking(
            name=one.name, active=one.active, starts_at=one.starts_at, ends_at=one.ends_at, nodes=one.nodes,
            maintenance=one.maintenance, mine=user in one.users,
        )
        for one in parse_reservations(text)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: one.starts_at or 0.0))


FACTORS = {
    "site": "%S", "age": "%A", "association": "%B", "fair share": "%F", "job size": "%J", "partition": "%P",
    "quality of service": "%Q", "resources": "%T",
}  # fmt: skip
FACTORS_FORMAT = "|".join(FACTORS.values())


def parse_factors(text: str) -> dict[str, float]:
    """What the priority is made of, from the first line in `FACTORS_FORMAT`; parts that count nothing left out."""
    fields = text.partition("\n")[0].split("|")
    if len(fields) != len(FACTORS):
        return {}
    told = {name: _sum(field) for name, field in zip(FACTORS, fields, strict=True)}
    return {name: value for name, value in told.items() if value}


def _sum(text: str) -> float:
    """``12``, or ``cpu=3,mem=4`` added up."""
    return sum(float(found) for found in re.findall(r"(?:^|=)\s*(\d+(?:\.\d+)?)", text.replace(",", " ")))


_LIMITS = {
    "GrpJobs": "running jobs of all its users",
    "GrpSubmitJobs": "queued jobs of all its users",
    "GrpWall": "minutes of run time of all its users",
    "GrpTRES": "{} of all its users",
    "GrpTRESMins": "{} minutes of all its users",
    "GrpTRESRunMins": "{} minutes that its running jobs may still take",
    "MaxWallPJ": "minutes of one job",
    "MaxTRESPJ": "{} of one job",
    "MaxTRESPN": "{} of one job on a node",
    "MaxTRESMinsPJ": "{} minutes of one job",
    "MinTRESPJ": "at least {} of a job",
    "MaxJobsPA": "running jobs of one account",
    "MaxSubmitJobsPA": "queued jobs of one account",
    "MaxTRESPA": "{} of one account",
    "MaxJobsPU": "running jobs of one user",
    "MaxSubmitJobsPU": "queued jobs of one user",
    "MaxTRESPU": "{} of one user",
    "MaxJobs": "running jobs",
    "MaxSubmitJobs": "queued jobs",
}
_TRES = {"cpu": "cores", "node": "nodes", "mem": "MiB of memory", "gres/gpu": "GPUs"}


def parse_limits(text: str, *, uid: str, account: str) -> list[Limit]:
    """Limits that are set, of ``scontrol show assoc_mgr``: of QoS and accounts, and of this user in them."""
    limits: list[Limit] = []
    scope, applies = "", True
    for raw in text.splitlines():
        line = raw.strip()
        if match := re.match(r"(?:QOS=(\S+?)\(\d+\)|ClusterName=\S+ (Account=\S+ UserName=\S*))", line):
            scope, applies = _scope(match[1], match[2] or ""), True
        elif line in {"Account Limits", "User Limits"}:
            applies = False
        elif "=" not in line:
            applies = line in {uid, account}
        elif applies and scope:
            limits += _limits(line, scope)
    return limits


def _scope(qos: str | None, association: str) -> str:
    if qos:
        return f"QoS {qos}"
    pairs = parse_pairs(association)
    user = pairs.get("UserName", "").partition("(")[0]
    return f"user {user} in account {pairs['Account']}" if user else f"account {pairs['Account']}"


def _limits(line: str, scope: str) -> Iterator[Limit]:
    for word in line.split():
        key, _, value = word.partition("=")
        name = _LIMITS.get(key)
        if name is None:
            continue
        for tres, allowed, used in re.findall(r"(?:([\w/:]+)=)?([\d.]+)(?:\(([\d.]*)\))?(?:,|$)", value):
            what = name.format(_TRES.get(tres, tres))
            yield Limit(name=f"{scope}: {what}", allowed=allowed, used=used or None)


def parse_partition_limits(text: str) -> list[Limit]:
    """What a partition allows one job, and whether it runs jobs, of ``scontrol -o show partition``."""
    pairs = parse_pairs(text.partition("\n")[0])
    names = {"MaxTime": "time of one job", "MaxNodes": "nodes of one job", "TotalCPUs": "cores", "State": "state"}
    scope = f"partition {pairs.get('PartitionName', '')}"
    return [Limit(name=f"{scope}: {name}", allowed=pairs[key]) for key, name in names.items() if key in pairs]


DEPENDENCY_FORMAT = "%A|%T"


def dependency_ids(text: str) -> list[str]:
    """Ids that ``afterok:1_*(unfulfilled),afterany:7`` names."""
    return list(dict.fromkeys(re.findall(r":(\d+)", text)))


def parse_dependencies(text: str) -> dict[str, JobState]:
    """The state of each job, from lines in `DEPENDENCY_FORMAT`; of an array, one that has not ended yet."""
    states: dict[str, JobState] = {}
    for line in text.splitlines():
        id_, _, word = line.strip().partition("|")
        state = parse_state(word)
        if id_ and (id_ not in states or not state.ended):
            states[id_] = state
    return states


ENDED_FORMAT = "JobID,State,MaxRSS"


def read_start(words: str) -> tuple[float | None, str]:
    """The moment in ``Job 12 to start at 1795363054 using 16 processors on …``, and the words with it as a person
    reads it; None, and the words as they are, where none is named.
    """
    match = re.search(r"\bto start at (\d{9,11})\b", words)
    if match is None:
        return None, words
    at = float(match[1])
    read = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    return at, words[: match.start(1)] + read + words[match.end(1) :]


def parse_ended(text: str) -> tuple[int | None, str]:
    """The most memory that a step used (bytes, None where it was not measured), and who cancelled the job."""
    peaks: list[int] = []
    by = ""
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 3:
            if match := re.match(r"CANCELLED by (\d+)", fields[1]):
                by = by or match[1]
            if fields[2].strip():
                peaks.append(_bytes(fields[2]))
    return max(peaks, default=None), by


def _bytes(text: str) -> int:
    try:
        return int(str(parse_memory(text)))
    except ValueError:
        return 0
