"""Bounded memory for samples: the young ones all, of older ones fewer and fewer."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ihpc_jupyter.metrics.catalogue import METRICS, Metric

MAX_SAMPLES = 720
"""Samples of one series."""
MAX_SERIES = 120
"""Series in all: labels are bounded whatever happens (lanes and clusters come and go)."""


@dataclass(frozen=True)
class Sample:
    """One measurement. *key* tells what it is of, where it must not be counted twice (a job's id)."""

    at: float
    value: float
    key: str = ""


class Series:
    """The samples of one quantity of one thing, and its histogram since the agent started."""

    def __init__(self, metric: Metric, labels: tuple[str, ...]) -> None:
        self.metric = metric
        self.labels = labels
        self.samples: list[Sample] = []
        self.counts = [0] * (len(metric.buckets) + 1)
        """Samples by the metric's buckets, and one for what is above all."""
        self.sum = 0.0

    def add(self, sample: Sample) -> None:
        """Remember, and count."""
        self.remember(sample)
        self.counts[bisect_left(self.metric.buckets, sample.value)] += 1
        self.sum += sample.value

    def remember(self, sample: Sample) -> None:
        """Take one from before this agent. When full, every other of the older half goes."""
        self.samples.append(sample)
        if len(self.samples) > MAX_SAMPLES:
            half = MAX_SAMPLES // 2
            self.samples[:half] = self.samples[:half:2]

    @property
    def newest(self) -> float:
        """When the newest sample was taken; minus infinity where there is none."""
        return self.samples[-1].at if self.samples else float("-inf")

    def since(self, moment: float) -> list[Sample]:
        """Samples that are not older, in the order in which they came."""
        return [sample for sample in self.samples if sample.at >= moment]

    def forget_before(self, moment: float) -> None:
        """Let older samples go."""
        self.samples = self.since(moment)


class Board:
    """All series, by metric and labels."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, tuple[str, ...]], Series] = {}

    def __iter__(self) -> Iterator[Series]:
        return iter(list(self._series.values()))

    def find(self, name: str, *labels: str) -> Series:
        """The series of those labels; a new one where there is none, for which the one silent for longest goes.

        Raises KeyError for a metric that is not in the catalogue.
        """
        found = self._series.get((name, labels))
        if found is None:
            metric = METRICS[name]
            if len(labels) != len(metric.labels):
                raise KeyError(f"{name} has the labels {metric.labels}")
            if len(self._series) >= MAX_SERIES:
                del self._series[min(self._series, key=lambda key: self._series[key].newest)]
            found = self._series[name, labels] = Series(metric, labels)
        return found

    def keys(self, name: str) -> Iterable[str]:
        """What has been counted already, of all series of a metric."""
        return [sample.key for series in self if series.metric.name == name for sample in series.samples]

    def forget_before(self, moment: float) -> None:
        """Let older samples go."""
        for series in self:
            series.forget_before(moment)
