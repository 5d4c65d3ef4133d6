"""The site file: defaults, merging, locks, mistakes told all at once, and a Slurm found by itself."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ihpc_jupyter.agent.requests import find_site
from ihpc_jupyter.errors import InvalidRequest, NotFound
from ihpc_jupyter.model.site import Lane, Shape, SiteKind
from ihpc_jupyter.scheduler.base import Offers
from ihpc_jupyter.scheduler.slurm_offers import lane_name, propose
from ihpc_jupyter.scheduler.slurm_text import NodeKind, Partition, Qos
from ihpc_jupyter.sites.discovery import discover, propose_site
from ihpc_jupyter.sites.file import load_settings, site_file_paths
from ihpc_jupyter.sites.jobqueue import JobqueueDefaults, read_jobqueue_defaults
from tests.asynchronous import run
from tests.slurmbed import SlurmBed

CENTRE = """
locked = ["sites.centre.lanes.urgent", "agent.mode"]
[agent]
mode = "session"
[sites.centre]
kind = "slurm"
spool = "/scratch/spool"
polling.rest = 20
[sites.centre.shapes]
small = { cores = 2, memory = "4GiB" }
[sites.centre.lanes.urgent]
partition = "urgent"
max_workers = 8
[sites.centre.lanes.batch]
partition = "batch"
time_limit = "4h"
"""


class Files:
    """A system-wide and a user's site file in a directory of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.system, self.user = directory / "system.toml", directory / "user.toml"
        self.environment = {
            "HOME": str(directory),
            "IHPC_SYSTEM_SITE_FILE": str(self.system),
            "IHPC_SITE_FILE": str(self.user),
        }

    def mistakes(self) -> list[str]:
        """The lines of the error that reading them raises, without the first."""
        with pytest.raises(InvalidRequest) as caught:
            load_settings(self.environment)
        assert caught.value.hint
        return caught.value.message.splitlines()[1:]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_without_files_there_is_this_host(files: Files) -> None:
    found = load_settings(files.environment)
    (site,) = found.sites.values()
    assert (site.name, site.kind, found.files) == ("local", SiteKind.LOCAL, ())
    assert set(site.lanes) == {"interactive", "urgent", "batch", "spot"}
    priorities = {name: lane.priority for name, lane in site.lanes.items()}
    assert priorities["urgent"] > priorities["interactive"] > priorities["batch"] > priorities["spot"]
    assert [name for name, lane in site.lanes.items() if lane.preemptible] == ["spot"]
    assert site.shapes["small"] == Shape(cores=1, memory=1 << 30)
    assert site.shapes["medium"] == Shape(cores=2, memory=2 << 30)
    assert (found.agent.mode, site.default_lane, site.default_shape) == ("detached", "interactive", "small")


def test_the_users_file_is_merged_key_by_key(files: Files) -> None:
    files.system.write_text(CENTRE)
    files.user.write_text('[sites.centre.lanes.batch]\ntime_limit = "90m"\n[sites.centre.lanes.mine]\nqos = "q"\n')
    found = load_settings(files.environment)
    site = found.sites["centre"]
    assert (site.lanes["batch"].partition, site.lanes["batch"].time_limit) == ("batch", 5400.0)
    assert set(site.lanes) == {"urgent", "batch", "mine"}
    assert (site.polling.rest, found.agent.mode, list(found.sites)) == (20, "session", ["centre"])
    assert found.files == (files.system, files.user)


def test_who_describes_local_in_part_gets_the_rest(files: Files) -> None:
    files.user.write_text("[sites.local]\nslots = 3\n")
    site = load_settings(files.environment).sites["local"]
    assert (site.slots, len(site.lanes)) == (3, 4)


def test_a_site_for_the_hubs_servers_only_is_none_of_the_agents(files: Files) -> None:
    table = "kind = 'pbs'\nlanes.short.partition = 'short'\nshapes.small.cores = 1\n"
    files.system.write_text(f"[sites.big]\n{table}")
    found = load_settings(files.environment)
    assert list(found.sites) == ["local"]
    assert found.server_sites["big"].lanes["short"].partition == "short"
    with pytest.raises(NotFound) as refused:
        find_site("big", found.sites)
    assert "Sites: local." in refused.value.hint
    assert "kind slurm or local" in refused.value.hint


def test_locked_keys_stay(files: Files) -> None:
    files.system.write_text(CENTRE)
    files.user.write_text(
        'locked = ["agent"]\n[agent]\nmode = "detached"\n[sites.centre.lanes.urgent]\nmax_workers = 64\n'
    )
    lines = files.mistakes()
    assert len(lines) == 3
    assert all(line.startswith(f"{files.user}: ") and str(files.system) in line for line in lines)
    assert any("agent.mode: locked by" in line for line in lines)
    assert any("sites.centre.lanes.urgent.max_workers: locked by" in line for line in lines)
    assert any("only the system-wide file" in line for line in lines)


@pytest.mark.parametrize("around", ["sites = 3", "[sites]\ncentre = 3", "[sites.centre]\nlanes = 3"])
def test_a_lock_is_not_gone_round_by_replacing_what_is_above(files: Files, around: str) -> None:
    files.system.write_text(CENTRE)
    files.user.write_text(f"{around}\n")
    assert any("locked by" in line for line in files.mistakes())


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("colour = 1", "colour", "allowed here: agent, locked, sites"),
        ("locked = 3", "locked", "write a list of keys"),
        ("sites = 3", "sites", "a table for each site"),
        ('[agent]\nmode = "forever"', "agent.mode", "'detached' or 'session' (given: 'forever')"),
        ("agent = 3", "agent", "(given: 3)"),
        ("[sites.local]\nslot = 3", "sites.local.slot", "did you mean slots?"),
        ("[sites.local]\nname = 'x'", "sites.local.name", "the table's own name"),
        ("[sites.Local]\nkind = 'local'", "sites.Local", "lower-case letters"),
        ("[sites.a]", "sites.a.kind", "this key is needed"),
        ("[sites.a]\nkind = 'oar'", "sites.a.kind", "'local' or 'slurm'"),
        ("[sites.a]\nkind = 'oar'", "sites.a.kind", "for the hub's servers only: torque"),
        ("[sites.a]\nkind = 'pbs'\nspool = '/x'", "sites.a.spool", "no such key; allowed here: kind, lanes"),
        ("[sites.a]\nkind = 'pbs'", "sites.a.lanes", "this key is needed"),
        ("[sites.local]\ntransport = 'ssh a b'", "sites.local.transport", "ssh HOST"),
        ("[sites.local]\nspool = 'here'", "sites.local.spool", "an absolute path"),
        ("[sites.local]\nsnapshot = 'here'", "sites.local.snapshot", "an absolute path"),
        ("[sites.local]\nsnapshot = '~/here'", "sites.local.snapshot", "an absolute path"),
        ("[sites.local]\nmetrics = 'file:///etc/passwd'", "sites.local.metrics", "file:///etc/passwd"),
        ("[sites.local]\nsnapshot = 3", "sites.local.snapshot", "given: 3"),
        ("[sites.local]\nsnapshot = '/here'", "sites.local", 'kind = "slurm" and transport = "direct" only'),
        ("[sites.local]\nhead.lane = 'x'", "sites.local", "choose one of interactive"),
        ("[sites.local.lanes.a]\nmax_workers = -1", "sites.local.lanes.a.max_workers", "given: -1"),
        ("[sites.local.lanes.a]\nmax_workers = '3'", "sites.local.lanes.a.max_workers", "given: '3'"),
        ("[sites.local.lanes.a]\npartition = 'a b'", "sites.local.lanes.a.partition", "one word"),
        ("[sites.local.lanes.a]\ntime_limit = 'soon'", "sites.local.lanes.a.time_limit", "1:30:00"),
        ("[sites.local.lanes.a]\ntime_limit = nan", "sites.local.lanes.a.time_limit", "given: nan"),
        ("[sites.local.shapes.a]\nmemory = '2 apples'", "sites.local.shapes.a.memory", "2GiB"),
        ("[sites.local.shapes.a]\nprocesses = 9", "sites.local.shapes.a", "needs a core"),
        ('[sites.local]\nprologue = ["a\\nb"]', "sites.local.prologue.0", "one printable line"),
    ],
)
def test_a_mistake_names_file_key_and_what_is_allowed(files: Files, text: str, key: str, words: str) -> None:
    files.system.write_text(text + "\n")
    assert any(line.startswith(f"{files.system}: {key}: ") and words in line for line in files.mistakes()), (
        files.mistakes()
    )


def test_all_mistakes_are_told_at_once_each_with_its_own_file(files: Files) -> None:
    files.system.write_text(CENTRE.replace('"4h"', '"soon"'))
    files.user.write_text("[sites.centre.lanes.mine]\nmax_workers = -1\nbig = 1\n[sites.b]\nkind = 1\n")
    lines = files.mistakes()
    assert sum(line.startswith(f"{files.system}: sites.centre.lanes.batch.time_limit") for line in lines) == 1
    assert sum(line.startswith(f"{files.user}: sites.centre.lanes.mine") for line in lines) == 2
    assert sum(line.startswith(f"{files.user}: sites.b.kind") for line in lines) == 1


def test_broken_files_are_named_with_their_line(files: Files) -> None:
    files.system.write_text("a = 1\nb = = 2\n")
    files.user.write_bytes(b"\xff\xfe")
    first, second = files.mistakes()
    assert str(files.system) in first
    assert "line 2" in first
    assert str(files.user) in second
    assert "UTF-8" in second
    files.user.unlink()
    files.user.mkdir()
    assert any("cannot be read" in line for line in files.mistakes())


def test_where_the_files_are() -> None:
    system, user = site_file_paths({"HOME": "/home/a", "XDG_CONFIG_HOME": "/c"})
    assert (str(system), str(user)) == ("/etc/ihpc/site.toml", "/c/ihpc/site.toml")
    assert str(site_file_paths({"HOME": "/home/a"})[1]) == "/home/a/.config/ihpc/site.toml"


_keys = st.sampled_from(["agent", "sites", "locked", "local", "lanes", "shapes", "mode", "kind", "x", "head"])
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(table=st.dictionaries(_keys, _values, max_size=4))
def test_no_table_brings_anything_but_a_clean_error(
    files: Files, monkeypatch: pytest.MonkeyPatch, table: Mapping[str, object]
) -> None:
    files.system.write_text("")
    files.user.write_text("x")
    with monkeypatch.context() as patch:
        patch.setattr("ihpc_jupyter.sites.file.tomllib.loads", lambda text: table if text else {})
        with suppress(InvalidRequest):
            load_settings(files.environment)


def partition(name: str, **more: object) -> Partition:
    values: dict[str, object] = {
        "name": name, "default": False, "up": True, "tier": 1, "preempt_mode": "OFF", "grace": 0.0,
        "max_time": None, "default_time": None, "cores": 100,
    }  # fmt: skip
    return Partition(**{**values, **more})  # type: ignore[arg-type]


def test_lanes_are_proposed_from_partitions_and_qos() -> None:
    partitions = [
        partition("Spot_1", preempt_mode="REQUEUE", grace=30.0),
        partition("main", default=True, tier=10, max_time=7200.0),
        partition("closed", up=False, tier=99),
    ]
    qos = [Qos("urgent", 0.0, 600.0, ("normal",)), Qos("other", 0.0, None, ()), Qos("normal", 0.0, None, ())]
    nodes = [NodeKind("main", 64, 256 << 30, 0), NodeKind("main", 32, 64 << 30, 4)]
    offers = propose(partitions, "preempt/partition_prio", nodes, qos, {"lab": ("normal", "urgent")})
    assert list(offers.lanes) == ["main", "spot-1", "urgent"]
    assert (offers.lanes["spot-1"].preemptible, offers.lanes["spot-1"].grace) == (True, 30.0)
    assert (offers.lanes["main"].max_time, offers.lanes["main"].preemptible) == (7200.0, False)
    assert (offers.lanes["urgent"].qos, offers.lanes["urgent"].time_limit) == ("urgent", 600.0)
    assert (offers.accounts, offers.shapes["node"].cores) == (("lab",), 32)
    assert offers.shapes["gpu"].gpus == 1


@given(st.text())
def test_any_partition_gets_a_name_of_ours(text: str) -> None:
    assert Offers(lanes={lane_name(text): Lane()})
    propose_site(Offers(lanes={lane_name(text): Lane()}, shapes={"s": Shape()}), JobqueueDefaults())


JOBQUEUE = """
jobqueue:
  slurm:
    queue: batch
    account: lab
    walltime: '02:00:00'
    cores: 4
    memory: 8 GB
    processes: 2
    job-script-prologue: ["module load x"]
    python: null
  pbs: {queue: other}
"""


def test_dask_jobqueues_configuration_is_the_proposals_preference(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "dask"
    config.mkdir(parents=True)
    config.joinpath("jobqueue.yaml").write_text(JOBQUEUE)
    more = tmp_path / "more.yaml"
    more.write_text("jobqueue: {slurm: {account: mine, cores: 6, job_script_prologue: [a, b]}}")
    defaults = read_jobqueue_defaults({"HOME": str(tmp_path), "DASK_CONFIG": str(more)})
    offers = Offers(
        lanes={"debug": Lane(partition="debug"), "batch": Lane(partition="batch", max_time=3600)},
        shapes={"small": Shape()},
    )
    site = propose_site(offers, defaults)
    assert (site.proposed, site.default_lane, site.default_shape) == (True, "batch", "jobqueue")
    assert site.lanes["batch"].time_limit == 3600
    assert {lane.account for lane in site.lanes.values()} == {"mine"}
    assert site.shapes["jobqueue"] == Shape(cores=6, memory=8 << 30, processes=2)
    assert site.prologue == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "jobqueue: 3",
        "- a",
        "jobqueue: {slurm: {queue: 'a b; rm', cores: x, walltime: soon}}",
        "a: [",
        "\0",
        "!!python/x y",
    ],
)
def test_a_broken_dask_configuration_is_not_used(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert read_jobqueue_defaults({"HOME": str(tmp_path), "DASK_CONFIG": str(path)}) == JobqueueDefaults()


def test_a_slurm_that_answers_is_found(slurm: SlurmBed, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", slurm.env["SLURM_CONF"])
    monkeypatch.setenv("HOME", files.environment["HOME"])
    directory = Path(files.environment["HOME"]) / "run"
    found = run(discover(load_settings(files.environment), directory))
    assert list(found.sites) == ["local", "slurm"]
    site = found.sites["slurm"]
    assert site.proposed
    assert site.lanes["spot"].preemptible
    assert site.shapes["node"].cores == slurm.settings.cpus
    files.system.write_text(CENTRE)
    assert list(run(discover(load_settings(files.environment), directory)).sites) == ["centre"]
    files.system.write_text("[agent]\ndiscover = false\n")
    assert list(run(discover(load_settings(files.environment), directory)).sites) == ["local"]


def test_no_slurm_no_proposal(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Path(files.environment["HOME"])
    monkeypatch.setenv("SLURM_CONF", "/nonexistent/slurm.conf")
    assert list(run(discover(load_settings(files.environment), directory)).sites) == ["local"]
    monkeypatch.setenv("PATH", "/nonexistent")
    assert list(run(discover(load_settings(files.environment), directory)).sites) == ["local"]
