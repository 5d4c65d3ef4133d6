"""The elastic cluster on a real Slurm when nothing goes wrong: placements, groups, load, sites, ssh."""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from ihpc_jupyter.model.cluster import ClusterView
from ihpc_jupyter.model.protocol import Report
from tests.far import far_from_slurm
from tests.slurmbed import FaultyCommands, SlurmBed
from tests.world import REPOSITORY, SITE, Agent, Stopwatch, World, until

ENVIRONMENT = {"python": sys.executable, "directory": str(REPOSITORY)}


def create(agent: Agent, name: str, groups: Mapping[str, object], **more: object) -> ClusterView:
    body = {"name": name, "site": SITE, "groups": groups, "environment": ENVIRONMENT, "idle_timeout": 600, **more}
    return ClusterView.model_validate_json(agent.request("POST", "/api/clusters", body))


def test_many_workers_are_one_request_and_the_counts_are_true(world: World) -> None:
    agent = world.agent()
    uid = create(agent, "demo", {"main": {"target": 8}}).uid
    agent.working("demo", 8)
    counts = agent.group("demo").counts
    assert (counts.requested, counts.pending, counts.starting, counts.lost) == (0, 0, 0, 0)
    assert len(world.commands.calls("sbatch")) == 1
    assert sorted(world.queue(uid).values()) == ["RUNNING"] * 8
    agent.scale("demo", 24)
    until(lambda: agent.group("demo").counts.pending == 8, "8 workers wait")
    waiting = [job for job in agent.group("demo").jobs if job.state.waiting]
    assert all(job.reason_text.endswith(".") for job in waiting), "also before Slurm has looked at them"
    until(
        lambda: all(job.reason for job in agent.group("demo").jobs if job.state.waiting), "Slurm's own codes", 20
    )
    waiting = [job for job in agent.group("demo").jobs if job.state.waiting]
    assert all(job.reason and job.reason_text for job in waiting)
    assert len(world.commands.calls("sbatch")) == 2
    agent.scale("demo", 3)
    agent.working("demo", 3)
    until(lambda: len(world.queue(uid)) == 3, "the others have left the queue")


def test_a_head_in_a_job_of_its_own(world: World) -> None:
    agent = world.agent()
    uid = create(agent, "demo", {"main": {"target": 2}}, placement="job").uid
    agent.working("demo", 2)
    head = agent.view("demo").head
    assert head.placement == "job"
    assert head.job_id in world.queue(uid)
    assert len(world.queue(uid)) == 3
    with agent.client("demo") as client:
        assert client.submit(sum, [1, 2, 3]).result(20) == 6
    world.bed.run("scancel", "--signal=KILL", "--full", str(head.job_id))
    until(lambda: agent.view("demo").head.job_id not in (None, head.job_id), "another head is asked for")
    agent.working("demo", 2, 60)
    agent.stop("demo")
    until(lambda: not world.queue(uid), "nothing is left")


def test_groups_with_lanes_and_shapes_of_their_own(world: World) -> None:
    agent = world.agent()
    groups = {
        "main": {"lane": "interactive", "target": 1},
        "pairs": {"lane": "spot", "shape": "pair", "target": 4},
    }
    create(agent, "demo", groups)
    until(lambda: [g.counts.working for g in agent.view("demo").groups.values()] == [1, 4], "1 + 4 workers")
    view = agent.view("demo")
    assert len(view.groups["pairs"].jobs) == 2
    partitions = {job.id: world.bed.job(job.id)["Partition"] for job in view.groups["pairs"].jobs}
    assert set(partitions.values()) == {"spot"}
    agent.request("PATCH", "/api/clusters/demo", {"groups": {"pairs": {"target": 2}}})
    until(lambda: [g.counts.working for g in agent.view("demo").groups.values()] == [1, 2], "1 + 2 workers")


def test_following_the_load_up_at_once_and_down_after_the_idle_time(world: World) -> None:
    agent = world.agent()
    create(agent, "demo", {"main": {"adapt": {"minimum": 0, "maximum": 4, "idle": 3}}})
    until(lambda: agent.view("demo").head.state == "up", "the head is up")
    assert agent.group("demo").target == 0
    release = world.root / "release"
    with agent.client("demo") as client:

        def wait_for(path: Path, _: int) -> bool:
            gone = threading.Event()
            while not path.exists():
                gone.wait(0.05)
            return True

        futures = client.map(lambda number: wait_for(release, number), range(40))
        agent.working("demo", 4, 40)
        release.touch()
        assert all(client.gather(futures))
        del futures
        until(lambda: agent.group("demo").counts.working == 0, "all are let go", 60)
    assert "following the load" in agent.notes("demo")


def test_a_slurm_and_the_embedded_site_side_by_side(world: World) -> None:
    agent = world.agent()
    create(agent, "there", {"main": {"target": 1}})
    body = {"name": "here", "site": "local", "groups": {"main": {"target": 1}}, "environment": ENVIRONMENT}
    agent.request("POST", "/api/clusters", body)
    agent.working("there", 1)
    agent.working("here", 1)
    assert {view.site for view in agent.snapshot().clusters} == {SITE, "local"}


def test_the_account_that_is_charged_is_told(slurm_accounting: SlurmBed, faulty_commands: FaultyCommands) -> None:
    with World(slurm_accounting, faulty_commands) as world:
        agent = world.agent()
        uid = create(agent, "demo", {"main": {"target": 1}}).uid
        agent.working("demo", 1)
        charged = world.bed.run("squeue", "--noheader", "--format=%a").stdout.split()[0]
        assert agent.view("demo").account == charged
        offered = until(
            lambda: next(s.accounts for s in agent.snapshot().sites if s.site.name == SITE), "accounts"
        )
        assert charged in offered
        bad = create(agent, "bad", {"main": {"target": 1}}, account="nobody")
        problem = until(lambda: agent.group(bad.name).problem, "the refusal is told")
        assert "Invalid account" in problem.message
        assert len(world.queue(uid)) == 1


def test_over_ssh_from_a_host_without_slurm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with far_from_slurm(world, monkeypatch):
        agent = world.agent()
        uid = create(agent, "demo", {"main": {"target": 2}}).uid
        agent.working("demo", 2)
        assert len(world.queue(uid)) == 2
        agent.stop("demo")
        until(lambda: not world.queue(uid), "nothing is left")


def test_the_doctor_finds_everything_well_and_names_what_is_not(world: World) -> None:
    agent = world.agent()
    watch = Stopwatch()
    report = Report.model_validate_json(agent.request("POST", f"/api/sites/{SITE}/check"))
    watch.within(10, "the doctor")
    assert [check for check in report.checks if check.outcome == "failed"] == []
    names = {check.name for check in report.checks if check.outcome == "ok"}
    assert {
        "batch system answers",
        "spool directory",
        "versions",
        "clocks",
        "workers reach the head, TLS",
    } <= names
    world.commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    bad = Report.model_validate_json(agent.request("POST", f"/api/sites/{SITE}/check"))
    assert "failed" in {check.outcome for check in bad.checks if check.name == "batch system answers"}
    until(lambda: not world.queue(), "the probe's job has left")
