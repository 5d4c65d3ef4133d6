"""Every series that is measured: name, unit, what it says, by which labels; docs/metrics.md tells the same."""

from dataclasses import dataclass

from ihpc_jupyter.model.metrics import Unit

LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of a histogram's buckets, in seconds, for what should be over in a moment."""
WAITS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 86400.0)
"""The same for what may take its time."""
SHARES = (0.25, 0.5, 0.75, 0.9, 1.0)
"""The same for shares of a whole."""


@dataclass(frozen=True)
class Metric:
    """One metric. *labels*: the names of what distinguishes its series; each has few values."""

    name: str
    unit: Unit
    text: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = LATENCIES


_ALL = (
    Metric("scheduler_latency", "seconds", "Answers to the watcher's questions.", ("site",)),
    Metric("queue_wait", "seconds", "Own jobs from submission to start.", ("site", "lane"), WAITS),
    Metric("queue_hold", "seconds", "Own jobs: held before they queue.", ("site", "lane"), WAITS),
    Metric("queue_eligible", "seconds", "Own jobs: eligible, not started.", ("site", "lane"), WAITS),
    Metric("scheduler_cycle", "seconds", "The scheduler's own last passes.", ("site", "kind")),
    Metric("cluster_start", "seconds", "Stages of clusters' beginnings.", ("site", "stage"), WAITS),
    Metric(
        "run_start", "seconds", "Urgent runs from submission to the user's first line.",
        ("site", "lane", "way"), WAITS,
    ),
    Metric("io_latency", "seconds", "Tiny operations on the file systems.", ("path", "operation")),
    Metric("head_round_trip", "seconds", "From the agent to a cluster's head and back.", ("cluster",)),
    Metric("worker_round_trip", "seconds", "Workers' heartbeats, the median worker.", ("cluster",)),
    Metric("loop_lag", "seconds", "How late the agent's event loop wakes up.", ()),
    Metric("cores_used", "ratio", "Cores in use, of all of a lane.", ("site", "lane"), SHARES),
    Metric("nodes_used", "ratio", "Nodes that run something, of those in order.", ("site",), SHARES),
    Metric("cluster_cpu_used", "ratio", "Cores that its workers keep busy.", ("cluster",), SHARES),
    Metric("cluster_memory_used", "ratio", "Memory that they use.", ("cluster",), SHARES),
)  # fmt: skip

METRICS = {metric.name: metric for metric in _ALL}
"""By name, without prefix and unit."""
