"""What ``ihpc metrics`` does and prints: the figures of the Responsiveness pane."""

import argparse

from ihpc_jupyter.cli.commands import print_lines, print_table
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.story import seconds_text
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.metrics import Figure, SeriesView, Unit
from ihpc_jupyter.model.site import parse_duration

_HEADER = ("measured", "of", "p50", "p95", "max", "n", "newest", "p95/p50 (baseline)")


async def metrics(agent: AgentClient, options: argparse.Namespace) -> int:
    """Waits, latencies, round trips, file systems, use: what was measured within a window."""
    try:
        window = float(str(parse_duration(options.window)))
    except ValueError as error:
        raise InvalidRequest(f"{options.window!r} is no duration.", f"{error}".capitalize() + ".") from None
    told = await agent.responsiveness(window)
    rows = [_cells(one) for one in told.series if one.lately.count]
    if rows:
        print_table([_HEADER, *sorted(rows)])
    else:
        print_lines("Nothing was measured in that time.", "It is while somebody looks: a pane, or this.")
    return 0


def _cells(one: SeriesView) -> tuple[str, ...]:
    lately = one.lately
    of = ", ".join(value for key, value in sorted(one.labels.items()))
    number = f"{lately.count}, {lately.waiting} still waiting" if lately.waiting else f"{lately.count}"
    tail = f"{_ratio(lately.tail)} ({_ratio(one.baseline.tail)})"
    figures = (_figure(figure, one.unit) for figure in (lately.p50, lately.p95, lately.maximum))
    newest = "-" if lately.age is None else f"{seconds_text(lately.age)} ago"
    return one.metric, of, *figures, number, newest, tail


def _figure(figure: Figure | None, unit: Unit) -> str:
    if figure is None:
        return "-"
    if unit == "ratio":
        text = f"{figure.value:.0%}"
    else:  # what would be read as no millisecond
        text = f"{figure.value * 1e6:.0f} µs" if 0 < figure.value < 0.00095 else seconds_text(figure.value)
    return f"at least {text}" if figure.at_least else text


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
