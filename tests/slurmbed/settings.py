"""What a bed looks like: nodes, lanes, timings, accounts."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lane:
    """One way through the machine: a partition and, with accounting, the QOS that goes with it."""

    partition: str
    qos: str
    tier: int


LANES = (
    Lane("spot", "spot", 1),
    Lane("batch", "normal", 10),
    Lane("interactive", "interactive", 50),
    Lane("urgent", "urgent", 100),
)

# Accounts and the QOS their members may use: `teaching` may not run urgent work.
ACCOUNTS = {
    "research": ("spot", "normal", "interactive", "urgent"),
    "teaching": ("spot", "normal", "interactive"),
}

# Slurm's defaults keep a submitted job waiting up to 3 s before anyone looks at it.
TUNED_SCHEDULER = "batch_sched_delay=0,bf_interval=2,sched_interval=2"


def _default_users() -> dict[str, tuple[str, ...]]:
    return {"ihpc-alice": ("research", "teaching"), "ihpc-bob": ("teaching",)}


@dataclass(frozen=True)
class BedSettings:
    """Everything that can be chosen about a bed; the defaults suit quick tests."""

    cluster: str = "alpha"
    nodes: int = 4
    cpus: int = 4
    memory_mb: int = 16000
    gpus: int = 0
    # Further clusters beside the first, cluster name → nodes. With accounting all share one slurmdbd.
    further_clusters: dict[str, int] = field(default_factory=dict)
    accounting: bool = False
    # User → accounts, the first being the default one.
    users: dict[str, tuple[str, ...]] = field(default_factory=_default_users)
    # Partitions (without accounting) or their QOS (with) whose jobs give way to lanes of a higher tier.
    preempted_lanes: tuple[str, ...] = ("spot",)
    grace_time: int = 0
    slurmd_timeout: int = 15
    kill_wait: int = 5
    message_timeout: int = 10
    min_job_age: int = 300
    # A requeued job is held for this long plus one second; Slurm's default is 120.
    cred_expire: int = 5
    # Empty for Slurm's own scheduling parameters.
    scheduler: str = TUNED_SCHEDULER
    # Further lines for slurm.conf.
    extra: tuple[str, ...] = ()

    def node_names(self, cluster: str) -> list[str]:
        """Return the names of a cluster's nodes."""
        count = self.nodes if cluster == self.cluster else self.further_clusters[cluster]
        return [f"{cluster}{number}" for number in range(1, count + 1)]

    @property
    def clusters(self) -> tuple[str, ...]:
        """The names of all clusters, the first being the bed's own."""
        return (self.cluster, *self.further_clusters)

    def preempts(self, lane: Lane) -> list[Lane]:
        """Return the lanes whose jobs give way to this one."""
        return [other for other in LANES if other.partition in self.preempted_lanes and other.tier < lane.tier]
