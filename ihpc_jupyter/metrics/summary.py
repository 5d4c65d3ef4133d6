"""From samples to figures. Jobs that still wait count with their age so far, and what rests on them says so."""

import math
from collections.abc import Sequence

from ihpc_jupyter.metrics.series import Sample
from ihpc_jupyter.model.metrics import Figure, Point, Summary

MAX_POINTS = 120
"""Points of one series in a chart."""
TINY = 1e-9
"""Below this, nothing is divided by a figure."""


def rank(count: int, share: float) -> int:
    """Where the percentile stands among *count* ordered values (nearest rank)."""
    return max(0, math.ceil(share * count) - 1)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The percentile of ordered values, by nearest rank: a value that was measured."""
    return ordered[rank(len(ordered), share)]


def summarise(
    samples: Sequence[Sample], waiting: Sequence[float], window: float, now: float, *, heard: float | None = None
) -> Summary:
    """Figures of *samples* (all within *window*) and of what had been *waiting* for so many seconds when it was
    last *heard* (now when left out).

    A percentile is exact as long as all that wait have waited longer than it; else it is a lower bound.
    """
    values = [(sample.value, False) for sample in samples] + [(age, True) for age in waiting]
    if not values:
        return Summary(count=0, window=window)
    values.sort()
    moments = [sample.at for sample in samples] + [now if heard is None else heard for _ in waiting[:1]]
    newest = max(0.0, now - max(moments))
    p50, p95 = _figure(values, 0.5), _figure(values, 0.95)
    return Summary(
        count=len(values),
        waiting=len(waiting),
        window=window,
        age=newest,
        p50=p50,
        p95=p95,
        maximum=_figure(values, 1.0),
        variation=None if waiting else _variation([value for value, _ in values]),
        tail=None if p50.value <= TINY or p95.at_least else p95.value / p50.value,
    )


def _figure(ordered: Sequence[tuple[float, bool]], share: float) -> Figure:
    place = rank(len(ordered), share)
    return Figure(value=ordered[place][0], at_least=any(waits for _, waits in ordered[: place + 1]))


def _variation(values: Sequence[float]) -> float | None:
    if len(values) < 2 or (mean := math.fsum(values) / len(values)) <= TINY:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)) / mean


def points(samples: Sequence[Sample]) -> tuple[Point, ...]:
    """At most `MAX_POINTS` points; of samples that share a span of time the largest is shown."""
    ordered = sorted(samples, key=lambda sample: sample.at)
    if len(ordered) <= MAX_POINTS:
        return tuple(Point(at=sample.at, value=sample.value) for sample in ordered)
    first, span = ordered[0].at, max(1e-9, ordered[-1].at - ordered[0].at) / MAX_POINTS
    largest: dict[int, Sample] = {}
    for sample in ordered:
        place = min(MAX_POINTS - 1, int((sample.at - first) / span))
        if place not in largest or sample.value > largest[place].value:
            largest[place] = sample
    return tuple(Point(at=sample.at, value=sample.value) for sample in largest.values())
