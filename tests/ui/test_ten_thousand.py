"""Ten thousand jobs of one's own on a real Slurm: server, agent and page stay quick, and as small as they are."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx
import psutil
import pytest
from playwright.sync_api import CDPSession, Locator, expect

from tests.slurmbed import SlurmBed
from tests.slurmbed.fixtures import MakeSlurm
from tests.ui.lab import SECOND, browse
from tests.ui.test_lab_slurm import server_on

TASKS = 4000
"""Of each of three arrays."""
SINGLE = 300
"""Jobs that are of no array: a row each."""
JOBS = 3 * TASKS + SINGLE
QUICK = 100
"""Milliseconds within which a person takes an answer for immediate."""
LARGEST = 180
"""Megabytes of the agent, of which some 75 are there without any job."""
ROUNDS = 8
"""Changes of all tasks, each to be seen in the pane; memory may settle during the first half."""
_LOG = logging.getLogger("ihpc.tests")
HELD = ("--hold", "--output=/dev/null")
WATCH = """() => {
  window.stalls = [];
  new PerformanceObserver(list => window.stalls.push(...list.getEntries().map(one => one.duration)))
    .observe({type: 'longtask'});
}"""
FILTER = """word => new Promise(resolve => {
  const field = document.querySelector('.ihpc-Queue-filter'), began = performance.now();
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, word);
  field.dispatchEvent(new Event('input', {bubbles: true}));
  const told = word ? ' found.' : ' PENDING';
  const look = () => document.querySelector('.ihpc-Queue-age').textContent.includes(told)
    ? requestAnimationFrame(() => resolve(performance.now() - began)) : requestAnimationFrame(look);
  look();
})"""


class Answers:
    """A second client, which asks all the while: *took* has the milliseconds of its requests, by path."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"token {token}"}
        self._http = httpx.Client(base_url=f"{url}ihpc/api", headers=headers, timeout=30)
        self.took: dict[str, list[float]] = {"/ping": [], "/snapshot": [], "/sites/bed/jobs": []}

    @property
    def agent(self) -> int:
        """The process that answers behind the server."""
        return int(self._http.get("/about").json()["pid"])

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Ask again and again until the block ends."""
        done = threading.Event()
        asking = threading.Thread(target=self._ask, args=(done,))
        asking.start()
        try:
            yield
        finally:
            done.set()
            asking.join()

    def _ask(self, done: threading.Event) -> None:
        while not done.wait(0.05):
            for path, took in self.took.items():
                began = time.perf_counter()
                self._http.get(path).raise_for_status()
                took.append(1000 * (time.perf_counter() - began))


def crowd(bed: SlurmBed) -> list[str]:
    """So many jobs that are held; the ids of the three arrays."""
    arrays = [bed.submit(*HELD, f"--array=0-{TASKS - 1}", f"--job-name=sweep{number}") for number in range(3)]
    one = f"sbatch --parsable {' '.join(HELD)} --job-name=row$i --wrap 'exit 0' >/dev/null"
    bed.run("bash", "-c", f"for i in $(seq {SINGLE}); do {one}; done")
    return arrays


class Memory:
    """Megabytes of agent, server and page; the page's after its garbage was collected."""

    def __init__(self, agent: int, server: int, page: CDPSession) -> None:
        self._processes = {"agent": psutil.Process(agent), "server": psutil.Process(server)}
        self._page = page

    def now(self) -> dict[str, float]:
        self._page.send("HeapProfiler.collectGarbage")
        heap = self._page.send("Runtime.getHeapUsage")["usedSize"]
        sizes = {name: process.memory_info().rss / 1e6 for name, process in self._processes.items()}
        return {**sizes, "page": heap / 1e6}


def change(bed: SlurmBed, pane: Locator, arrays: list[str], number: int) -> None:
    """Change every task of the arrays, let one of each go, and see it in the pane."""
    for array in arrays:
        bed.run("scontrol", "update", f"JobId={array}", f"TimeLimit={30 + number}")
    bed.run("scontrol", "release", ",".join(f"{array}_{number}" for array in arrays))
    waiting = f"{JOBS - 3 * (number + 1):,} PENDING"
    expect(pane.locator(".ihpc-Queue-age")).to_contain_text(waiting, timeout=15 * SECOND)


def halves(sizes: list[dict[str, float]]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    return sizes[: ROUNDS // 2], sizes[ROUNDS // 2 :]


@pytest.mark.alone
def test_ten_thousand_jobs_leave_everything_quick_and_small(make_slurm: MakeSlurm) -> None:
    bed = make_slurm(cpus=16, extra=("MaxArraySize=10001", "MaxJobCount=20000"))
    arrays = crowd(bed)
    with server_on(bed) as (server, told), browse(f"{told['url']}lab?token={told['token']}") as lab:
        lab.run("ihpc:open-queue")
        pane = lab.page.locator("#ihpc-queue .ihpc-Queue")
        expect(pane.locator(".ihpc-Queue-age")).to_contain_text(f"{JOBS:,} PENDING", timeout=20 * SECOND)
        answers = Answers(told["url"], told["token"])
        memory = Memory(answers.agent, server.process.pid, lab.page.context.new_cdp_session(lab.page))
        lab.page.evaluate(WATCH)
        sizes = []
        with answers.taken():
            for number in range(ROUNDS):
                change(bed, pane, arrays, number)
                sizes.append(memory.now())
            filtering = [lab.page.evaluate(FILTER, word) for word in ("row1", "", "sweep2", "", "row299", "")]
        stalls = [stall for stall in lab.page.evaluate("window.stalls") if stall > QUICK]
        lab.screenshot(Path("test-results") / "queue-ten-thousand.png")
    slow = {path: round(quantiles(took, n=20)[-1]) for path, took in answers.took.items()}
    _LOG.info("95 %% within %s ms; filtering %s ms; stalls %s ms; MB %s", slow, filtering, stalls, sizes)
    assert max(slow.values()) < QUICK, f"95 % of the answers within {slow} ms"
    assert median(filtering) < QUICK, f"filtering took {filtering} ms"
    assert len(stalls) <= ROUNDS // 4, f"the page stood still for {stalls} ms"
    before, after = ({name: max(size[name] for size in half) for name in sizes[0]} for half in halves(sizes))
    assert all(after[name] < 1.25 * before[name] for name in before), f"memory grows: {sizes}"
    assert after["agent"] < LARGEST, f"the agent has {after['agent']:.0f} MB"
