"""Clusters in the agent's API."""

import time

from ihpc_jupyter.agent import inspect
from ihpc_jupyter.agent.handler import AgentHandler
from ihpc_jupyter.agent.meter import KEPT
from ihpc_jupyter.model.cluster import CreateCluster, PatchCluster


class ClustersHandler(AgentHandler):
    """``POST /api/clusters``."""

    async def post(self) -> None:
        """A new cluster."""
        self.answer(await self.agent.create(self.body(CreateCluster)), 201)


class ClusterHandler(AgentHandler):
    """``/api/clusters/NAME``."""

    def get(self, name: str) -> None:
        """The cluster as it is."""
        self.answer(self.agent.cluster(name).view())

    async def patch(self, name: str) -> None:
        """New targets."""
        self.answer(await self.agent.patch(name, self.body(PatchCluster)))

    async def delete(self, name: str) -> None:
        """Stop, or forget."""
        self.answer(await self.agent.stop(name), 202)


class RetryHandler(AgentHandler):
    """``POST /api/clusters/NAME/retry``."""

    async def post(self, name: str) -> None:
        """Again, now."""
        keeper = await self.agent.own(name)
        keeper.retry()
        self.answer(keeper.view())


class ConnectionHandler(AgentHandler):
    """``GET /api/clusters/NAME/connection``."""

    def get(self, name: str) -> None:
        """Where the head is, and the paths of the credentials."""
        self.answer(inspect.connection(self.agent.cluster(name)))


class ScriptHandler(AgentHandler):
    """``GET /api/clusters/NAME/script?group=G``."""

    async def get(self, name: str) -> None:
        """The batch script and its command."""
        self.answer(await inspect.script(self.agent.cluster(name), self.argument("group")))


class TimelineHandler(AgentHandler):
    """``GET /api/clusters/NAME/timeline?window=SECONDS&after=REVISION``."""

    def get(self, name: str) -> None:
        """Its last seconds (15 min when left out); nothing where the reader has that revision."""
        self.agent.cluster(name)
        window = self.number("window", 900.0, KEPT)
        known = self.number("after", -1.0, float("inf"))
        told = self.agent.timelines.tell(name, window, time.time())
        self.answer(None if known == told.revision else told)


class LogHandler(AgentHandler):
    """``GET /api/clusters/NAME/log?job=ID&after=BYTES``."""

    async def get(self, name: str) -> None:
        """The end of a job's log, or what was written since."""
        self.answer(await inspect.log(self.agent.cluster(name), self.argument("job"), self.place("after")))
