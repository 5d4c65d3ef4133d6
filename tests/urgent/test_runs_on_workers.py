"""Urgent runs on the own cluster's workers: at once where one is idle, first where none is."""

from ihpc_jupyter.model.run import Plan, RunState, WayKind
from tests.faults import tasks
from tests.slurmbed import SlurmBed
from tests.urgent.orders import ended, look, output, planned, reached, run_script, settled
from tests.world import Agent, Stopwatch, World, until


def with_workers(world: World, workers: int) -> Agent:
    agent = world.agent()
    agent.create("demo", workers)
    agent.working("demo", workers)
    return agent


def test_an_idle_worker_takes_it_at_once(world: World, slurm: SlurmBed) -> None:
    agent = with_workers(world, 2)
    slurm.fill("urgent")
    before = len(world.commands.calls("srun"))
    over = ended(agent, run_script(agent, "echo $PPID; echo hello", cluster="demo").id)
    assert over.state is RunState.SUCCEEDED, over.problem
    assert over.attempts[0].way is WayKind.IDLE_WORKERS
    assert output(over).splitlines()[-1] == "hello"
    assert len(world.commands.calls("srun")) == before
    assert settled(agent, over.id).core_hours == 0


def test_busy_workers_are_left_alone_unless_told(world: World) -> None:
    agent = with_workers(world, 1)
    with agent.client("demo") as client:
        trace, release = world.root / "trace", world.root / "release"
        future = client.submit(tasks.held, str(trace), 1, str(release), pure=False)
        until(lambda: tasks.traces(trace)[1] == 1, "the task runs")
        until(lambda: agent.view("demo").load.processing == 1, "the agent knows")
        plan = Plan.model_validate_json(agent.request("POST", "/api/runs/plan", {"cluster": "demo"}))
        assert plan.chosen is WayKind.ALLOCATION
        over = ended(agent, run_script(agent, "echo hello", cluster="demo").id)
        assert over.attempts[0].way is WayKind.ALLOCATION
        told = ended(agent, run_script(agent, "echo hello", cluster="demo", let_go=True).id)
        assert told.state is RunState.SUCCEEDED
        assert told.attempts[0].way is WayKind.OWN_WORKERS
        release.touch()
        assert future.result(timeout=60)
        assert tasks.traces(trace)[1] == 2, "what was broken off is run again"


def test_on_a_full_machine_it_is_next_on_busy_workers(world: World, slurm: SlurmBed) -> None:
    agent = with_workers(world, 1)
    slurm.fill("urgent")
    with agent.client("demo") as client:
        trace, after, release = (world.root / name for name in ("trace", "after", "release"))
        runs = client.submit(tasks.held, str(trace), 1, str(release), pure=False)
        until(lambda: tasks.traces(trace)[1] == 1, "the task runs")
        waits = client.submit(tasks.traced, str(after), 2, pure=False)
        until(lambda: agent.view("demo").load.processing == 2, "the agent knows")
        until(
            lambda: planned(agent, cluster="demo", shape="node").chosen is WayKind.OWN_WORKERS,
            "that it is full is known",
        )
        view = run_script(agent, f"[ -e {after} ] || echo first", cluster="demo", shape="node")
        until(lambda: agent.view("demo").load.processing == 3, "it waits on the worker, too")
        release.touch()
        over = ended(agent, view.id)
        assert over.state is RunState.SUCCEEDED, over.problem
        assert over.attempts[0].way is WayKind.OWN_WORKERS
        assert output(over) == "first\n", "waiting tasks give way"
        assert runs.result(timeout=60)
        assert waits.result(timeout=60)
        assert tasks.traces(trace)[1] == 1, "and running ones are left alone"


def test_on_a_full_machine_workers_that_got_work_meanwhile_take_it_next(world: World, slurm: SlurmBed) -> None:
    agent = with_workers(world, 1)
    slurm.fill("urgent")
    with agent.client("demo") as client:
        until(
            lambda: planned(agent, cluster="demo", shape="node").otherwise is WayKind.OWN_WORKERS,
            "that it is full is known",
        )
        trace, release = world.root / "trace", world.root / "release"
        runs = client.submit(tasks.held, str(trace), 1, str(release), pure=False)
        until(lambda: tasks.traces(trace)[1] == 1, "the task runs")  # what the agent hears a moment later
        view = run_script(agent, "echo next", cluster="demo", shape="node")
        until(lambda: agent.view("demo").load.processing == 2, "it waits on the worker")
        release.touch()
        over = ended(agent, view.id)
        assert over.state is RunState.SUCCEEDED, over.problem
        assert {one.way for one in over.attempts} <= {WayKind.IDLE_WORKERS, WayKind.OWN_WORKERS}
        assert runs.result(timeout=60)
        assert tasks.traces(trace)[1] == 1, "nothing was broken off"


def test_a_worker_killed_under_it_costs_one_more_attempt(world: World) -> None:
    agent = with_workers(world, 1)
    uid = agent.view("demo").uid
    trace = world.root / "trace"
    text = f'echo run >> {trace}; [ "$(wc -l < {trace})" -ge 2 ] || sleep 600; echo done'
    view = run_script(agent, text, cluster="demo")
    reached(agent, view.id, RunState.RUNNING)
    assert look(agent, view.id).attempts[0].way is WayKind.IDLE_WORKERS
    watch = Stopwatch()
    for worker in world.workers(uid):
        worker.kill()
    over = ended(agent, view.id)
    watch.within(15, "worker killed → answer")
    assert over.state is RunState.SUCCEEDED
    assert [attempt.way for attempt in over.attempts] == [WayKind.IDLE_WORKERS, WayKind.ALLOCATION]
    assert trace.read_text() == "run\nrun\n"


def test_cancelling_breaks_it_off_and_leaves_the_worker(world: World) -> None:
    agent = with_workers(world, 1)
    uid = agent.view("demo").uid
    (worker,) = [process.pid for process in world.workers(uid)]
    view = run_script(agent, "sleep 600", cluster="demo")
    reached(agent, view.id, RunState.RUNNING)
    agent.request("DELETE", f"/api/runs/{view.id}")
    until(lambda: agent.view("demo").load.processing == 0, "the worker is free again")
    assert [process.pid for process in world.workers(uid)] == [worker]
    assert list(world.queue(uid).values()) == ["RUNNING"]
