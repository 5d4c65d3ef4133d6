"""The one module that knows Slurm's text: formats that we ask for, and pure parsers of what comes back.

Seen with Slurm 22.05; the options and fields used exist since 20.11.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ihpc_jupyter.errors import IhpcError, Rejected, Unavailable
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.scheduler.fold import Fold, spans
from ihpc_jupyter.scheduler.slurm_amounts import exit_of_pair, exit_of_status, gpus_of, memory_of, number

FIELD = "\x1f"
RECORD = "\x1e"
"""Separators that no sane job name holds; the name comes last, so that one that does harms only itself."""

_FIELDS = (
    "JobArrayID", "State", "Reason", "SubmitTime", "StartTime", "EndTime", "Partition", "QOS", "Account",
    "NumCPUs", "NodeList", "RestartCnt", "PreemptTime", "tres-alloc", "tres-per-node", "NumNodes", "TimeLimit",
    "exit_code", "UserName", "EligibleTime", "Name",
)  # fmt: skip
SQUEUE_FORMAT = ",".join(f"{name}:{RECORD if name == 'Name' else FIELD}" for name in _FIELDS)

_ACCT = (
    "JobID", "State", "Submit", "Start", "End", "Partition", "QOS", "Account", "AllocCPUS", "NodeList",
    "User", "ReqTRES", "NNodes", "Timelimit", "ExitCode", "Eligible", "JobName",
)  # fmt: skip
SACCT_FORMAT = ",".join(_ACCT)

TIMES = {"SLURM_TIME_FORMAT": "%s"}
"""Makes Slurm's commands write times as seconds since 1970 UTC."""

WRITTEN = {**TIMES, "SLURM_BITSTR_LEN": "0"}
"""The same, and the indices of an array in full: Slurm cuts them after 64 characters."""

_STATES = {
    "REQUEUE_HOLD": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "SPECIAL_EXIT": JobState.PENDING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "RESIZING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "STAGE_OUT": JobState.COMPLETING,
    "STOPPED": JobState.SUSPENDED,
    "POWER_UP_NODE": JobState.CONFIGURING,
    "LAUNCH_FAILED": JobState.BOOT_FAIL,
    "RECONFIG_FAIL": JobState.FAILED,
    "UPDATE_DB": JobState.COMPLETING,
    "REVOKED": JobState.CANCELLED,
}

_ID = re.compile(r"\d+(_\d+)?(\+\d+)?", re.ASCII)
_ARRAY = re.compile(r"(\d+)_\[([\d,:-]+)(?:%\d+)?\]", re.ASCII)

_REQUEUED_AHEAD = 30.0
"""A job that completes ended before now; one whose end is further ahead than clocks differ waits again."""


@dataclass(frozen=True)
class Partition:
    """A partition as ``scontrol show partition`` tells it. Times in seconds, None for no limit."""

    name: str
    default: bool
    up: bool
    tier: int
    preempt_mode: str
    grace: float
    max_time: float | None
    default_time: float | None
    cores: int


@dataclass(frozen=True)
class Qos:
    """A quality of service as the accounting tells it. Times in seconds, None for no limit."""

    name: str
    grace: float
    max_time: float | None
    preempts: tuple[str, ...]


@dataclass(frozen=True)
class NodeKind:
    """Nodes of one partition that are alike: cores, memory in bytes and GPUs of each."""

    partition: str
    cores: int
    memory: int
    gpus: int


def parse_squeue(text: str, now: float) -> list[Job]:
    """Jobs of the answer to `SQUEUE_FORMAT`; *now* is the time of asking. Broken records are dropped."""
    return [queue_job(job_id, row, now) for row in records(text) for job_id in expand_ids(row["JobArrayID"])]


def parse_folded(text: str, now: float) -> list[Fold]:
    """The same, with the waiting jobs of an array folded as Slurm folds them."""
    return [fold for row in records(text) if (fold := _fold(row, now))]


def records(text: str) -> Iterator[dict[str, str]]:
    """The fields of each whole record of the answer to `SQUEUE_FORMAT`, by Slurm's names."""
    for record in text.split(RECORD):
        fields = record.lstrip("\r\n").split(FIELD, len(_FIELDS) - 1)
        if len(fields) == len(_FIELDS):
            yield dict(zip(_FIELDS, fields, strict=True))


def _fold(row: dict[str, str], now: float) -> Fold | None:
    word = row["JobArrayID"]
    if match := _ARRAY.fullmatch(word):
        parts = [_indices(part) for part in match[2].split(",")]
        first = next((part[0] for part in parts if part), 0)
        return Fold(queue_job(f"{match[1]}_{first}", row, now), sum(map(len, parts)), match[2])
    return Fold(queue_job(word, row, now)) if _ID.fullmatch(word) else None


def lasting(row: dict[str, str], now: float) -> bool:
    """Whether a record means the same whenever it is read: what it says is not held against the clock."""
    eligible = parse_time(row["EligibleTime"])
    return parse_state(row["State"]) is not JobState.COMPLETING and (eligible is None or eligible <= now)


def queue_job(job_id: str, row: dict[str, str], now: float) -> Job:
    """One job of a record."""
    state = parse_state(row["State"])
    start, end = parse_time(row["StartTime"]), parse_time(row["EndTime"])
    # While a requeued job's processes die, its state reads COMPLETING; but its times are a waiting job's.
    if state is JobState.COMPLETING and (end is None or end > now + _REQUEUED_AHEAD):
        state = JobState.REQUEUED
    # One that ends in the queue has a start all the same: that of its end, or (with its salloc) the expected one.
    never = state.waiting or (state.ended and not given(row["NodeList"]))
    reason = given(row["Reason"])
    if parse_time(row["PreemptTime"]) is not None:
        # A victim that goes by itself within its grace is not requeued and reads COMPLETED.
        state = JobState.PREEMPTED if state in {JobState.COMPLETED, JobState.FAILED} else state
        reason = reason or "Preempted"
    return Job(
        id=job_id,
        name=row["Name"],
        state=state,
        reason=reason,
        partition=given(row["Partition"]),
        qos=given(row["QOS"]),
        account=given(row["Account"]),
        user=given(row["UserName"]),
        cores=number(row["NumCPUs"]),
        nodes=(nodes := number(row["NumNodes"].partition("-")[0])),
        memory=memory_of(row["tres-alloc"]),
        gpus=gpus_of(row["tres-alloc"], row["tres-per-node"], nodes),
        time_limit=parse_limit(row["TimeLimit"]),
        exit_code=exit_of_status(row["exit_code"]) if state.ended else None,
        node="" if state.waiting else given(row["NodeList"]),
        restarts=number(row["RestartCnt"]),
        submitted_at=parse_time(row["SubmitTime"]),
        eligible_at=_past(parse_time(row["EligibleTime"]), now),
        expected_start=start if state.waiting else None,
        started_at=None if never else start,
        ends_at=None if state.waiting else end,
    )


def parse_sacct(text: str) -> list[Job]:
    """Jobs of the answer of ``sacct --parsable2`` to `SACCT_FORMAT`, the latest run of each."""
    jobs: dict[str, Job] = {}
    for line in text.splitlines():
        fields = line.split("|", len(_ACCT) - 1)
        if len(fields) != len(_ACCT):
            continue
        row = dict(zip(_ACCT, fields, strict=True))
        state = parse_state(row["State"])
        for job_id in expand_ids(row["JobID"]):
            earlier = jobs.get(job_id)
            jobs[job_id] = Job(
                id=job_id,
                user=row["User"],
                name=row["JobName"],
                state=state,
                partition=row["Partition"],
                qos=row["QOS"],
                account=row["Account"],
                cores=number(row["AllocCPUS"]),
                nodes=number(row["NNodes"]),
                memory=memory_of(row["ReqTRES"]),
                gpus=gpus_of(row["ReqTRES"]),
                time_limit=parse_limit(row["Timelimit"]),
                exit_code=exit_of_pair(row["ExitCode"]) if state.ended else None,
                node="" if row["NodeList"] == "None assigned" else row["NodeList"],
                restarts=earlier.restarts + 1 if earlier else 0,
                submitted_at=parse_time(row["Submit"]),
                eligible_at=parse_time(row["Eligible"]),
                started_at=None if state.waiting else parse_time(row["Start"]),
                ends_at=parse_time(row["End"]),
            )
    return list(jobs.values())


def parse_state(text: str) -> JobState:
    """A state of ours for Slurm's word; ``CANCELLED by 1000`` and ``COMPLETED+`` are understood."""
    word = text.split(maxsplit=1)[0].rstrip("+") if text.strip() else ""
    if word in JobState.__members__:
        return JobState(word)
    return _STATES.get(word, JobState.UNKNOWN)


def _past(moment: float | None, now: float) -> float | None:
    """A job that may begin from a later time on is not eligible yet, though Slurm tells the time."""
    return moment if moment is not None and moment <= now else None


def parse_time(text: str) -> float | None:
    """Seconds since 1970, or None for ``N/A``, ``Unknown``, ``0`` and nothing."""
    return float(number(text)) or None


def parse_limit(text: str) -> float | None:
    """Seconds of ``2-03:00:00``, ``03:00:00``, ``30:00`` or ``30`` (minutes); None for no limit."""
    match = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,9})(?::(\d{1,2}))?(?::(\d{1,2}))?", text.strip(), re.ASCII)
    if match is None:
        return None
    days = int(match[1] or 0)
    parts = [int(part) for part in match.groups()[1:] if part is not None]
    if match[1] is not None or len(parts) == 3:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    else:
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    return float(days * 86400 + hours * 3600 + minutes * 60 + seconds)


def expand_ids(text: str) -> list[str]:
    """``12``, ``12_3`` as they are; ``12_[0-2,7%4]`` as elements; ``12+1`` (a part) as it is; else none."""
    if match := _ARRAY.fullmatch(text):
        return [f"{match[1]}_{index}" for part in match[2].split(",") for index in _indices(part)]
    return [text] if _ID.fullmatch(text) else []


def _indices(part: str) -> range:
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?(?::(\d{1,9}))?", part, re.ASCII)
    if match is None:
        return range(0)
    first, last = int(match[1]), int(match[2] or match[1])
    return range(first, min(last, first + 4_000_000) + 1, max(1, int(match[3] or 1)))


def compress_ids(ids: Sequence[str]) -> list[str]:
    """Words for ``scancel``: elements of one array become one word, ``12_[0-2,7]``.

    Raises `ValueError` for an id that is none of Slurm's.
    """
    plain: list[str] = []
    arrays: dict[str, list[int]] = {}
    for job_id in dict.fromkeys(ids):
        if _ID.fullmatch(job_id) is None:
            raise ValueError(f"{job_id!r} is no job id of Slurm's")
        root, _, index = job_id.partition("_")
        if index.isdigit():
            arrays.setdefault(root, []).append(int(index))
        else:
            plain.append(job_id)
    return plain + [f"{root}_[{part}]" for root, indices in arrays.items() for part in _ranges(sorted(indices))]


def _ranges(indices: list[int]) -> Iterable[str]:
    words = spans(indices)
    # Slurm refuses very long expressions; some hundred spans a word are safe.
    return [",".join(words[start : start + 200]) for start in range(0, len(words), 200)]


def parse_submitted(text: str) -> str | None:
    """The id from ``sbatch --parsable`` (``123`` or ``123;cluster``, last line), or None."""
    for line in reversed(text.splitlines()):
        if match := re.fullmatch(r"(\d+)(;.*)?", line.strip(), re.ASCII):
            return match[1]
    return None


def clean_error(text: str) -> str:
    """Slurm's own words without the ``sbatch: error:`` before each line, in one line."""
    lines = [re.sub(r"^\w+: (?:(?:error|fatal): )?", "", line.strip()) for line in text.splitlines()]
    return "; ".join(line for line in dict.fromkeys(lines) if line)


_TRANSIENT = re.compile(
    r"unable to contact slurm|socket timed out|connection (?:refused|timed out|reset)|slurm backup controller"
    r"|zero bytes were transmitted|communication|resource temporarily unavailable"
    r"|slurm controller .*not respond|munge|protocol authentication error|temporarily unable to accept job",
    re.IGNORECASE,
)


def is_transient(text: str) -> bool:
    """Whether an error text says that nobody answered, rather than that Slurm refused."""
    return _TRANSIENT.search(text) is not None


def refusal(stderr: str) -> IhpcError:
    """What a command's last words mean: a refusal in Slurm's own words, or that nobody answered."""
    words = clean_error(stderr)
    if not words:  # killed, or ended by something else than Slurm: what it was to do may have been done
        return Unavailable("A command of Slurm's ended without a word.", "It is asked again.")
    if is_transient(words):
        return Unavailable(
            f"Slurm did not answer: {words.rstrip('.')}.", "Its controller may be restarting; it is asked again."
        )
    return Rejected(f"Slurm refused: {words.rstrip('.')}.", "Change what Slurm names, or choose another lane.")


def is_gone(text: str) -> bool:
    """Whether a line of ``scancel`` says only that there is nothing left to cancel."""
    return re.search(r"invalid job id specified|already complet", text, re.IGNORECASE) is not None


def parse_pairs(line: str) -> dict[str, str]:
    """``Key=value Key=value`` of ``scontrol -o``; values hold no blanks there."""
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def parse_partitions(text: str) -> list[Partition]:
    """The partitions of ``scontrol -o show partition``."""
    partitions = []
    for line in text.splitlines():
        pairs = parse_pairs(line)
        if "PartitionName" not in pairs:
            continue
        partitions.append(
            Partition(
                name=pairs["PartitionName"],
                default=pairs.get("Default") == "YES",
                up=pairs.get("State") == "UP" and pairs.get("RootOnly", "NO") == "NO",
                tier=number(pairs.get("PriorityTier", "")),
                preempt_mode=pairs.get("PreemptMode", "OFF"),
                grace=float(number(pairs.get("GraceTime", ""))),
                max_time=parse_limit(pairs.get("MaxTime", "")),
                default_time=parse_limit(pairs.get("DefaultTime", "")),
                cores=number(pairs.get("TotalCPUs", "")),
            )
        )
    return partitions


def parse_setting(text: str, key: str) -> str:
    """One value of ``scontrol show config``; empty when it is not told."""
    match = re.search(rf"^{re.escape(key)}\s*=\s*(.*?)\s*$", text, re.MULTILINE)
    return match[1] if match else ""


SINFO_FORMAT = "%R|%c|%m|%G"


def parse_sinfo(text: str) -> list[NodeKind]:
    """Kinds of nodes of the answer to `SINFO_FORMAT`; ``64+`` (at least) counts as 64."""
    kinds = []
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) == 4:
            cores, memory = (number(field.rstrip("+")) for field in fields[1:3])
            gpus = sum(int(count) for count in re.findall(r"\bgpu(?::[^:,()]+)?:(\d{1,6})", fields[3]))
            kinds.append(NodeKind(fields[0], cores, memory << 20, gpus))
    return kinds


QOS_FORMAT = "name,gracetime,maxwall,preempt"


def parse_qos(text: str) -> list[Qos]:
    """The answer of ``sacctmgr -nP show qos`` to `QOS_FORMAT`."""
    found = []
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 4 and fields[0]:
            grace = parse_limit(fields[1]) or 0.0
            preempts = tuple(word for word in fields[3].split(",") if word)
            found.append(Qos(fields[0], grace, parse_limit(fields[2]), preempts))
    return found


ASSOC_FORMAT = "account,qos,defaultqos"


def parse_associations(text: str) -> dict[str, tuple[str, ...]]:
    """Account → QoS names, of the answer of ``sacctmgr -nP show assoc`` to `ASSOC_FORMAT`."""
    accounts: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) == 3 and fields[0]:
            names = tuple(word for word in fields[1].split(",") if word)
            accounts[fields[0]] = tuple(dict.fromkeys(accounts.get(fields[0], ()) + names))
    return accounts


def given(text: str) -> str:
    """The word, or nothing where Slurm has a word for nothing."""
    text = text.strip()
    return "" if text in {"(null)", "N/A", "n/a", "None", "Unknown"} else text
