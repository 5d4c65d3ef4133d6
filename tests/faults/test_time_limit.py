"""Jobs end at their time limit; computations do not."""

from pathlib import Path

import pytest

from tests.faults import tasks
from tests.world import Stopwatch, World, until

TASKS, SECONDS = 45, 2.0


@pytest.mark.timeout(240)
def test_a_computation_outlives_its_workers_and_nothing_is_computed_twice(world: World, tmp_path: Path) -> None:
    agent = world.agent()
    agent.create("demo", 1, time_limit="60s")
    agent.working("demo", 1)
    first = next(iter(agent.jobs("demo").values()))
    client = agent.client("demo")
    trace = tmp_path / "trace"
    watch = Stopwatch()
    futures = client.map(tasks.traced, [str(trace)] * TASKS, range(TASKS), [SECONDS] * TASKS, pure=False)
    until(lambda: f"Job {first.id} reaches its time limit" in agent.notes("demo"), "warned", 60)
    watch.within(45, "warned before the end")
    until(lambda: len(agent.jobs("demo")) == 2, "a successor is there in time")
    assert first.id in agent.jobs("demo"), "before the first has gone"
    until(lambda: first.id not in world.queue(), "the first job has ended", 60)
    watch.within(62, "the first job left before its limit")
    assert client.gather(futures) == [bytes([number % 256]) for number in range(TASKS)]
    watch.within(150, f"{TASKS * SECONDS:g} s of tasks on one worker at a time")
    assert watch.seconds > 60, "it lasted longer than one job may"
    assert set(tasks.traces(trace).values()) == {1}
    notes = agent.notes("demo")
    assert "lost" not in notes
    assert "silent or gone" not in notes
    assert not world.commands.calls("scancel"), notes
    client.close()
