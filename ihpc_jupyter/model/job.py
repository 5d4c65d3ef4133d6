"""Job: one batch job as the batch system tells it."""

from enum import StrEnum

from ihpc_jupyter.model.base import Model, Time


class JobState(StrEnum):
    """Slurm's words, and one of ours: UNKNOWN means that nobody answered, never that the job is gone."""

    PENDING = "PENDING"
    CONFIGURING = "CONFIGURING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    REQUEUED = "REQUEUED"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    PREEMPTED = "PREEMPTED"
    NODE_FAIL = "NODE_FAIL"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    BOOT_FAIL = "BOOT_FAIL"
    DEADLINE = "DEADLINE"
    UNKNOWN = "UNKNOWN"

    @property
    def waiting(self) -> bool:
        """In the queue, also again after a preemption."""
        return self in _WAITING

    @property
    def active(self) -> bool:
        """Holds nodes."""
        return self in _ACTIVE

    @property
    def ended(self) -> bool:
        """Ends or has ended, and will not run again under this id without a requeue."""
        return self not in _ALIVE


# Asked of each of ten thousand jobs with each answer.
_WAITING = frozenset({JobState.PENDING, JobState.REQUEUED})
_ACTIVE = frozenset({JobState.CONFIGURING, JobState.RUNNING, JobState.SUSPENDED})
_ALIVE = _WAITING | _ACTIVE | {JobState.UNKNOWN}


class Job(Model):
    """One batch job (an array's element is a job of its own). Times in seconds since 1970 UTC."""

    id: str
    user: str = ""
    """Whose it is, where that is told."""
    name: str
    state: JobState
    reason: str = ""
    """The batch system's own code for why it waits or ended; empty when it gives none."""
    lane: str = ""
    partition: str = ""
    qos: str = ""
    account: str = ""
    cores: int = 0
    nodes: int = 0
    """How many nodes it has, or asks for; 0 where that is not told (memory, GPUs alike)."""
    memory: int = 0
    """Bytes of the whole job."""
    gpus: int = 0
    time_limit: float | None = None
    """Seconds; None for no limit, or where it is not told."""
    exit_code: int | None = None
    """What an ended job ended with; minus the signal that killed it."""
    node: str = ""
    restarts: int = 0
    submitted_at: Time | None = None
    eligible_at: Time | None = None
    """Since when only the queue keeps it waiting; None while something else does: a hold, a dependency, a time."""
    expected_start: Time | None = None
    started_at: Time | None = None
    ends_at: Time | None = None
    """When the time limit ends it."""
