"""What the head says of its workers and its load, and its diary of what went wrong."""

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.scheduler import Scheduler, WorkerState
from distributed.versions import get_versions

from ihpc_jupyter.cluster.naming import parse_worker_name
from ihpc_jupyter.head.versions import difference
from ihpc_jupyter.model.cluster import Load, Note
from ihpc_jupyter.model.head import LATENCY, SENT, HeadState, WorkerInfo

MAX_NOTES = 50
PULSE_MEMORY = 60.0
"""Seconds after which a pulse that was not felt again is forgotten."""


class Sent:
    """Adds up what workers say that they have sent, those included that have gone or began anew."""

    def __init__(self) -> None:
        self._gone = 0
        self._last: dict[str, int] = {}

    def total(self, now: Mapping[str, int]) -> int:
        """Bytes in all, with the last word of each worker, by address."""
        self._gone += sum(before for worker, before in self._last.items() if now.get(worker, 0) < before)
        self._last = dict(now)
        return self._gone + sum(now.values())


class Diary(SchedulerPlugin):
    """Notes what a person should know, and wakes those who follow the head's state."""

    name = "ihpc-diary"

    def __init__(self) -> None:
        self.notes: deque[Note] = deque(maxlen=MAX_NOTES)
        self.changed = asyncio.Event()
        self.pulses: dict[str, float] = {}
        """When the pulse of each job was last felt (seconds since 1970)."""
        self.sent = Sent()
        self._own = get_versions()
        self._told: set[str] = set()

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """A worker registered: the first of each kind that differs from the head is told in one line."""
        state = scheduler.workers[worker]
        text = difference(self._own, state.versions)
        if text and text not in self._told:
            self._told.add(text)
            self.note(f"On {state.host}: {text}. Results may not be readable across versions.", "warning")
        self.changed.set()

    def remove_worker(self, scheduler: Scheduler, worker: str, *, stimulus_id: str, **kwargs: object) -> None:
        """A worker left, or was given up."""
        self.changed.set()

    def add_client(self, scheduler: Scheduler, client: str) -> None:
        """A client connected."""
        self.changed.set()

    def feel(self, jobs: Iterable[str]) -> None:
        """The pulses of these jobs, now; those that stopped long ago are forgotten."""
        now = time.time()
        self.pulses = {job: at for job, at in self.pulses.items() if now - at < PULSE_MEMORY}
        self.pulses.update(dict.fromkeys(jobs, now))

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """A client left."""
        self.changed.set()

    def log_event(self, topic: str, msg: Any) -> None:
        """Dask's event log: the place where it says what a lost worker took with it."""
        if topic != "all" or not isinstance(msg, dict) or msg.get("action") != "remove-worker":
            return
        recomputed, scattered = len(msg["lost-computed-tasks"]), len(msg["lost-scattered-tasks"])
        again = 0 if msg["expected"] else len(msg["processing-tasks"])
        if text := _loss(recomputed, scattered, again):
            self.note(text, "warning" if scattered == 0 else "error")

    def note(self, text: str, level: str = "info") -> None:
        """Write one line."""
        self.notes.append(Note.model_validate({"at": time.time(), "level": level, "text": text}))
        self.changed.set()


def _loss(recomputed: int, scattered: int, again: int) -> str:
    parts = []
    if recomputed:
        parts.append(f"{recomputed} finished {_results(recomputed)} lost and will be computed again")
    if scattered:
        parts.append(f"{scattered} scattered {_results(scattered)} lost for good")
    if again:
        parts.append(f"{again} running or assigned {'task' if again == 1 else 'tasks'} will be run again")
    return f"A worker left: {'; '.join(parts)}." if parts else ""


def _results(count: int) -> str:
    return "result" if count == 1 else "results"


def describe(scheduler: Scheduler, diary: Diary) -> HeadState:
    """The head's state now. Touches each worker once, no task."""
    now = time.time()
    return HeadState(
        at=now,
        address=scheduler.address,
        workers=tuple(
            info
            for worker in scheduler.workers.values()
            if (info := _worker_info(worker, now, diary.pulses)) is not None
        ),
        load=_load(scheduler, diary.sent),
        idle_since=scheduler.idle_since,
        notes=tuple(diary.notes),
    )


def _worker_info(worker: WorkerState, now: float, pulses: Mapping[str, float]) -> WorkerInfo | None:
    name = parse_worker_name(str(worker.name))
    if name is None:
        return None
    return WorkerInfo(
        name=str(worker.name),
        group=name.group,
        job=name.job,
        host=worker.host,
        leaving=worker.status.name.startswith("closing"),
        silent=max(0.0, now - max(worker.last_seen, pulses.get(name.job, 0.0))),
        processing=len(worker.processing),
        memory=int(worker.metrics.get("memory") or 0),
    )


def _load(scheduler: Scheduler, sent: Sent) -> Load:
    workers = scheduler.workers.values()
    return Load(
        tasks=len(scheduler.tasks),
        processing=sum(len(worker.processing) for worker in workers),
        threads=scheduler.total_nthreads,
        memory=sum(int(worker.metrics.get("memory") or 0) for worker in workers),
        memory_limit=sum(worker.memory_limit for worker in workers),
        desired=scheduler.adaptive_target(),
        clients=sum(1 for client in scheduler.clients if client != "fire-and-forget"),
        cpu=sum(float(worker.metrics.get("cpu") or 0.0) for worker in workers) / 100,
        round_trip=_median([float(seconds) for worker in workers if (seconds := worker.metrics.get(LATENCY))]),
        sent=sent.total({worker.address: int(worker.metrics.get(SENT) or 0) for worker in workers}),
    )


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
