"""What a monitoring system and a browser get through the door."""

import asyncio
import json
import sys
import time
from collections.abc import Callable

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ihpc_jupyter.metrics.catalogue import METRICS
from ihpc_jupyter.model.metrics import Responsiveness, Status
from ihpc_jupyter.model.site import Health
from tests.server.conftest import Fetch
from tests.world import REPOSITORY


async def responsiveness(fetch: Fetch, until: Callable[[Responsiveness], bool]) -> Responsiveness:
    """Ask as a pane does until it is so."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = Responsiveness.model_validate_json((await fetch("ihpc", "api", "responsiveness")).body)
        if until(told):
            return told
        await asyncio.sleep(0.2)  # a pane's own pace
    raise AssertionError(f"it never was so: {measured(told)}")


async def all_up(fetch: Fetch) -> Status:
    """The status once nothing is slow any more: one slow answer of a busy machine is told, and rightly so."""
    end = time.monotonic() + 150  # the file system is measured every half minute
    while True:
        last = time.monotonic() > end
        told = Status.model_validate_json((await fetch("ihpc", "api", "status")).body)
        if last or {one.health for one in told.subsystems} == {Health.UP}:
            return told
        await asyncio.sleep(0.5)  # a pane's own pace


def measured(told: Responsiveness) -> set[str]:
    return {series.metric for series in told.series if series.lately.count}


async def test_openmetrics_pass_the_reference_parser(jp_fetch: Fetch) -> None:
    environment = {"python": sys.executable, "directory": str(REPOSITORY)}
    demo = {"name": "demo", "groups": {"main": {"target": 1}}, "environment": environment}
    await jp_fetch("ihpc", "api", "clusters", method="POST", body=json.dumps(demo))
    expected = {"scheduler_latency", "queue_wait", "cluster_start", "io_latency", "head_round_trip", "loop_lag"}
    await responsiveness(jp_fetch, lambda told: expected | {"cores_used"} <= measured(told))
    await all_up(jp_fetch)
    answer = await jp_fetch("ihpc", "api", "metrics")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert all(name.startswith("ihpc_") for name in families)
    assert {f"ihpc_{metric.name}_{metric.unit}" for metric in METRICS.values()} <= set(families)
    requests = families["ihpc_scheduler_requests"]
    assert requests.type == "counter"
    assert requests.samples[0].name == "ihpc_scheduler_requests_total"
    assert requests.samples[0].value > 0
    waits = families["ihpc_queue_wait_seconds"]
    counts = [sample.value for sample in waits.samples if sample.name.endswith("_count")]
    assert counts == [1.0]
    (used,) = [s for s in families["ihpc_cores_used_ratio"].samples if s.labels["lane"] == "interactive"]
    assert 0 <= used.value <= 1
    states = {s.labels["kind"]: s.labels["ihpc_health"] for s in families["ihpc_health"].samples if s.value == 1}
    assert states["scheduler"] == states["file-system"] == states["network"] == "up"


async def test_the_status_names_every_subsystem(jp_fetch: Fetch) -> None:
    await responsiveness(jp_fetch, lambda told: {"scheduler_latency", "io_latency"} <= measured(told))
    told = await all_up(jp_fetch)
    found = {one.kind: one for one in told.subsystems}
    assert set(found) == {"scheduler", "file-system", "agent"}
    for kind in ("scheduler", "file-system"):
        assert found[kind].health is Health.UP
        assert found[kind].number is not None
        assert (found[kind].age or 0) < 60


async def test_who_knows_it_already_is_answered_with_nothing(jp_fetch: Fetch) -> None:
    told = await responsiveness(jp_fetch, lambda told: told.revision > 0)
    for _ in range(20):
        answer = await jp_fetch("ihpc", "api", "responsiveness", params={"after": str(told.revision)})
        if answer.code == 204:
            break
        told = Responsiveness.model_validate_json(answer.body)
    assert (answer.code, answer.body) == (204, b"")


async def test_the_way_to_the_agent_is_told_beside_every_answer(jp_fetch: Fetch) -> None:
    await jp_fetch("ihpc", "api", "ping")
    began = time.perf_counter()
    answer = await jp_fetch("ihpc", "api", "ping")
    took = (time.perf_counter() - began) * 1000
    name, duration = answer.headers["Server-Timing"].split(";dur=")
    assert name == "agent"
    assert 0 < float(duration) < took
