"""The API of docs/api.md on the agent's socket: one small handler for each path."""

import time

from tornado.iostream import StreamClosedError
from tornado.web import Application

from ihpc_jupyter.agent import doctor, inspect
from ihpc_jupyter.agent.agent import Agent
from ihpc_jupyter.agent.handler import AgentHandler
from ihpc_jupyter.agent.meter import KEPT
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.cluster import CreateCluster, PatchCluster
from ihpc_jupyter.model.run import Policy, RunOrder
from ihpc_jupyter.scheduler.open import policy

MAX_BODY = 1 << 20
"""Bytes of a request's body."""


class NothingHere(AgentHandler):
    """Any path that is not in the table."""

    def prepare(self) -> None:
        """Say so."""
        super().prepare()
        self.send_error(404)


class AboutHandler(AgentHandler):
    """``GET /api/about``."""

    def get(self) -> None:
        """About the agent."""
        self.answer(self.agent.about())


class SnapshotHandler(AgentHandler):
    """``GET /api/snapshot``."""

    def get(self) -> None:
        """Everything."""
        self.answer(self.agent.snapshot())


class StreamHandler(AgentHandler):
    """``GET /api/stream``: one `Change` per line."""

    async def get(self) -> None:
        """Until the reader leaves."""
        self.set_header("Content-Type", "application/x-ndjson")
        try:
            async for change in self.agent.changes():
                self.write(change.model_dump_json() + "\n")
                await self.flush()
        except StreamClosedError:
            return


class PingHandler(AgentHandler):
    """``GET /api/ping``."""

    def get(self) -> None:
        """Nothing, as soon as can be: what is left is the way here and back."""
        self.answer(None)


class StatusHandler(AgentHandler):
    """``GET /api/status``."""

    def get(self) -> None:
        """How each subsystem is."""
        self.agent.probes.look()
        self.answer(self.agent.probes.status())


class ResponsivenessHandler(AgentHandler):
    """``GET /api/responsiveness?window=SECONDS&after=REVISION``."""

    def get(self) -> None:
        """All series over the last seconds (15 min when left out); nothing where the reader has that revision."""
        self.agent.probes.look()
        window = self.number("window", 900.0, KEPT)
        known = self.number("after", -1.0, float("inf"))
        meter = self.agent.meter
        self.answer(None if known == meter.revision else meter.responsiveness(window))


class MetricsHandler(AgentHandler):
    """``GET /api/metrics``: OpenMetrics."""

    def get(self) -> None:
        """Counters, gauges and histograms."""
        from ihpc_jupyter.agent.exposition import CONTENT_TYPE, render  # noqa: PLC0415 - few agents are scraped

        self.agent.probes.look()
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(render(self.agent))


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
    """``GET /api/sites/NAME/jobs?all=true&fresh=true&array=ID``."""

    async def get(self, name: str) -> None:
        """My jobs, or everybody's."""
        queue = self.agent.site(name).queue
        if self.flag("all"):
            self.answer(await queue.everybody())
        else:
            array = self.get_query_argument("array", "") or None
            self.answer(await queue.mine(array, fresh=self.flag("fresh")))


class JobHandler(AgentHandler):
    """``DELETE /api/sites/NAME/jobs/ID?waiting=true``."""

    async def delete(self, name: str, job: str) -> None:
        """Cancel it, or all of an array (those that wait)."""
        queue = self.agent.site(name).queue
        self.answer(await queue.cancel(job, waiting_only=self.flag("waiting")), 202)


class WhyHandler(AgentHandler):
    """``GET /api/sites/NAME/jobs/ID/why``."""

    async def get(self, name: str, job: str) -> None:
        """Why it waits, or ended."""
        self.answer(await self.agent.site(name).queue.why(job))


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


class LogHandler(AgentHandler):
    """``GET /api/clusters/NAME/log?job=ID``."""

    async def get(self, name: str) -> None:
        """The end of a job's log."""
        self.answer(await inspect.log(self.agent.cluster(name), self.argument("job")))


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
        """A new run."""
        self.answer(await self.agent.runs.create(self.body(RunOrder)), 201)


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


ROUTES: list[tuple[str, type[AgentHandler]]] = [
    (r"/api/about", AboutHandler),
    (r"/api/snapshot", SnapshotHandler),
    (r"/api/stream", StreamHandler),
    (r"/api/ping", PingHandler),
    (r"/api/status", StatusHandler),
    (r"/api/responsiveness", ResponsivenessHandler),
    (r"/api/metrics", MetricsHandler),
    (r"/api/sites/([^/]+)", SiteHandler),
    (r"/api/sites/([^/]+)/check", CheckHandler),
    (r"/api/sites/([^/]+)/policy", PolicyHandler),
    (r"/api/sites/([^/]+)/audit", AuditHandler),
    (r"/api/sites/([^/]+)/jobs", JobsHandler),
    (r"/api/sites/([^/]+)/jobs/([^/]+)", JobHandler),
    (r"/api/sites/([^/]+)/jobs/([^/]+)/why", WhyHandler),
    (r"/api/clusters", ClustersHandler),
    (r"/api/clusters/([^/]+)", ClusterHandler),
    (r"/api/clusters/([^/]+)/retry", RetryHandler),
    (r"/api/clusters/([^/]+)/connection", ConnectionHandler),
    (r"/api/clusters/([^/]+)/script", ScriptHandler),
    (r"/api/clusters/([^/]+)/log", LogHandler),
    (r"/api/runs", RunsHandler),
    (r"/api/runs/plan", PlanHandler),
    (r"/api/runs/check", RehearsalHandler),
    (r"/api/runs/([0-9a-f]+)", OneRunHandler),
    (r"/api/runs/([0-9a-f]+)/start", StartHandler),
    (r"/api/runs/([0-9a-f]+)/output", OutputHandler),
    (r".*", NothingHere),
]


def application(agent: Agent) -> Application:
    """The web application on the agent's socket."""
    return Application([(path, handler, {"agent": agent}) for path, handler in ROUTES])
