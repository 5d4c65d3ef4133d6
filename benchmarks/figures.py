"""Measured values by what they are of: told as they come, summed up, all of them kept."""

import json
import math
import statistics
import sys
from collections import defaultdict
from pathlib import Path


class Figures:
    """Seconds (or other numbers) by name."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        """One more, told on standard error."""
        self.values[name].append(value)
        print(f"{name:32s} {len(self.values[name]):4d}  {value:8.3f}", file=sys.stderr, flush=True)

    def median(self, name: str) -> float:
        """The median, in milliseconds' exactness."""
        return round(statistics.median(self.values[name]), 3)

    def p95(self, name: str) -> float:
        """The smallest value that at least 95 % of all do not exceed."""
        ordered = sorted(self.values[name])
        return round(ordered[math.ceil(0.95 * len(ordered)) - 1], 3)

    def most(self, name: str) -> float:
        """The maximum."""
        return round(max(self.values[name]), 3)

    def ratio(self, name: str, peer: str) -> float:
        """Median over the peer's median."""
        return round(statistics.median(self.values[name]) / statistics.median(self.values[peer]), 2)

    def table(self) -> str:
        """One line a name: how many, median, p95, maximum."""
        lines = [f"{'':32s} {'n':>4s} {'median':>8s} {'p95':>8s} {'max':>8s}"]
        for name in self.values:
            told = (self.median(name), self.p95(name), self.most(name))
            lines.append(f"{name:32s} {len(self.values[name]):4d} " + " ".join(f"{value:8.3f}" for value in told))
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """All values, as JSON."""
        path.write_text(json.dumps(self.values, indent=1) + "\n")
