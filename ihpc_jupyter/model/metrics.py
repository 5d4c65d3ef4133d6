"""Responsiveness: measured series with how many samples, of which window, how old; and how each subsystem is."""

from typing import Annotated, Literal

from pydantic import Field

from ihpc_jupyter.model.base import Line, Model, Seconds, Time
from ihpc_jupyter.model.site import Health

Unit = Literal["seconds", "ratio"]
"""Base units only."""

Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Figure(Model):
    """A number that may be a lower bound: jobs that still wait count with their age so far."""

    value: Share
    at_least: bool = False
    """The true value is not smaller; how much larger is not known yet."""


class Summary(Model):
    """What a window of samples says. Nothing is said where there are none."""

    count: int
    """Samples it rests on, those that still wait included."""
    waiting: int = 0
    """Of these, how many still wait."""
    window: Seconds
    """The time that is looked back over."""
    age: Seconds | None = None
    """Of the newest sample."""
    p50: Figure | None = None
    p95: Figure | None = None
    maximum: Figure | None = None
    variation: Share | None = None
    """Coefficient of variation: standard deviation by mean; None below two samples, and where jobs still wait."""
    tail: Share | None = None
    """95th percentile by median."""


class Point(Model):
    """One value in a chart."""

    at: Time
    value: float


class SeriesView(Model):
    """One measured quantity of one thing: a lane's waits, an operation of a file system."""

    metric: str
    """The name in docs/metrics.md, without prefix and unit."""
    unit: Unit
    labels: dict[str, str]
    lately: Summary
    baseline: Summary
    """The same over the longest window that is kept, to compare with."""
    points: tuple[Point, ...] = ()
    """Oldest first; where there are too many, the largest of each of equal spans."""


class Responsiveness(Model):
    """All series, at one revision."""

    at: Time
    revision: int
    """Grows with each sample; whoever has it already is answered with nothing (204)."""
    series: tuple[SeriesView, ...]


class NodesView(Model):
    """Nodes of a site that are in the same state for the same reason."""

    state: Line
    """The batch system's word."""
    count: Annotated[int, Field(ge=0)]
    names: Line
    """As the batch system writes them; a long list is cut and ends in “…”."""
    out: bool
    """Out of order: down, drained or draining, failed, in maintenance."""
    reason: Line = ""
    """What the site's staff, or the batch system, gave for that."""


class Subsystem(Model):
    """How one part of the whole is, by a number beside its threshold."""

    kind: Literal["scheduler", "nodes", "file-system", "agent", "workers", "network"]
    name: str
    """Of the site, directory or cluster."""
    health: Health
    number: Share | None = None
    """What was measured last; None where nothing was."""
    unit: Literal["seconds", "workers", "nodes"]
    threshold: Share
    """Above this the number counts as degraded."""
    age: Seconds | None = None
    """Of the number."""
    detail: Line = ""
    nodes: tuple[NodesView, ...] = ()
    """Of a site's nodes: those out of order first, at most 50 lines."""


class Status(Model):
    """How everything is. UNKNOWN: nobody has measured it lately; that is no fault."""

    at: Time
    subsystems: tuple[Subsystem, ...]
