"""OpenMetrics: the same numbers for monitoring systems, by the maintained client library."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from ihpc_jupyter.agent.agent import Agent
from ihpc_jupyter.metrics.catalogue import METRICS
from ihpc_jupyter.metrics.catalogue import Metric as Measured
from ihpc_jupyter.metrics.series import Series
from ihpc_jupyter.model.site import Health
from ihpc_jupyter.version import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "ihpc"


def render(agent: Agent) -> bytes:
    """The text of a scrape."""
    registry = CollectorRegistry()
    registry.register(_Numbers(agent))
    return bytes(generate_latest(registry))


class _Numbers:
    """What the agent knows now; counters and histograms count since it started."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        series: dict[str, list[Series]] = {}
        for one in self._agent.meter.board:
            series.setdefault(one.metric.name, []).append(one)
        for name, metric in METRICS.items():
            yield _measured(metric, series.get(name, []))
        yield from self._scheduler()
        yield self._workers()
        yield self._health()
        info = InfoMetricFamily(f"{PREFIX}_agent", "The agent that tells this.")
        info.add_metric([], {"version": __version__})
        yield info

    def _scheduler(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            f"{PREFIX}_scheduler_requests", "Requests made to the batch system.", labels=["site"]
        )
        failures = CounterMetricFamily(
            f"{PREFIX}_scheduler_failures", "Questions that nobody answered.", labels=["site"]
        )
        waiting = GaugeMetricFamily(f"{PREFIX}_jobs_waiting", "Own jobs in the queue.", labels=["site", "lane"])
        for site, desk in self._agent.desks.items():
            requests.add_metric([site], desk.batch.requests)
            failures.add_metric([site], self._agent.meter.failures[site])
            told = desk.watcher.snapshot
            for lane in desk.site.lanes if told.answered_at is not None else ():
                # Of a site that is silent this was so then, and nobody says what is so now.
                at = told.answered_at if told.silent else None
                waiting.add_metric([site, lane], desk.tally.waiting[lane], timestamp=at)
        yield from (requests, failures, waiting)

    def _workers(self) -> Metric:
        workers = GaugeMetricFamily(f"{PREFIX}_workers", "Workers by state.", labels=["cluster", "state"])
        for name, keeper in self._agent.keepers.items():
            totals: dict[str, int] = {}
            for group in keeper.view().groups.values():
                for state, count in group.counts.model_dump().items():
                    totals[state] = totals.get(state, 0) + count
            for state, count in totals.items():
                workers.add_metric([name, state], count)
        return workers

    def _health(self) -> Metric:
        health = StateSetMetricFamily(f"{PREFIX}_health", "How each subsystem is.", labels=["kind", "name"])
        for one in self._agent.probes.status().subsystems:
            health.add_metric([one.kind, one.name], {word.value: word is one.health for word in Health})
        return health


def _measured(metric: Measured, series: list[Series]) -> Metric:
    """A histogram of a duration, the last value of a share."""
    name = f"{PREFIX}_{metric.name}_{metric.unit}"
    if metric.unit == "ratio":
        gauge = GaugeMetricFamily(name, metric.text, labels=list(metric.labels), unit=metric.unit)
        for one in series:
            if one.samples:
                gauge.add_metric(list(one.labels), one.samples[-1].value, timestamp=one.samples[-1].at)
        return gauge
    family = HistogramMetricFamily(name, metric.text, labels=list(metric.labels), unit=metric.unit)
    for one in series:
        total, buckets = 0, []
        for bound, count in zip([*map(str, metric.buckets), "+Inf"], one.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        family.add_metric(list(one.labels), buckets, one.sum)
    return family
