"""How batch systems other than Slurm are asked for a server's job, each in its own words. Pure.

Written after these systems' manuals and batchspawner's scripts, and tested as text; no such system was run.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.site import Described, Lane, ServerKind, Shape


@dataclass(frozen=True)
class Wanted:
    """What one job asks for: *time_limit* in seconds; *home* is where its output goes. All of it is validated;
    *host* names a server of Torque's or PBS's, the last two are GridEngine's, as its administrators named them.
    """

    lane: Lane
    shape: Shape
    time_limit: float
    home: str
    host: str = ""
    parallel_environment: str = ""
    memory_resource: str = ""


@dataclass(frozen=True)
class System:
    """A batch system's words: *mark* begins each directive, *said* are the options of one job, *time* (of seconds)
    and *memory* (of bytes) are for templates, *cannot* says of keys of lanes and shapes why they are refused;
    *gone* matches what is said of a job that is over; *plain_time* and *plain_memory* are units of plain numbers.
    """

    kind: ServerKind
    mark: str
    said: Callable[[Wanted], Sequence[str]]
    time: Callable[[float], str]
    memory: Callable[[int], str]
    cannot: Mapping[str, str]
    gone: str
    reads_on: bool = False
    """Whether it looks for directives beyond the script's first command, too."""
    script_is_private: bool = True
    """Whether only the job's owner and the staff can read the script: else the environment is the submission's."""
    token_in_file: bool = False
    """Whether others may read script or environment, where a site is not careful: the token is in a file then."""
    plain_time: str = "s"
    plain_memory: str = "B"

    def check_values(self, values: Iterable[str]) -> None:
        """Raises `InvalidRequest` where the system would take a line of these, quoted or not, for its own."""
        if self.reads_on and any(f"\n{self.mark.strip()}" in value for value in values):
            raise InvalidRequest(
                f"A value of the server's environment or command has a line with {self.mark.strip()}."
            )

    def with_units(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Texts of settings by their names; a plain number is in the unit in which this system has it."""
        runtime, memory = texts["runtime"], texts["memory"]
        if self.plain_time == "m" and runtime.count(":") == 1:
            runtime += ":00"  # hours and minutes
        return {
            **texts,
            "runtime": f"{runtime}{self.plain_time}" if runtime.isdigit() else runtime,
            "memory": f"{memory}{self.plain_memory}" if memory.isdigit() else memory,
        }

    def asked(self, wanted: Wanted) -> dict[str, str]:
        """What a job asks for, under the names and in the words that a template of batchspawner's expects."""
        lane, shape = wanted.lane, wanted.shape
        return {
            "queue": lane.partition or "",
            "partition": lane.partition or "",
            "account": lane.account or "",
            "runtime": self.time(wanted.time_limit),
            "memory": self.memory(shape.memory),
            "nprocs": str(shape.cores),
            "ngpus": str(shape.gpus or ""),
        }


def unsaid(system: System, site: Described, *, parallel: bool) -> list[str]:
    """What the site's lanes and shapes ask for that the system has no word for, one line each, by key;
    *parallel*: whether jobs may have several cores."""
    told = [
        f"sites.{site.name}.{table}.{name}.{key}: {why}"
        for table, entries in (("lanes", site.lanes), ("shapes", site.shapes))
        for name, entry in entries.items()
        for key, why in system.cannot.items()
        if getattr(entry, key, None)
    ]
    if not parallel:
        told += [
            f"sites.{site.name}.shapes.{name}.cores: GridEngine has more than one core only in a parallel "
            "environment; name yours: c.IhpcGridengineSpawner.parallel_environment."
            for name, shape in site.shapes.items()
            if shape.cores > 1
        ]
    return told


def clock(seconds: float) -> str:
    """``04:30:00``."""
    whole = math.ceil(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def minutes(seconds: float) -> str:
    """Whole minutes, none cut off."""
    return str(math.ceil(seconds / 60))


def _mib(unit: str) -> Callable[[int], str]:
    return lambda size: f"{size >> 20}{unit}"


def _named(*options: tuple[str, object]) -> list[str]:
    """The options that have a value."""
    return [f"{name}{value}" for name, value in options if value]


def _pbs_family(wanted: Wanted, *resources: str) -> list[str]:
    lane = wanted.lane
    queue = f"{lane.partition or ''}@{wanted.host}" if wanted.host else lane.partition
    return [
        "-S /bin/bash",
        "-N jupyterhub-singleuser",
        "-j oe",
        f"-o {wanted.home}/.jupyterhub.pbs.out",
        "-r n",
        *_named(("-q ", queue), ("-A ", lane.account)),
        f"-l walltime={clock(wanted.time_limit)}",
        *(f"-l {resource}" for resource in resources),
    ]


def _torque(wanted: Wanted) -> list[str]:
    shape = wanted.shape
    gpus = f":gpus={shape.gpus}" if shape.gpus else ""
    return _pbs_family(wanted, f"nodes=1:ppn={shape.cores}{gpus}", f"mem={shape.memory >> 20}mb")


def _moab(wanted: Wanted) -> list[str]:
    lane = wanted.lane
    return [*_torque(wanted), *_named(("-l qos=", lane.qos), ("-l advres=", lane.reservation))]


def _pbs(wanted: Wanted) -> list[str]:
    shape = wanted.shape
    gpus = f":ngpus={shape.gpus}" if shape.gpus else ""
    return _pbs_family(wanted, f"select=1:ncpus={shape.cores}:mem={shape.memory >> 20}mb{gpus}")


def _gridengine(wanted: Wanted) -> list[str]:
    lane, shape = wanted.lane, wanted.shape
    a_slot = math.ceil((shape.memory >> 20) / shape.cores)
    return [
        "-S /bin/bash",
        "-N spawner-jupyterhub",
        "-j yes",
        f"-o {wanted.home}/.jupyterhub.sge.out",
        "-r no",
        *_named(("-q ", lane.partition), ("-P ", lane.account), ("-ar ", lane.reservation)),
        f"-l h_rt={clock(wanted.time_limit)}",
        f"-l {wanted.memory_resource}={a_slot}M",
        *([f"-pe {wanted.parallel_environment} {shape.cores}"] if shape.cores > 1 else []),
    ]


def _lsf(wanted: Wanted) -> list[str]:
    lane, shape = wanted.lane, wanted.shape
    memory = f"{shape.memory >> 20}MB"
    return [
        "-J spawner-jupyterhub",
        f"-o {wanted.home}/.jupyterhub.lsf.out",
        f"-e {wanted.home}/.jupyterhub.lsf.err",
        "-rn",
        *_named(("-q ", lane.partition), ("-P ", lane.account), ("-U ", lane.reservation)),
        f"-W {minutes(wanted.time_limit)}",
        f"-n {shape.cores}",
        f"-M {memory}",
        '-R "select[type==any]"',
        '-R "span[hosts=1]"',
        f'-R "rusage[mem={memory}]"',
        *([f'-gpu "num={shape.gpus}"'] if shape.gpus else []),
    ]


def _condor(wanted: Wanted) -> list[str]:
    shape = wanted.shape
    # Held, or back in the queue after a start: it would not be the server that the hub knows.
    over = "JobStatus == 5 || (JobStatus == 1 && NumJobStarts > 0)"
    late = f"(JobStatus == 2 && time() - JobCurrentStartDate > {math.ceil(wanted.time_limit)})"
    return [
        f"Remote_Initialdir = {wanted.home}",
        f"Output = {wanted.home}/.jupyterhub.condor.out",
        f"Error = {wanted.home}/.jupyterhub.condor.err",
        "ShouldTransferFiles = False",
        "GetEnv = True",
        f"RequestCpus = {shape.cores}",
        f"RequestMemory = {shape.memory >> 20}",
        *_named(("RequestGPUs = ", shape.gpus), ("Accounting_Group = ", wanted.lane.account)),
        f"Periodic_Remove = {over} || {late}",
    ]


def condor_quoted(command: str) -> str:
    """*command* as it stands inside the quotes of ``Arguments = "-c '…'"``, safe from HTCondor's own macros.

    Raises `InvalidRequest` for what cannot be said there.
    """
    if not command.isprintable():
        raise InvalidRequest("HTCondor's Arguments hold no line breaks and no control characters.")
    if "$$(" in command:
        raise InvalidRequest("HTCondor fills $$( in by itself.", "Write the command without it.")
    return command.replace("$", "$(DOLLAR)").replace('"', '""').replace("'", "''")


def condor_description(lines: Sequence[str], options: Sequence[str]) -> str:
    """What ``condor_submit`` reads: *lines* are a shell's, *options* the job's. Raises `InvalidRequest`."""
    command = "\n".join(lines)
    if len(lines) > 1 or not command.isprintable():
        # All of it must stand in one line: the shell itself puts it back.
        escaped = command.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
        command = f"eval $'{escaped}'"
    arguments = f"Arguments = \"-c '{condor_quoted(command)}'\""
    return "\n".join(["Executable = /bin/bash", arguments, *options, "Queue", ""])


_NO_QOS = "this batch system knows no QoS; remove it."
_GONE_OF_PBS = r"Unknown Job|has finished|job_state(>| = )[CEFX]"

TORQUE = System(
    ServerKind.TORQUE, "#PBS ", _torque, clock, _mib("mb"),
    {"qos": _NO_QOS, "reservation": "Torque by itself knows no reservations; Moab does (kind moab)."},
    _GONE_OF_PBS,
)  # fmt: skip
MOAB = System(
    ServerKind.MOAB, "#PBS ", _moab, clock, _mib("mb"), {},
    r'State="(Completed|Removed|Vacated)"|(cannot locate|invalid) job',
)  # fmt: skip
PBS = System(
    ServerKind.PBS, "#PBS ", _pbs, clock, _mib("mb"),
    {"qos": _NO_QOS, "reservation": "a reservation of PBS is a queue; name that queue as partition."},
    _GONE_OF_PBS,
)  # fmt: skip
GRIDENGINE = System(
    ServerKind.GRIDENGINE, "#$ ", _gridengine, clock, _mib("M"),
    {"qos": _NO_QOS,
     "gpus": "GridEngine has no word of its own for GPUs; let a lane's partition be a queue of theirs."},
    r"</job_info>|<job_info\b[^>]*/>",  # the list of all jobs was told, without it
    reads_on=True, token_in_file=True,
)  # fmt: skip
LSF = System(
    ServerKind.LSF, "#BSUB ", _lsf, minutes, _mib("MB"), {"qos": _NO_QOS},
    r"is not found|^(DONE|EXIT|ZOMBI)\b",
    reads_on=True, script_is_private=False, token_in_file=True, plain_time="m",
)  # fmt: skip
CONDOR = System(
    ServerKind.CONDOR, "", _condor, lambda seconds: str(math.ceil(seconds)), _mib(""),
    {"qos": _NO_QOS, "partition": "HTCondor has no queues; c.IhpcCondorSpawner.req_options may hold requirements.",
     "reservation": "HTCondor has no reservations; remove it."},
    r"^[345],",
    script_is_private=False, token_in_file=True, plain_memory="M",
)  # fmt: skip
