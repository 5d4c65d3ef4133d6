"""The API of docs/api.md on the agent's socket: what concerns the agent itself, and the table of all routes."""

from tornado.iostream import StreamClosedError
from tornado.web import Application

from ihpc_jupyter.agent import cluster_api as cluster
from ihpc_jupyter.agent import run_api as run
from ihpc_jupyter.agent import site_api as site
from ihpc_jupyter.agent.agent import Agent
from ihpc_jupyter.agent.handler import AgentHandler
from ihpc_jupyter.agent.here import read_here
from ihpc_jupyter.agent.meter import KEPT

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
    """``GET /api/stream?here=KIND:JOB``: one `Change` per line, also about the job that the reader runs in."""

    async def get(self) -> None:
        """Until the reader leaves."""
        own = read_here(self.get_query_argument("here", ""))
        self.set_header("Content-Type", "application/x-ndjson")
        try:
            async for change in self.agent.changes(own):
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
        told = self.agent.meter.responsiveness(window)
        self.answer(None if known == told.revision else told)


class MetricsHandler(AgentHandler):
    """``GET /api/metrics``: OpenMetrics."""

    def get(self) -> None:
        """Counters, gauges and histograms."""
        from ihpc_jupyter.agent.exposition import CONTENT_TYPE, render  # noqa: PLC0415 - few agents are scraped

        self.agent.probes.look()
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(render(self.agent))


ROUTES: list[tuple[str, type[AgentHandler]]] = [
    (r"/api/about", AboutHandler),
    (r"/api/snapshot", SnapshotHandler),
    (r"/api/stream", StreamHandler),
    (r"/api/ping", PingHandler),
    (r"/api/status", StatusHandler),
    (r"/api/responsiveness", ResponsivenessHandler),
    (r"/api/metrics", MetricsHandler),
    (r"/api/sites/([^/]+)", site.SiteHandler),
    (r"/api/sites/([^/]+)/check", site.CheckHandler),
    (r"/api/sites/([^/]+)/policy", site.PolicyHandler),
    (r"/api/sites/([^/]+)/audit", site.AuditHandler),
    (r"/api/sites/([^/]+)/jobs", site.JobsHandler),
    (r"/api/sites/([^/]+)/jobs/([^/]+)", site.JobHandler),
    (r"/api/sites/([^/]+)/jobs/([^/]+)/why", site.WhyHandler),
    (r"/api/sites/([^/]+)/jobs/([^/]+)/log", site.JobLogHandler),
    (r"/api/sites/([^/]+)/jobs/([^/]+)/offers", site.JobOffersHandler),
    (r"/api/sites/([^/]+)/offers", site.OffersHandler),
    (r"/api/clusters", cluster.ClustersHandler),
    (r"/api/clusters/([^/]+)", cluster.ClusterHandler),
    (r"/api/clusters/([^/]+)/retry", cluster.RetryHandler),
    (r"/api/clusters/([^/]+)/connection", cluster.ConnectionHandler),
    (r"/api/clusters/([^/]+)/script", cluster.ScriptHandler),
    (r"/api/clusters/([^/]+)/log", cluster.LogHandler),
    (r"/api/clusters/([^/]+)/timeline", cluster.TimelineHandler),
    (r"/api/runs", run.RunsHandler),
    (r"/api/runs/plan", run.PlanHandler),
    (r"/api/runs/check", run.RehearsalHandler),
    (r"/api/runs/([^/]+)", run.OneRunHandler),
    (r"/api/runs/([^/]+)/start", run.StartHandler),
    (r"/api/runs/([^/]+)/output", run.OutputHandler),
    (r".*", NothingHere),
]


def application(agent: Agent) -> Application:
    """The web application on the agent's socket."""
    return Application([(path, handler, {"agent": agent}) for path, handler in ROUTES])
