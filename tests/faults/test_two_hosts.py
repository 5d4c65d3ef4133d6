"""Two hosts, one home: each agent sees all, changes its own only, and takes over what is orphaned."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ihpc_jupyter.errors import NotAllowed
from tests.slurmbed.programs import find_program
from tests.world import Stopwatch, World, until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a process another host name, or mounts")


@needs_root
def test_agents_leave_each_others_clusters_alone_and_adopt_orphans(world: World) -> None:
    one, two, three = (world.agent(f"login{number}") for number in (1, 2, 3))
    first = one.create("first", 1).uid
    second = two.create("second", 1).uid
    third = three.create("third", 1).uid
    for agent, name in ((one, "first"), (two, "second"), (three, "third")):
        agent.working(name, 1)
    until(lambda: len(one.names()) == len(two.names()) == len(three.names()) == 3, "all see all")
    until(lambda: one.snapshot().foreign == two.snapshot().foreign == (), "nothing is foreign")
    assert two.view("first").holder == "login1"
    assert two.view("second").holder is None
    assert two.group("first").counts.working == 1, "shown as it is, from any host"
    with pytest.raises(NotAllowed, match="login1"):
        two.scale("first", 2)
    with pytest.raises(NotAllowed, match="login1"):
        two.stop("first")
    jobs = set(world.queue())
    assert len(jobs) == 3

    one.kill()
    three.process.send_signal(signal.SIGSTOP)
    watch = Stopwatch()
    until(lambda: two.view("first").holder is None, "a killed agent's cluster is adopted", 60)
    watch.within(45, "agent killed → its cluster adopted on another host (expiry 30 s)")
    assert watch.seconds > 20, "not before the lease had expired"
    until(lambda: two.view("third").holder is None, "a frozen agent's too")
    two.scale("first", 2)
    two.scale("third", 2)
    two.working("first", 2)
    two.working("third", 2)
    three.process.send_signal(signal.SIGCONT)
    until(lambda: three.view("third").holder == "login2", "the frozen one sees that it was relieved")
    until(lambda: three.group("third").counts.working == 2, "and shows what is so")
    assert two.view("third").holder is None
    assert two.group("third").target == 2
    assert jobs < set(world.queue())
    assert not world.commands.calls("scancel")
    assert [len(world.queue(uid)) for uid in (first, second, third)] == [2, 1, 2]


@contextmanager
def mounted(directory: Path, size: str) -> Iterator[Path]:
    """A small file system of its own."""
    directory.mkdir(mode=0o700, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(directory))
    try:
        yield directory
    finally:
        _run("umount", "-l", str(directory))


def _run(program: str, *words: str) -> None:
    subprocess.run([find_program(program), *words], check=True)


def fill(directory: Path) -> Path:
    """Leave no byte free."""
    path = directory / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return path


@needs_root
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_home_that_takes_nothing_loses_nothing(world: World, fault: str) -> None:
    with mounted(world.state, "1m"):
        agent = world.agent()
        uid = agent.create("demo", 1).uid
        agent.working("demo", 1)
        if fault == "full":
            filler = fill(world.state)
        else:
            _run("mount", "-o", "remount,ro", str(world.state))
        agent.scale("demo", 2)
        agent.working("demo", 2)
        problem = until(lambda: agent.view("demo").problem, "it is said")
        assert "cannot be saved" in problem.message
        with pytest.raises(Exception, match="cannot be saved"):
            agent.create("other")
        # The agent may even die meanwhile: what is on disk and in the queue is enough for the next.
        agent.kill()
        second = world.agent()
        until(lambda: second.group("demo").counts.working == 2, "all are seen")
        if fault == "full":
            filler.unlink()
        else:
            _run("mount", "-o", "remount,rw", str(world.state))
        until(lambda: second.view("demo").problem is None and second.view("demo").holder is None, "held again")
        second.scale("demo", 2)
        second.working("demo", 2)
        until(lambda: len(world.queue(uid)) == 2, "two in all")
        assert not world.commands.calls("scancel")
        second.stop("demo")
        until(lambda: second.names() == [], "it can be stopped")
