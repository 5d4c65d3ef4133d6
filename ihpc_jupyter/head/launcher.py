"""``python -m ihpc_jupyter.head.launcher SPOOL …``: what a worker job runs.

One interpreter imports Dask once and forks the job's worker processes (many times cheaper than starting
each), hands on the batch system's signals, and starts a process again when it crashed, froze or lost the head.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from ihpc_jupyter.cluster.naming import WorkerName
from ihpc_jupyter.head.pulse import run_pulse
from ihpc_jupyter.head.worker import DONE, TRY_AGAIN, WorkerOrder, run_worker
from ihpc_jupyter.model.spool import Spool

MAX_CRASHES = 5
"""Crashes of one process after which its job gives up on it."""
TICK = 1.0
"""Seconds between two looks at the processes when none ends."""
FROZEN = 5.0
"""Seconds that a process may be stopped (SIGSTOP) while its launcher is not, before it is ended."""


@dataclass
class _Process:
    """One of the job's worker processes."""

    index: int
    attempt: int = 0
    crashes: int = 0


class Launcher:
    """Keeps the job's worker processes running until they are told to go."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._spool = Spool(arguments.spool)
        self._running: dict[int, _Process] = {}
        self._pulse = 0
        self._told_to_go = False
        self._started = time.time()
        self._frozen_since: dict[int, float] = {}
        self._looked_at = time.monotonic()

    def run(self) -> int:
        """Start all, wait for all; 0 when the last went in order."""
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, self._hand_on)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        for index in range(self._arguments.processes):
            self._start(_Process(index))
        self._pulse = self._start_pulse()
        worst = 0
        while self._running:
            signal.sigtimedwait({signal.SIGCHLD}, TICK)
            worst = max(worst, self._reap())
            self._end_frozen()
        if self._pulse:
            os.kill(self._pulse, signal.SIGKILL)
        return worst

    def _reap(self) -> int:
        """Look at all that has ended."""
        worst = 0
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == self._pulse:
                self._pulse = 0
            elif process := self._running.pop(pid, None):
                worst = max(worst, self._ended(process, os.waitstatus_to_exitcode(status)))
        return worst

    def _end_frozen(self) -> None:
        """Kill a process that somebody stopped; started again, it is of use. Who was stopped as a whole (a
        suspended job) goes on as a whole: then this process was stopped too, and begins to count anew."""
        now = time.monotonic()
        if now - self._looked_at > 2 * TICK:
            self._frozen_since.clear()
        self._looked_at = now
        frozen = [pid for pid in self._running if _is_stopped(pid)]
        self._frozen_since = {pid: self._frozen_since.get(pid, now) for pid in frozen}
        for pid, since in self._frozen_since.items():
            if now - since >= FROZEN:
                os.kill(pid, signal.SIGKILL)

    def _ended(self, process: _Process, code: int) -> int:
        if code == DONE or self._told_to_go or not self._spool.gate.exists():
            return 0
        if code != TRY_AGAIN:
            process.crashes += 1
            print(f"worker process {process.index} ended with {code}", file=sys.stderr, flush=True)  # noqa: T201
        if process.crashes > MAX_CRASHES:
            return 1
        process.attempt += 1
        self._start(process)
        return 0

    def _start(self, process: _Process) -> None:
        pid = os.fork()
        if pid:
            self._running[pid] = process
            return
        code = 1
        try:
            for number in (signal.SIGUSR1, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            code = asyncio.run(run_worker(self._order(process)))
        except BaseException:
            logging.exception("worker process failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _start_pulse(self) -> int:
        """Fork the pulse; its pid."""
        launcher = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                for number in (signal.SIGUSR1, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
                run_pulse(self._spool, _job(), launcher)
            finally:
                os._exit(0)
        return pid

    def _order(self, process: _Process) -> WorkerOrder:
        restarts = int(os.environ.get("IHPC_RESTARTS", "0"))
        limit = float(os.environ.get("IHPC_TIME_LIMIT", "0"))
        return WorkerOrder(
            spool=self._spool,
            name=WorkerName(self._arguments.name, _job(), restarts, process.index, process.attempt),
            threads=self._arguments.nthreads,
            memory_limit=self._arguments.memory_limit,
            death_timeout=self._arguments.death_timeout,
            grace=float(os.environ.get("IHPC_GRACE", "0")),
            handover=handover(limit),
            ends_at=self._started + limit if limit else None,
        )

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        self._told_to_go = True
        for pid in tuple(self._running):
            os.kill(pid, number)


def _job() -> str:
    return os.environ.get("IHPC_JOB_ID", "unknown")


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    return False


def handover(limit: float) -> float:
    """Seconds before the end of a job of *limit* seconds at which its workers begin to go."""
    return min(60.0, limit / 4)


def main() -> None:
    """Parse dask-jobqueue's words and ours, and run."""
    parser = argparse.ArgumentParser(prog="ihpc-launcher")
    parser.add_argument("spool", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--nthreads", type=int, required=True)
    parser.add_argument("--memory-limit", required=True)
    parser.add_argument("--death-timeout", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    code = Launcher(parser.parse_args()).run()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking Dask apart takes a tenth of a second or two, and somebody may wait for the node


if __name__ == "__main__":
    main()
