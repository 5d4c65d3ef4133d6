"""Slurm's text about room: free cores, reservations, what runs in which lane. Pure, as `slurm_text` is."""

from dataclasses import dataclass

from ihpc_jupyter.scheduler.slurm_amounts import number
from ihpc_jupyter.scheduler.slurm_text import given, parse_pairs, parse_time


@dataclass(frozen=True)
class Reservation:
    """A reservation as ``scontrol show reservation`` tells it; *partition* None for any."""

    name: str
    active: bool
    users: tuple[str, ...]
    partition: str | None
    starts_at: float | None = None
    ends_at: float | None = None
    nodes: str = ""
    maintenance: bool = False


def parse_reservations(text: str) -> list[Reservation]:
    """Reservations, one a line; none of ``No reservations in the system``."""
    rows = [parse_pairs(line) for line in text.splitlines()]
    return [
        Reservation(
            row["ReservationName"],
            row.get("State") == "ACTIVE",
            tuple(user for user in given(row.get("Users", "")).split(",") if user),
            given(row.get("PartitionName", "")) or None,
            parse_time(row.get("StartTime", "")),
            parse_time(row.get("EndTime", "")),
            given(row.get("Nodes", "")),
            "MAINT" in row.get("Flags", "").split(","),
        )
        for row in rows
        if "ReservationName" in row
    ]


CORES_FORMAT = "%R|%C"
LANE_FORMAT = "%P|%q"


def parse_cores(text: str) -> dict[str, tuple[int, int]]:
    """Free and all cores of each partition, from ``PARTITION|allocated/idle/other/total`` a line."""
    cores: dict[str, tuple[int, int]] = {}
    for line in text.splitlines():
        partition, _, counts = line.strip().rpartition("|")
        numbers = [number(count) for count in counts.split("/")]
        if partition and len(numbers) == 4:
            free, total = cores.get(partition, (0, 0))
            cores[partition] = free + numbers[1], total + numbers[3]
    return cores


def parse_lane(line: str) -> tuple[str, str]:
    """Partition and QoS of a line of `LANE_FORMAT`."""
    partition, _, qos = line.strip().partition("|")
    return partition, given(qos)
