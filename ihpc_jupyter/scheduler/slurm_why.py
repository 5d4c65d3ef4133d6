"""Asking Slurm why one job waits or ended: first about the job, then about what its code for the reason names."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence

from ihpc_jupyter.errors import IhpcError, InvalidRequest, NotFound
from ihpc_jupyter.model.job import Job
from ihpc_jupyter.model.why import Booking, Category, Evidence, Limit
from ihpc_jupyter.scheduler import slurm_evidence as told
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.fold import array_of
from ihpc_jupyter.scheduler.reasons import category_of, explain_reason
from ihpc_jupyter.scheduler.slurm_room import NODES_FORMAT
from ihpc_jupyter.scheduler.transport import Completed

Found = dict[str, object]
"""Fields of `Evidence`."""
Question = Callable[[told.Details], Awaitable[Found]]

BESIDE = 4.0
"""Seconds that each question beside the job itself may take: what is known already is not held up any longer."""

_QUEUE = {Category.RESOURCES, Category.PRIORITY, Category.NODE_DOWN, Category.RESERVATION, Category.UNKNOWN}
"""Where the state of the queue and of the nodes tells more."""


class Inquiry:
    """One question about one job; *run* runs a command of Slurm's within its time."""

    def __init__(self, run: Callable[[Sequence[str]], Awaitable[Completed]], job_id: str) -> None:
        if not re.fullmatch(r"\d{1,12}(?:_\d{1,9})?", job_id, re.ASCII):
            raise InvalidRequest(f"{job_id!r} is no job id of Slurm's.", "For example 12, or 12_3.")
        self._run = run
        self._id = job_id

    async def evidence(self) -> Evidence:
        """All that can be read; what cannot is said to be so. Raises `NotFound`, `Unavailable`."""
        asked_at = time.time()
        details = await self._details()
        category = category_of(details.job)
        questions = self._questions(category, details.job)
        answers = await asyncio.gather(*(self._answer(name, ask, details) for name, ask, _ in questions))
        found: Found = {}
        unread: dict[str, str] = {}
        for name, answer in answers:
            if isinstance(answer, str):
                unread[name] = answer
            else:
                found |= answer
        return Evidence.model_validate({
            "job": details.job, "category": category,
            "reason_text": explain_reason(details.job.reason, details.job.exit_code),
            "asked_at": asked_at, "eligible_at": details.eligible_at, "considered_at": details.considered_at,
            "priority": details.priority, "dependency": details.dependency, "reservation": details.reservation,
            "wanted_nodes": details.wanted_nodes, "unread": unread,
            "commands": (f"scontrol show job {self._id}", *(command for _, _, command in questions)), **found,
        })  # fmt: skip

    def recollect(self, job: Job, asked_at: float, why: str) -> Evidence:
        """What the watcher's line of the job says; what would be asked beside it stands as not read, and *why*."""
        category = category_of(job)
        questions = self._questions(category, job)
        return Evidence(
            job=job, category=category, reason_text=explain_reason(job.reason, job.exit_code), asked_at=asked_at,
            eligible_at=job.eligible_at, unread={name: why for name, _, _ in questions},
            commands=(f"scontrol show job {self._id}", *(command for _, _, command in questions)),
        )  # fmt: skip

    async def log_path(self) -> str:
        """Where the job writes; empty where Slurm does not know it (any more). Raises `Unavailable`."""
        done = await self._run(["scontrol", "-o", "show", "job", self._id])
        if done.returncode != 0 and text.is_transient(done.stderr):
            raise text.refusal(done.stderr)
        return told.parse_log_path(done.stdout)

    def _questions(self, category: Category, job: Job) -> list[tuple[str, Question, str]]:
        """What is asked beside the job itself: its name in `Evidence`, the question, the command for a person."""
        root, partition = array_of(self._id), job.partition
        if category in _QUEUE:
            return [
                ("ahead", self._ahead, f"squeue --start --sort=-p --partition={partition}"),
                ("room", self._room, f"sinfo --long --partition={partition}"),
                ("bookings", self._bookings, "scontrol show reservation"),
                ("factors", self._factors, f"sprio --long --jobs={root}"),
            ]
        if category is Category.LIMIT:
            asking = f"sacctmgr show qos {job.qos}" if job.qos else f"scontrol show partition {partition}"
            return [("limits", self._limits, asking)]
        if category is Category.DEPENDENCY:
            return [("dependency_states", self._dependencies, f"squeue --states=all --jobs={root}")]
        if job.state.ended:
            return [("peak_memory", self._ended, f"sacct --jobs={self._id} --long")]
        return []

    async def _answer(self, name: str, ask: Question, details: told.Details) -> tuple[str, Found | str]:
        try:
            async with asyncio.timeout(BESIDE):
                return name, await ask(details)
        except TimeoutError:
            return name, f"no answer within {BESIDE:.0f} s"
        except IhpcError as error:
            return name, error.message

    async def _say(self, *argv: str) -> str:
        done = await self._run(argv)
        if done.returncode != 0:
            raise text.refusal(done.stderr or done.stdout)
        return done.stdout

    async def _details(self) -> told.Details:
        done = await self._run(["scontrol", "-o", "show", "job", self._id])
        if done.returncode == 0 and (details := told.parse_details(done.stdout, self._id)):
            return details
        if text.is_transient(done.stderr):
            raise text.refusal(done.stderr)
        return await self._remembered()

    async def _remembered(self) -> told.Details:
        """A job that the controller has forgotten, from the accounting."""
        argv = ["sacct", "--noheader", "--parsable2", "--allocations", "--duplicates"]
        done = await self._run([*argv, f"--format={text.SACCT_FORMAT}", f"--jobs={self._id}"])
        jobs = text.parse_sacct(done.stdout) if done.returncode == 0 else []
        job = next((job for job in jobs if job.id == self._id), None)
        if job is None:
            raise NotFound(
                f"Slurm does not know job {self._id}.",
                "It forgets jobs some minutes after their end; the accounting does not tell of it either.",
            )
        return told.Details(job, "", None, None, None, "", "", "", "")

    async def _ahead(self, details: told.Details) -> Found:
        job, priority = details.job, details.priority
        if priority is None:
            return {}
        said = await self._say("squeue", "--noheader", "--states=PENDING", f"--format={told.WAITING_FORMAT}")
        return {"ahead": await asyncio.to_thread(told.parse_ahead, said, job, priority)}

    async def _room(self, details: told.Details) -> Found:
        where = f"--partition={details.job.partition}"
        return {"room": told.parse_room(await self._say("sinfo", "--noheader", where, *_NODES))}

    async def _bookings(self, details: told.Details) -> Found:
        said = await self._say("scontrol", "-o", "show", "reservation")
        found: tuple[Booking, ...] = told.parse_bookings(said, details.job.user)
        return {"bookings": found}

    async def _factors(self, details: told.Details) -> Found:
        jobs = f"--jobs={array_of(self._id)}"
        return {"factors": told.parse_factors(await self._say("sprio", "--noheader", jobs, *_PRIORITY))}

    async def _limits(self, details: told.Details) -> Found:
        job = details.job
        if job.reason == "JobArrayTaskLimit":
            allowed = details.throttle or "not told"
            return {"limits": (Limit(name="jobs of this array at once, as it asks itself", allowed=allowed),)}
        if job.reason.startswith(("QOS", "Assoc", "Account", "Invalid")) or job.reason.endswith("PerAccount"):
            flag, which = (
                ("assoc", f"accounts={job.account}") if "Assoc" in job.reason else ("qos", f"qos={job.qos}")
            )
            said = await self._say("scontrol", "show", "assoc_mgr", f"flags={flag}", which)
            return {"limits": tuple(told.parse_limits(said, uid=details.uid, account=job.account))}
        partition = job.partition.partition(",")[0]
        said = await self._say("scontrol", "-o", "show", "partition", partition)
        return {"limits": tuple(told.parse_partition_limits(said))}

    async def _dependencies(self, details: told.Details) -> Found:
        ids = told.dependency_ids(details.dependency)
        if not ids:
            return {"dependency_states": {}}
        form = f"--format={told.DEPENDENCY_FORMAT}"
        said = await self._say("squeue", "--noheader", "--states=all", f"--jobs={','.join(ids[:50])}", form)
        return {"dependency_states": told.parse_dependencies(said)}

    async def _ended(self, details: told.Details) -> Found:
        form = f"--format={told.ENDED_FORMAT}"
        said = await self._say("sacct", "--noheader", "--parsable2", f"--jobs={self._id}", form)
        peak, by = told.parse_ended(said)
        me = by and by == details.uid
        return {"peak_memory": peak, "cancelled_by": "its owner" if me else f"user {by}" if by else ""}


_NODES = (f"--format={NODES_FORMAT}",)
_PRIORITY = (f"--format={told.FACTORS_FORMAT}",)
