"""What the machine does meanwhile: cores held in each lane, as Slurm tells it twice a second."""

import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from tests.slurmbed import BedError, SlurmBed

INTERVAL = 0.5
"""Seconds between two looks."""
COLOURS = {"spot": "#8fb8de", "urgent": "firebrick"}
_BARS = " ▁▂▃▄▅▆▇█"


@dataclass
class Look:
    """Cores held, by lane, *at* seconds since the beginning."""

    at: float
    held: dict[str, int] = field(default_factory=dict)


class Machine:
    """Looks at a bed until it is closed."""

    def __init__(self, bed: SlurmBed, began: float) -> None:
        self.cores = len(bed.nodes) * bed.settings.cpus
        self.looks: list[Look] = []
        self.events: list[tuple[float, str]] = []
        """What happened, for the picture: seconds since the beginning, and a word."""
        self._bed = bed
        self._began = began
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.at(time.monotonic())

    def at(self, moment: float) -> float:
        """The same for a moment of `time.monotonic`."""
        return moment - self._began

    def mark(self, word: str, at: float | None = None) -> None:
        """Something happened: now, or *at* seconds since the beginning."""
        self.events = sorted([*self.events, (self.now if at is None else at, word)])

    def held(self, lane: str) -> int:
        """Cores of a lane at the last look."""
        return self.looks[-1].held.get(lane, 0) if self.looks else 0

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._closed.wait(INTERVAL):
            try:
                rows = self._bed.run("squeue", "--noheader", "--states=R", "--format=%P %C", timeout=5).stdout
            except (BedError, subprocess.SubprocessError):
                continue  # no look is better than a wrong one
            held: Counter[str] = Counter()
            for lane, cores in map(str.split, rows.splitlines()):
                held[lane] += int(cores)
            self.looks.append(Look(self.now, dict(held)))

    def utilisation(self, since: float, until: float) -> float:
        """Share of the cores that were held between two moments (seconds since the beginning)."""
        held = [sum(look.held.values()) for look in self.looks if since <= look.at <= until]
        return sum(held) / len(held) / self.cores if held else 0.0

    def text(self, width: int = 72) -> list[str]:
        """A line of bars for each lane and one for what happened."""
        if not self.looks:
            return []
        until = self.looks[-1].at
        columns = [[look for look in self.looks if int(look.at / until * (width - 1)) == x] for x in range(width)]
        lines = []
        for lane in COLOURS:
            bars = ""
            for column in columns:
                most = max((look.held.get(lane, 0) for look in column), default=None)
                bars += bars[-1:] or " " if most is None else _BARS[-(-most * (len(_BARS) - 1) // self.cores)]
            lines.append(f"{lane:>8} {bars}")
        marks = [" "] * width
        for number, (at, _) in enumerate(self.events, 1):
            marks[min(width - 1, int(at / until * (width - 1)))] = str(number)
        words = ", ".join(f"{number} {word}" for number, (_, word) in enumerate(self.events, 1))
        return [*lines, f"{'':8} {''.join(marks).rstrip()}", f"{'':8} {words}; {until:.0f} s in all"]

    def draw(self, path: Path) -> None:
        """The same as a picture (PNG)."""
        figure = Figure(figsize=(9, 3), layout="constrained")
        axes = figure.subplots()
        at = [look.at for look in self.looks]
        held = [[look.held.get(lane, 0) for look in self.looks] for lane in COLOURS]
        axes.stackplot(at, held, labels=list(COLOURS), colors=list(COLOURS.values()), step="post")
        axes.axhline(self.cores, color="black", linewidth=0.8, linestyle=":")
        for when, word in self.events:
            axes.axvline(when, color="black", linewidth=0.8)
            axes.text(when, self.cores * 1.02, f" {word}", rotation=30, fontsize=8)
        axes.set(xlabel="s", ylabel="cores", xlim=(0, at[-1] * 1.08), ylim=(0, self.cores * 1.3))
        axes.legend(loc="lower left")
        figure.savefig(path)
