"""The cluster as an object, with and without `await`, and from the command line: on the embedded site."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ihpc_jupyter import AsyncCluster, Cluster
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError, InvalidRequest, NotFound, Rejected, Unavailable
from ihpc_jupyter.kernel.cluster import MIME
from ihpc_jupyter.model.protocol import API_VERSION
from tests.lab_slurm import Workplace, workplace

KEPT = ("IHPC_STATE", "IHPC_RUNTIME", "IHPC_SITE_FILE", "IHPC_SYSTEM_SITE_FILE")


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    """A home with the embedded site; this process lives in it."""
    with workplace() as made, pytest.MonkeyPatch.context() as patch:
        for name in KEPT:
            patch.setenv(name, made.environment[name])
        yield made


def ihpc(place: Workplace, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command line."""
    program = "import sys; from ihpc_jupyter.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", program, *words]
    return subprocess.run(argv, env=place.environment, capture_output=True, text=True, timeout=60, check=False)


def test_importing_the_package_imports_no_dask(place: Workplace) -> None:
    program = "import sys, ihpc_jupyter.server.routes, ihpc_jupyter.cli; print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_cluster_from_a_notebook(place: Workplace) -> None:
    cluster = Cluster("sync", workers=2, cores=1, memory="400MiB")
    try:
        with cluster.client() as client:
            assert client.submit(sum, [1, 2, 3]).result(30) == 6
            assert client.dashboard_link == "/ihpc/dashboard/sync/status"
        cluster.wait_for_workers(2, timeout=30)
        assert Cluster.find("sync").view.uid == cluster.view.uid
        bundle = cluster._repr_mimebundle_()
        assert bundle[MIME] == {"name": "sync"}
        assert "<table>" in bundle["text/html"]
        assert "2/2 workers" in bundle["text/plain"]
        assert "ihpc_jupyter.head.launcher" in cluster.script().text
        assert "Scheduler" in cluster.log().text
        for wrong in (-1, 2.5, "many", 10**9, None):
            with pytest.raises(InvalidRequest):
                cluster.scale(wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest, match="minimum"):
            cluster.adapt(5, 2)
        with pytest.raises(InvalidRequest, match="at most 64"):
            cluster.scale(65)
        with pytest.raises(NotFound, match="no group"):
            cluster.scale(1, group="other")
        assert cluster.view.groups["main"].target == 2
        with pytest.raises(Unavailable, match="Waited"):
            cluster.wait_for_workers(50, timeout=0.3)
    finally:
        cluster.stop()
    with pytest.raises((NotFound, Rejected)):
        cluster.wait_for_workers(3, timeout=20)


def test_the_same_with_await(place: Workplace) -> None:
    async def life() -> None:
        async with await AsyncCluster.open("aio", groups={"a": {"target": 1}, "b": {"lane": "spot"}}) as cluster:
            await cluster.wait_for_workers(1, timeout=30)
            view = await cluster.adapt(0, 3, idle=60, group="b")
            assert view.groups["b"].adapt is not None
            client = await cluster.client()
            assert await client.submit(sum, [1, 2, 3]) == 6
            await client.close()
            await cluster.stop()
        with pytest.raises(InvalidRequest):
            await AsyncCluster.open("Bad Name")
        with pytest.raises(InvalidRequest, match="shape"):
            await AsyncCluster.open("other", cores=0)
        with pytest.raises(NotFound, match="no lane"):
            await AsyncCluster.open("other", lane="fast")
        with pytest.raises(NotFound):
            await AsyncCluster.open("other", create=False)

    asyncio.run(life())


def test_from_a_terminal(place: Workplace) -> None:
    assert ihpc(place, "create", "shell", "--workers", "1", "--lane", "interactive").returncode == 0
    Cluster.find("shell").wait_for_workers(1, timeout=30)
    assert "shell" in ihpc(place, "list").stdout
    shown = ihpc(place, "show", "shell").stdout
    assert "1 working" in shown
    assert re.search(r"^tasks 0, 0 in work; memory [\d.]+M of .*; sent -; clients 0$", shown, re.MULTILINE)
    assert "target 2" in ihpc(place, "scale", "shell", "2").stdout
    assert ihpc(place, "adapt", "shell", "0", "2").returncode == 0
    assert "ihpc_jupyter.head.launcher" in ihpc(place, "script", "shell").stdout
    assert "Scheduler" in ihpc(place, "log", "shell").stdout
    told = ihpc(place, "sites").stdout
    assert "interactive" in told
    assert re.search(r"asked .* ago; [1-9]\d* requests to the batch system since the agent started", told)
    assert "agent 0.1.0" in ihpc(place, "agent").stdout
    assert ihpc(place, "stop", "shell").returncode == 0
    wrong = ihpc(place, "scale", "nobody", "2")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("ihpc: There is no cluster 'nobody'.")
    assert "Traceback" not in wrong.stderr
    doctor = ihpc(place, "doctor", "local")
    assert doctor.returncode == 0, doctor.stdout
    assert "workers reach the head, TLS" in doctor.stdout
    assert not [
        secret for secret in ("PRIVATE KEY", os.environ.get("JUPYTER_TOKEN") or "\0") if secret in doctor.stdout
    ]


def test_versions_are_compared_before_the_first_request(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pid() -> int:
        async with AgentClient() as client:
            return (await client.about()).pid

    first = asyncio.run(pid())
    monkeypatch.setattr("ihpc_jupyter.client.agent.API_VERSION", 0)
    with pytest.raises(Unavailable, match=f"speaks version {API_VERSION} of the API, this program version 0"):
        asyncio.run(pid())
    monkeypatch.setattr("ihpc_jupyter.client.agent.API_VERSION", API_VERSION + 1)
    with pytest.raises(Unavailable, match=f"this program version {API_VERSION + 1}"):
        asyncio.run(pid())
    monkeypatch.undo()
    assert asyncio.run(pid()) != first, "the old one was asked to leave"


def test_errors_say_what_to_do_next() -> None:
    error = NotFound("There is no lane.", "Lanes: a, b.")
    assert str(error) == "There is no lane. Lanes: a, b."
    assert issubclass(NotFound, IhpcError)
