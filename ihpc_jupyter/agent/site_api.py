"""Sites and their jobs in the agent's API."""

import time

from ihpc_jupyter.agent import doctor
from ihpc_jupyter.agent.handler import AgentHandler
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.explain.neighbours import request_of
from ihpc_jupyter.model.offer import OffersRequest
from ihpc_jupyter.model.run import Policy
from ihpc_jupyter.scheduler.open import policy


class SiteHandler(AgentHandler):
    """``GET /api/sites/NAME``."""

    def get(self, name: str) -> None:
        """How the site is."""
        self.answer(self.agent.site(name).status())


class CheckHandler(AgentHandler):
    """``POST /api/sites/NAME/check``."""

    async def post(self, name: str) -> None:
        """The doctor's report."""
        self.answer(await doctor.examine(self.agent.site(name)))


class PolicyHandler(AgentHandler):
    """``GET /api/sites/NAME/policy``."""

    def get(self, name: str) -> None:
        """Commands for the site's administrators."""
        self.answer(Policy(site=name, text=policy(self.agent.site(name).site)))


class AuditHandler(AgentHandler):
    """``GET /api/sites/NAME/audit?since=SECONDS``."""

    async def get(self, name: str) -> None:
        """Everybody's urgent runs since that moment (seconds since 1970; a week at most when left out)."""
        self.agent.site(name)
        text = self.get_query_argument("since", "") or str(time.time() - 7 * 86400)
        try:
            since = float(text)
        except ValueError:
            since = float("nan")
        if not 0 <= since < time.time():
            raise InvalidRequest(f"{text!r} is no moment in the past.", "Give seconds since 1970.")
        self.answer(await self.agent.runs.audit(name, since))


class JobsHandler(AgentHandler):
    """``GET /api/sites/NAME/jobs?all=true&fresh=true&look=true&array=ID``."""

    async def get(self, name: str) -> None:
        """My jobs, or everybody's; *look*: somebody sees them."""
        desk = self.agent.site(name)
        queue = desk.queue
        if self.flag("look"):
            desk.look()
        if self.flag("all"):
            self.answer(await queue.everybody())
        else:
            array, fresh = self.get_query_argument("array", "") or None, self.flag("fresh")
            if fresh:
                await desk.heed()
            self.answer(await queue.mine(array, fresh=fresh))


class JobHandler(AgentHandler):
    """``DELETE /api/sites/NAME/jobs/ID?waiting=true``."""

    async def delete(self, name: str, job: str) -> None:
        """Cancel it, or all of an array (those that wait)."""
        queue = self.agent.site(name).queue
        self.answer(await queue.cancel(job, waiting_only=self.flag("waiting")), 202)


class JobLogHandler(AgentHandler):
    """``GET /api/sites/NAME/jobs/ID/log?after=BYTES``."""

    async def get(self, name: str, job: str) -> None:
        """The end of its log, or what was written since."""
        self.answer(await self.agent.site(name).queue.log(job, self.place("after")))


class WhyHandler(AgentHandler):
    """``GET /api/sites/NAME/jobs/ID/why``."""

    async def get(self, name: str, job: str) -> None:
        """Why it waits, or ended."""
        self.answer(await self.agent.site(name).queue.reasons.why(job))


class JobOffersHandler(AgentHandler):
    """``GET /api/sites/NAME/jobs/ID/offers``."""

    async def get(self, name: str, job: str) -> None:
        """What would start sooner than this waiting job."""
        waiting = await self.agent.site(name).queue.waiting(job)
        told = await self.agent.elsewhere.ask(name, request_of(waiting))
        self.answer(told.model_copy(update={"job_start": waiting.expected_start}))


class OffersHandler(AgentHandler):
    """``POST /api/sites/NAME/offers``."""

    async def post(self, name: str) -> None:
        """What would start when, as asked and otherwise."""
        self.agent.site(name)
        self.answer(await self.agent.elsewhere.ask(name, self.body(OffersRequest)))
