"""Machines that are full, so that something urgent needs somebody to give way."""

from tests.slurmbed import SlurmBed, wait_until

PATIENCE = 120.0
GIVES_WAY = "exec sleep 100000"
"""A job that ends on SIGTERM."""
STAYS = "trap '' TERM\nwhile :; do sleep 1; done"
"""A job that does not: Slurm kills it in the end."""


def occupy(bed: SlurmBed, script: str = GIVES_WAY, *, spare: int = 0) -> None:
    """Fill every node with one preemptible job; *spare* more wait for any room, as on a busy machine."""
    options = ["--nodes=1", "--ntasks=1", f"--cpus-per-task={bed.settings.cpus}", "--mem=0", "--requeue"]
    for _ in range(len(bed.nodes) + spare):
        bed.submit(*bed.lane_options("spot"), *options, "--output=/dev/null", script=script)
    full(bed)


def full(bed: SlurmBed) -> None:
    """Wait until each node has its preemptible job, and nothing else is there."""
    wait_until(lambda: _full(bed), "the machine is full", PATIENCE)


def _full(bed: SlurmBed) -> bool:
    rows = bed.run("squeue", "--noheader", "--format=%P %T").stdout.split("\n")
    running = [row for row in rows if row == "spot RUNNING"]
    others = [row for row in rows if row and not row.startswith("spot ")]
    return len(running) == len(bed.nodes) and not others
