"""Urgent runs in the agent's API."""

from ihpc_jupyter.agent.handler import AgentHandler
from ihpc_jupyter.model.run import RunOrder


class PlanHandler(AgentHandler):
    """``POST /api/runs/plan``."""

    async def post(self) -> None:
        """What would happen."""
        self.answer(await self.agent.runs.plan(self.body(RunOrder)))


class RehearsalHandler(AgentHandler):
    """``POST /api/runs/check``."""

    async def post(self) -> None:
        """Everything that it needs, looked at."""
        self.answer(await self.agent.runs.check(self.body(RunOrder)))


class RunsHandler(AgentHandler):
    """``/api/runs``."""

    def get(self) -> None:
        """All runs."""
        self.answer(self.agent.runs.ledger())

    async def post(self) -> None:
        """A new run; with ``?later=true`` its plan is complete when it has started."""
        self.answer(await self.agent.runs.create(self.body(RunOrder), later=self.flag("later")), 201)


class OneRunHandler(AgentHandler):
    """``/api/runs/ID``."""

    def get(self, id_: str) -> None:
        """The run as it is."""
        self.answer(self.agent.runs.find(id_).view())

    async def delete(self, id_: str) -> None:
        """Cancel, or forget."""
        self.answer(await self.agent.runs.stop(id_), 202)


class OutputHandler(AgentHandler):
    """``GET /api/runs/ID/output``."""

    async def get(self, id_: str) -> None:
        """The end of what it has said."""
        self.answer(await self.agent.runs.output(id_))


class StartHandler(AgentHandler):
    """``POST /api/runs/ID/start``."""

    async def post(self, id_: str) -> None:
        """Go."""
        self.answer(await self.agent.runs.start(id_), 202)
