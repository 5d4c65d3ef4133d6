"""Servers of a hub beside stock batchspawner's, on the same real Slurm, interleaved. ``make bench-spawn``.

Click to kernel: from the order of a JupyterLab to the answer of a kernel in it, through the hub's proxy, on an
idle machine. Its parts: *queue* until the job's first line runs, *boot* until the hub says that the server is
ready, *connect* until a new kernel has computed something. Then many tiny servers at once: what Slurm's controller
is asked beyond the submissions, by its own count of requests from commands, until all are up.
Both hubs have the same JupyterHub, proxy, users and single-user program; the peer is at its defaults.
"""

import argparse
import asyncio
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from benchmarks.figures import Figures
from tests.hub.hub import REPOSITORY, Hub, explain_missing, progress, running_hub
from tests.slurmbed import BedSettings, SlurmBed, wait_until

USER = "ihpc-alice"
PATIENCE = 300
BIN = Path(sys.executable).parent

_BOTH = """
c.Spawner.env_keep.append("SLURM_CONF")
c.Spawner.env_keep.append("PYTHONPATH")
c.BatchSpawnerBase.req_prologue = "date +%s.%N >{began}"

def choose_program(spawner):
    if spawner.name:
        spawner.cmd = [{tiny!r}]

c.Spawner.pre_spawn_hook = choose_program
"""

_PEER = """
import batchspawner
c.JupyterHub.spawner_class = batchspawner.MultiSlurmSpawner
c.MultiSlurmSpawner.daemon_resolver = {addresses!r}
c.BatchSpawnerBase.exec_prefix = "runuser -u {{username}} --"
c.BatchSpawnerBase.batchspawner_singleuser_cmd = {wrapper!r}
c.Spawner.cmd = [{program!r}]
c.BatchSpawnerBase.req_partition = "interactive"
c.BatchSpawnerBase.req_runtime = "60"
c.BatchSpawnerBase.req_memory = "1G"
c.BatchSpawnerBase.req_nprocs = "1"
"""

_ASKED = ("REQUEST_JOB_INFO", "REQUEST_JOB_USER_INFO", "REQUEST_NODE_INFO", "REQUEST_RESERVATION_INFO")
"""Messages of which a command that asks sends one; what it sends besides is counted apart."""

_DAEMONS = ("NODE_REG", "EPILOG", "COMPLETE", "STEP", "PING", "STATS", "CONTROL", "CONF", "HEALTH", "SUBMIT")
"""In the names of messages of Slurm's own daemons, of `sdiag`, and of the submissions."""


@contextmanager
def hub_of(bed: SlurmBed, place: Path, more: str = "") -> Iterator[Hub]:
    """A hub whose named servers are tiny, and whose jobs write down when they began."""
    both = _BOTH.format(began=place / "began", tiny=str(place / "tiny"))
    with running_hub(bed, both + more) as hub:
        yield hub


def click_to_kernel(hub: Hub, place: Path, figures: Figures, name: str) -> None:
    """One Lab, from its order to a kernel's answer; stopped afterwards."""
    (place / "began").write_text("")
    clicked = time.time()
    hub.order(USER)
    last = list(progress(hub, USER))[-1]
    ready = time.time()
    if not last.get("ready"):
        raise AssertionError(last)
    asyncio.run(_answer_of_a_kernel(hub))
    answered = time.time()
    began = float((place / "began").read_text())
    parts = {
        "": answered - clicked,
        "_queue": began - clicked,
        "_boot": ready - began,
        "_connect": answered - ready,
    }
    for part, seconds in parts.items():
        figures.add(f"{name}{part}", seconds)
    hub.stop_servers()


async def _answer_of_a_kernel(hub: Hub) -> None:
    """Start a kernel in the user's server and let it compute, as a browser would."""
    headers = {"Authorization": f"token {hub.token}"}
    base = f"{hub.url}/user/{USER}/api/kernels"
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        kernel = (await http.post(base, json={"name": "python3"})).raise_for_status().json()["id"]
    message = {
        "header": {
            "msg_id": "one", "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3",
        },
        "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
        "content": {
            "code": "6 * 7", "silent": False, "store_history": False, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        },
    }  # fmt: skip
    address = f"{base.replace('http', 'ws', 1)}/{kernel}/channels"
    socket = await websocket_connect(HTTPRequest(address, headers=headers))
    await socket.write_message(json.dumps(message))
    while True:
        told = json.loads(await socket.read_message() or "")
        if told["msg_type"] == "execute_result" and told["parent_header"].get("msg_id") == "one":
            socket.close()
            return


def many(bed: SlurmBed, hub: Hub, count: int, figures: Figures, name: str) -> None:
    """So many tiny servers at once: seconds until all are up; requests and messages a second."""
    before = messages(bed)
    began = time.time()
    with hub.api as api:
        for number in range(count):
            api.post(f"/users/{USER}/servers/s{number}").raise_for_status()
    wait_until(lambda: _all_up(hub, count), f"{count} servers", PATIENCE)
    seconds = time.time() - began
    told = messages(bed)
    sent = {kind: number - before.get(kind, 0) for kind, number in told.items()}
    print(f"{name}: {sent} in {seconds:.1f} s", file=sys.stderr)
    asked = sum(number for kind, number in sent.items() if kind.startswith(_ASKED))
    figures.add(f"{name}_{count}_up", seconds)
    figures.add(f"{name}_requests_per_s", asked / seconds)
    figures.add(f"{name}_messages_per_s", sum(sent.values()) / seconds)
    hub.stop_servers()


def _all_up(hub: Hub, count: int) -> bool:
    told = hub.servers(USER)
    return len(told) == count and all(server["ready"] for server in told.values())


def messages(bed: SlurmBed) -> dict[str, int]:
    """Messages from commands that the controller has counted so far, by kind, submissions left out."""
    rows = re.findall(r"^\s*([A-Z_]+)\s+\(\s*\d+\) count:(\d+)", bed.run("sdiag").stdout, re.MULTILINE)
    return {name: int(count) for name, count in rows if not any(word in name for word in _DAEMONS)}


@contextmanager
def hubs(bed: SlurmBed) -> Iterator[tuple[Path, dict[str, Hub]]]:
    """Both hubs, and where their jobs write down when they began."""
    place = Path(tempfile.mkdtemp(prefix="ihpc-spawn-", dir="/tmp"))
    place.chmod(0o755)
    (place / "began").touch()
    (place / "began").chmod(0o666)
    tiny = REPOSITORY / "tests" / "hub" / "tiny_server.py"
    (place / "tiny").write_text(f"#!{sys.executable}\n{tiny.read_text()}")
    (place / "tiny").chmod(0o755)
    addresses = {name: node.host for name, node in bed.plan.nodes.items()}
    wrapper, program = (str(BIN / name) for name in ("batchspawner-singleuser", "jupyterhub-singleuser"))
    peer = _PEER.format(addresses=addresses, wrapper=wrapper, program=program)
    try:
        with hub_of(bed, place) as ours, hub_of(bed, place, peer) as theirs:
            yield place, {"ours": ours, "batchspawner": theirs}
    finally:
        shutil.rmtree(place)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10, help="Labs of each")
    parser.add_argument("--spawns", type=int, default=50, help="tiny servers at once")
    parser.add_argument("--raw", type=Path, help="a file for all values")
    chosen = parser.parse_args()
    if missing := explain_missing():
        sys.exit(f"No hub can be started: {missing}.")
    figures = Figures()
    settings = BedSettings(cpus=max(4, -(-chosen.spawns // 4)), memory_mb=64000)
    with SlurmBed(settings) as bed, hubs(bed) as (place, both):
        for _ in range(chosen.n):
            for name, hub in both.items():
                click_to_kernel(hub, place, figures, name)
        for name, hub in both.items():
            many(bed, hub, chosen.spawns, figures, name)
    print(figures.table(), file=sys.stderr)
    if chosen.raw:
        figures.write(chosen.raw)
    print(json.dumps({
        "click_to_kernel_median_s": figures.median("ours"),
        "batchspawner_median_s": figures.median("batchspawner"),
        "requests_per_s_50": figures.median("ours_requests_per_s"),
        "batchspawner_requests_per_s_50": figures.median("batchspawner_requests_per_s"),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
