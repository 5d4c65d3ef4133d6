"""Keeps a cluster's head running: the first one, and another when one is proved dead."""

import asyncio
import contextlib
import os
import signal
import time

from ihpc_jupyter.agent import headstart
from ihpc_jupyter.agent.case import Case
from ihpc_jupyter.cluster.naming import HEAD_GROUP, parse_job_name
from ihpc_jupyter.errors import IhpcError, Unavailable
from ihpc_jupyter.identity import this_host
from ihpc_jupyter.model.cluster import ClusterState, Problem

HEAD_PATIENCE = 60.0
"""Seconds that a head may take to come up on this host."""
HEAD_FAILURES = 3
"""Failed starts of a head in a row after which a cluster is given up."""


class Heads:
    """Looks after the head of one cluster."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._started_at = 0.0
        self._pid: int | None = None
        self._failures = 0

    def retry(self) -> None:
        """Forget earlier failures."""
        self._failures = 0

    def runs_here(self) -> bool:
        """Whether a head of this cluster is known to run on this host."""
        if self._pid is not None and headstart.is_child_running(self._pid):
            return True
        file = self._case.link.file
        return file is not None and file.process.host == this_host() and not headstart.head_is_dead(file)

    def end(self) -> None:
        """Kill whatever `runs_here` told of."""
        file = self._case.link.file
        if self._pid is not None:
            headstart.end_child(self._pid)
        if file is not None and file.process.host == this_host() and not headstart.head_is_dead(file):
            with contextlib.suppress(ProcessLookupError):
                os.kill(file.process.pid, signal.SIGKILL)

    def job_id(self) -> str | None:
        """The head's own job, where it has one that has not ended."""
        for job in self._case.sight().jobs.values():
            tag = parse_job_name(job.name)
            if tag and tag.group == HEAD_GROUP and not job.state.ended:
                return job.id
        return None

    def keep(self) -> None:
        """One look: is it up, has it closed by itself, is it dead? A silent head is none of these."""
        case = self._case
        if case.link.up:
            if case.record.state is ClusterState.STARTING:
                case.change(state=ClusterState.RUNNING)
                case.note("The head is up.")
            self._failures = 0
            case.worked(HEAD_GROUP)
        elif self._closed_by_itself():
            minutes = case.record.idle_timeout / 60
            case.note(f"Stopped by itself: nothing to do for {minutes:.0f} min.")
            case.change(state=ClusterState.STOPPING, stopped_itself=True)
        elif self._is_missing() and case.backoffs[HEAD_GROUP].ready:
            case.beside("head", self._start())

    def _closed_by_itself(self) -> bool:
        """A head that ends in order closes the gate; one that was killed cannot."""
        case = self._case
        begun = case.link.file is not None or case.record.state is ClusterState.RUNNING
        return begun and not case.link.spool.gate.exists() and case.link.spool.path.exists()

    def _is_missing(self) -> bool:
        case, file = self._case, self._case.link.file
        if case.record.placement == "job":
            asked_at = case.sight().asked_at
            return self.job_id() is None and asked_at is not None and asked_at > self._started_at + 2.0
        if file is None:
            late = time.time() - self._started_at > HEAD_PATIENCE
            return late or self._pid is None or not headstart.is_child_running(self._pid)
        return headstart.head_is_dead(file)

    async def _start(self) -> None:
        """Start a head (again). Too many failures in a row make the cluster fail, with the log's end."""
        case, spool = self._case, self._case.link.spool
        if self._failures >= HEAD_FAILURES:
            tail = await asyncio.to_thread(headstart.log_tail, spool.log(HEAD_GROUP))
            problem = Problem(message="The head does not start.", hint=tail[-1500:], since=time.time())
            case.problems[HEAD_GROUP] = problem
            case.change(state=ClusterState.FAILED)
            return
        if case.link.state is not None:
            case.note(
                "The head was lost, and with it the results it knew of. Another starts at the same address.",
                "error",
            )
        self._failures += 1
        case.backoffs[HEAD_GROUP].failed()
        self._started_at = time.time()
        case.link.forget()
        try:
            await self._start_where_placed()
        except IhpcError as error:
            case.failed(HEAD_GROUP, error)
        except OSError as error:
            unavailable = Unavailable(f"The head cannot be started: {error}.", "Is the spool directory full?")
            case.failed(HEAD_GROUP, unavailable)
        case.desk.watcher.poke()

    async def _start_where_placed(self) -> None:
        case, spool = self._case, self._case.link.spool
        await asyncio.to_thread(headstart.write_order, spool, case.record, case.desk.site)
        if case.record.placement == "job":
            await headstart.start_as_job(spool, case.record, case.desk.site, case.desk.batch)
        else:
            self._pid = await asyncio.to_thread(headstart.start_on_host, spool, case.record)
