"""Probes: what is slow shows, what hangs hangs alone, nothing is measured for nobody."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ihpc_jupyter.agent.history import MAX_ROWS, History, is_local
from ihpc_jupyter.agent.ioprobe import IoProbe, IoTimes, measure, probes_of
from ihpc_jupyter.agent.meter import Meter
from ihpc_jupyter.agent.probes import Paces, Probes
from ihpc_jupyter.metrics.health import SLOW_FILES, STALE, Reading, judge
from ihpc_jupyter.metrics.series import Sample
from ihpc_jupyter.model.job import Job, JobState
from ihpc_jupyter.model.metrics import Point, Status, Subsystem
from ihpc_jupyter.model.site import Health
from ihpc_jupyter.scheduler.watcher import JobsSnapshot
from ihpc_jupyter.sites.file import default_local_site
from tests.asynchronous import run, until

QUICK = Paces(lag=0.02, heads=0.05, cores=0.05, files=0.05, duty=1.0)


class Disk:
    """A directory that is as slow as it is told to be."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.error: OSError | None = None
        self.measured = 0
        self.hanging: threading.Event | None = None

    def __call__(self, directory: Path) -> IoTimes:
        self.measured += 1
        if self.hanging is not None:
            self.hanging.wait(30)
        if self.error is not None:
            raise self.error
        began = time.perf_counter()
        time.sleep(self.delay)  # the injected delay itself
        times = measure(directory)
        return IoTimes(time.perf_counter() - began, times.read, times.metadata)


@asynccontextmanager
async def probing(directory: Path, disk: Disk) -> Any:
    meter = Meter(History(directory), [])
    probes = Probes(meter, {}, {}, {str(directory): IoProbe(str(directory), operation=disk)}, QUICK)
    running = asyncio.create_task(probes.run())
    try:
        yield meter, probes
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        meter.close()


def files(status: Status) -> Subsystem:
    return next(one for one in status.subsystems if one.kind == "file-system")


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    if made.hanging is not None:
        made.hanging.set()


def test_a_measurement_is_real_and_leaves_nothing(tmp_path: Path) -> None:
    times = measure(tmp_path)
    assert min(times.write, times.read, times.metadata) > 0
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_measured_for_nobody(tmp_path: Path, disk: Disk) -> None:
    async def story() -> None:
        async with probing(tmp_path, disk) as (meter, probes):
            await asyncio.sleep(0.3)  # many paces long: the silence itself is what is looked at
            assert (disk.measured, meter.revision) == (0, 0)
            assert files(probes.status()).health is Health.UNKNOWN
            probes.look()
            await until(lambda: meter.revision > 5, "samples")

    run(story())


def test_a_slow_file_system_is_degraded_by_its_number_and_comes_back(tmp_path: Path, disk: Disk) -> None:
    async def story() -> None:
        async with probing(tmp_path, disk) as (meter, probes):
            probes.look()
            await until(lambda: files(probes.status()).health is Health.UP, "up")
            disk.delay = SLOW_FILES + 0.3
            series = meter.board.find("io_latency", str(tmp_path), "write")
            # A sample that the machine itself has made slow is none of the disk's; another one comes.
            most = disk.delay * 1.05
            await until(lambda: disk.delay <= series.samples[-1].value <= most, "the delay shows, and no more")
            assert files(probes.status()).health is Health.DEGRADED
            disk.delay = 0.0
            await until(lambda: files(probes.status()).health is Health.UP, "up")

    run(story())


def test_one_that_refuses_is_down_in_its_own_words(tmp_path: Path, disk: Disk) -> None:
    async def story() -> None:
        async with probing(tmp_path, disk) as (_, probes):
            disk.error = OSError(28, "No space left on device")
            probes.look()
            await until(lambda: files(probes.status()).health is Health.DOWN, "down")
            assert files(probes.status()).detail == "No space left on device"

    run(story())


def test_one_that_hangs_holds_up_nothing_and_is_asked_once(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ihpc_jupyter.agent.probes.SILENT_FILES", 3600.0)

    async def story() -> None:
        disk.hanging = threading.Event()
        async with probing(tmp_path, disk) as (meter, probes):
            probes.look()
            await until(lambda: files(probes.status()).health is Health.DEGRADED, "degraded")
            monkeypatch.setattr("ihpc_jupyter.agent.probes.SILENT_FILES", 1.0)
            await until(lambda: files(probes.status()).health is Health.DOWN, "down")
            before = meter.revision
            await until(
                lambda: meter.revision > before + 3, "lag goes on"
            )  # the loop's lag is measured all the while
            assert disk.measured == 1
            disk.hanging.set()
            await until(lambda: files(probes.status()).health is Health.UP, "up")

    run(story())


def test_an_old_number_proves_nothing() -> None:
    reading = Reading(9.0, at=1000.0)
    assert judge("network", "demo", reading, 0.5, 1001.0).health is Health.DEGRADED
    assert judge("network", "demo", reading, 0.5, 2000.0).health is Health.UNKNOWN


def test_a_directory_that_two_sites_name_is_measured_once() -> None:
    site = default_local_site()
    other = site.model_copy(update={"name": "hpc", "io_probes": (site.spool, "/scratch")})
    assert list(probes_of([site, other])) == [site.spool, "/scratch"]
    assert probes_of([site.model_copy(update={"io_probes": ()})]) == {}


def test_samples_survive_the_agent_and_no_start_is_counted_twice(tmp_path: Path) -> None:
    now = time.time()
    first = Meter(History(tmp_path), ["hpc"])
    first.add(Sample(now, 4.0, "7"), "queue_wait", "hpc", "batch")
    first.close()
    second = Meter(History(tmp_path), ["hpc"])
    (series,) = second.responsiveness(900).series
    assert (series.metric, series.labels, series.lately.count) == (
        "queue_wait",
        {"site": "hpc", "lane": "batch"},
        1,
    )
    assert series.points == (Point(at=now, value=4.0),)
    assert list(second.board.keys("queue_wait")) == ["7"]
    second.close()


def test_many_who_ask_at_once_cost_one_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ihpc_jupyter.agent.meter.FRESH", 60.0)
    meter = Meter(History(tmp_path), [])
    first = meter.responsiveness(900)
    meter.add(Sample(time.time(), 0.1), "loop_lag")
    assert all(meter.responsiveness(900) is first for _ in range(50))
    assert meter.responsiveness(3600).series[0].lately.count == 1
    monkeypatch.setattr("ihpc_jupyter.agent.meter.FRESH", 0.0)
    assert meter.responsiveness(900).revision == first.revision + 1
    meter.close()


def test_the_database_is_bounded_and_a_broken_one_begins_anew(tmp_path: Path) -> None:
    history = History(tmp_path)
    rows = [("loop_lag", (), Sample(float(at), 0.1)) for at in range(MAX_ROWS + 500)]
    history.save(rows, oldest=100.0)
    kept = history.load()
    assert len(kept) == MAX_ROWS
    assert kept[0][2].at == 500.0
    history.close()
    (tmp_path / "metrics.db").write_bytes(b"no database" * 1000)
    again = History(tmp_path)
    again.save(rows[:3], oldest=0.0)
    assert len(again.load()) == 3
    again.close()


def test_this_machines_temporary_directory_is_its_own(tmp_path: Path) -> None:
    assert is_local(tmp_path)


def test_silence_is_unknown_an_error_is_down() -> None:
    silent = Reading(9.0, at=1000.0, error="no answer", silent=True)
    refused = Reading(9.0, at=1000.0, error="read-only")
    assert judge("network", "demo", silent, 0.5, 1001.0).health is Health.UNKNOWN
    assert judge("file-system", "/scratch", refused, 0.5, 1001.0).health is Health.DOWN


def test_what_is_slow_is_measured_less_but_before_it_is_stale() -> None:
    paces = Paces(duty=100)
    assert (paces.rest(30, 0.1), paces.rest(30, 1), paces.rest(30, 60)) == (30, 100, STALE / 2)


def test_what_waited_when_a_site_fell_silent_is_not_said_to_have_waited_longer(tmp_path: Path) -> None:
    now = time.time()
    meter = Meter(History(tmp_path), ["hpc"])
    job = Job(
        id="7", name="a", state=JobState.PENDING, lane="batch", submitted_at=now - 100, eligible_at=now - 100
    )
    last = JobsSnapshot({"7": job}, now - 40, now - 40, latency=0.1, health=Health.UP)
    meter.answered("hpc", last)
    (series,) = [one for one in meter.board if one.metric.name == "queue_wait"]
    assert meter.waiting(series, now) == pytest.approx([100.0], abs=1.0)
    meter.answered("hpc", replace(last, failures=1))
    assert meter.waiting(series, now) == pytest.approx([60.0], abs=1.0)
    told = next(one for one in meter.responsiveness(900).series if one.metric == "queue_wait")
    assert told.lately.age == pytest.approx(40.0, abs=2.0)
    assert told.lately.waiting == 1
    meter.answered("hpc", replace(last, answered_at=now))
    assert meter.waiting(series, now) == pytest.approx([100.0], abs=1.0)
