"""Jobs that have to give way: they keep their place, what they had finished moves on, the rest is run again."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

from ihpc_jupyter.cluster.naming import WorkerName, parse_worker_name
from ihpc_jupyter.model.cluster import GroupView
from tests.faults import tasks
from tests.slurmbed import SlurmBed
from tests.world import Agent, Stopwatch, World, until

WHOLE_NODE = ("--cpus-per-task=4", "--nodes=1", "--output=/dev/null")


@contextmanager
def grace(slurm: SlurmBed, seconds: int) -> Iterator[None]:
    """The time that Slurm gives jobs in `spot`."""
    slurm.run("scontrol", "update", "PartitionName=spot", f"GraceTime={seconds}")
    try:
        yield
    finally:
        slurm.run("scontrol", "update", "PartitionName=spot", "GraceTime=0")


def spot_cluster(world: World, workers: int) -> Agent:
    """A cluster `demo` in the lane `spot`; with it the machine is full."""
    agent = world.agent()
    agent.create("demo", workers, lane="spot", shape="node")
    agent.working("demo", workers)
    for _ in range(len(world.bed.nodes) - workers):
        world.bed.wait_for_job(world.bed.submit("--partition=batch", *WHOLE_NODE), "RUNNING")
    return agent


def urgent(slurm: SlurmBed, node: str = "") -> str:
    where = [f"--nodelist={node}"] if node else []
    return slurm.submit("--partition=urgent", *WHOLE_NODE, *where)


def names(client: Client) -> dict[str, WorkerName]:
    """The workers by their job."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    told = [parse_worker_name(worker["name"]) for worker in workers]
    return {name.job: name for name in told if name}


def worker_of(client: Client, job: str) -> str:
    return str(names(client)[job])


def test_without_grace_a_requeued_job_keeps_its_place_and_rejoins(
    world: World, slurm: SlurmBed, tmp_path: Path
) -> None:
    agent = spot_cluster(world, 2)
    client = agent.client("demo")
    jobs = set(agent.jobs("demo"))
    trace = tmp_path / "trace"
    futures = client.map(tasks.traced, [str(trace)] * 20, range(20), [0.5] * 20, pure=False)
    thief = urgent(slurm)
    slurm.wait_for_job(thief, "RUNNING", timeout=60)

    def one_waits() -> GroupView | None:
        group = agent.group("demo")
        counts = group.counts
        return group if (counts.working, counts.pending, counts.requested) == (1, 1, 0) else None

    (victim,) = (job for job in until(one_waits, "one works, one waits").jobs if job.state.waiting)
    assert client.gather(futures) == [bytes([number]) for number in range(20)]
    slurm.run("scancel", thief)
    watch = Stopwatch()
    agent.working("demo", 2)
    watch.within(30, "room again → the requeued worker works")
    assert set(agent.jobs("demo")) == jobs
    assert agent.jobs("demo")[victim.id].restarts == 1
    assert names(client)[victim.id].restarts == 1
    assert "keeps its place" in agent.notes("demo")
    assert len(world.commands.calls("sbatch")) == 1
    assert not world.commands.calls("scancel")
    client.close()


def test_with_grace_results_move_and_only_the_task_that_did_not_fit_is_run_again(
    world: World, slurm: SlurmBed, tmp_path: Path
) -> None:
    world.describe_site(grace=10)
    with grace(slurm, 10):
        agent = spot_cluster(world, 2)
        client = agent.client("demo")
        victim = next(iter(agent.jobs("demo").values()))
        trace = tmp_path / "trace"
        here = {"workers": [worker_of(client, victim.id)], "allow_other_workers": True, "pure": False}
        done = [client.submit(tasks.traced, str(trace), number, size=1000, **here) for number in range(4)]
        client.gather(done)
        fits = client.submit(tasks.traced, str(trace), 10, 4.0, **here)
        does_not = client.submit(tasks.traced, str(trace), 11, 14.0, **here)
        until(lambda: {10, 11} <= set(tasks.traces(trace)), "both run")
        thief = urgent(slurm, victim.node)
        watch = Stopwatch()
        slurm.wait_for_job(thief, "RUNNING", timeout=60)
        watch.within(45, "urgent job submitted → runs (grace 10 s, the victim uses it)")
        assert client.gather([*done, fits, does_not]) == [
            *(bytes([number]) * 1000 for number in range(4)), bytes([10]), bytes([11]),
        ]  # fmt: skip
        assert tasks.traces(trace) == Counter({0: 1, 1: 1, 2: 1, 3: 1, 10: 1, 11: 2})
        assert victim.id not in world.cancelled()
        counts = agent.group("demo").counts
        assert counts.working + counts.pending + counts.requested + counts.starting == 2, "the target stays filled"
        slurm.run("scancel", thief)
        agent.working("demo", 2, 60)
        client.close()


def test_without_survivors_the_card_says_what_was_lost(world: World, slurm: SlurmBed, tmp_path: Path) -> None:
    world.describe_site(grace=10)
    with grace(slurm, 10):
        agent = spot_cluster(world, 1)
        client = agent.client("demo")
        trace = tmp_path / "trace"
        futures = client.map(tasks.traced, [str(trace)] * 3, range(3), pure=False)
        client.gather(futures)
        thief = urgent(slurm)
        until(lambda: "3 finished results lost and will be computed again" in agent.notes("demo"), "said")
        slurm.wait_for_job(thief, "RUNNING", timeout=60)
        slurm.run("scancel", thief)
        agent.working("demo", 1, 60)
        assert client.gather(futures) == [bytes([number]) for number in range(3)]
        assert tasks.traces(trace) == Counter({0: 2, 1: 2, 2: 2})
        assert not world.commands.calls("scancel")
        client.close()
