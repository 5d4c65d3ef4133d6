"""Bounded memory of clusters' pasts: the young moments all, of older ones fewer and fewer."""

from dataclasses import dataclass

from ihpc_jupyter.model.cluster import ClusterView, Counts
from ihpc_jupyter.model.timeline import Timeline

EACH = 2.0
"""Seconds between two moments, at least."""
MAX_MOMENTS = 720
"""Moments of one cluster."""
MAX_POINTS = 240
"""Moments of one answer: beyond, the last of each of equal spans."""
MAX_CLUSTERS = 40
"""Clusters that are followed; beyond, the one not heard of for longest is forgotten."""


@dataclass(frozen=True)
class Moment:
    """How a cluster was. What the head tells is None where it was not heard; *transfer*: bytes a second."""

    at: float
    counts: Counts
    tasks: int | None = None
    processing: int | None = None
    memory: int | None = None
    memory_limit: int | None = None
    transfer: float | None = None


class _Past:
    """One cluster's moments, and what they are counted from."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.moments: list[Moment] = []
        self.revision = 0
        self._sent: tuple[float, int] | None = None

    def note(self, view: ClusterView, now: float) -> None:
        if self.moments and 0 <= now - self.moments[-1].at < EACH:
            return
        self.moments.append(self._moment(view, now))
        self.revision += 1
        if len(self.moments) > MAX_MOMENTS:
            half = MAX_MOMENTS // 2
            self.moments[:half] = self.moments[:half:2]

    def _moment(self, view: ClusterView, now: float) -> Moment:
        counts = _together([group.counts for group in view.groups.values()])
        if view.head.state != "up":
            self._sent = None
            return Moment(now, counts)
        load = view.load
        transfer, self._sent = self._rate(load.sent, now), (now, load.sent)
        return Moment(now, counts, load.tasks, load.processing, load.memory, load.memory_limit, transfer)

    def _rate(self, sent: int, now: float) -> float | None:
        """Nothing is known across a head's restart or a step of the clock."""
        if self._sent is None or now <= self._sent[0] or sent < self._sent[1]:
            return None
        return (sent - self._sent[1]) / (now - self._sent[0])


class Timelines:
    """The pasts of all clusters since the agent looks."""

    def __init__(self) -> None:
        self._pasts: dict[str, _Past] = {}

    def note(self, view: ClusterView, now: float) -> None:
        """How a cluster is now; more often than each `EACH` seconds is no news."""
        past = self._pasts.get(view.name)
        if past is None or past.uid != view.uid:
            self.forget(view.name)
            if len(self._pasts) >= MAX_CLUSTERS:
                self.forget(min(self._pasts, key=lambda name: self._pasts[name].moments[-1].at))
            past = self._pasts[view.name] = _Past(view.uid)
        past.note(view, now)

    def forget(self, name: str) -> None:
        """The cluster is gone."""
        self._pasts.pop(name, None)

    def tell(self, name: str, window: float, now: float) -> Timeline:
        """What is known of the last *window* seconds of a cluster."""
        past = self._pasts.get(name)
        moments = _few([one for one in past.moments if one.at >= now - window], window) if past else []
        return Timeline(
            cluster=name, at=now, window=window, revision=past.revision if past else 0,
            moments=tuple(one.at for one in moments),
            requested=tuple(one.counts.requested for one in moments),
            pending=tuple(one.counts.pending for one in moments),
            starting=tuple(one.counts.starting for one in moments),
            working=tuple(one.counts.working for one in moments),
            lost=tuple(one.counts.lost for one in moments),
            tasks=tuple(one.tasks for one in moments),
            processing=tuple(one.processing for one in moments),
            memory=tuple(one.memory for one in moments),
            memory_limit=tuple(one.memory_limit for one in moments),
            transfer=tuple(one.transfer for one in moments),
        )  # fmt: skip


def _few(moments: list[Moment], window: float) -> list[Moment]:
    """At most `MAX_POINTS`; the spans stand still while time goes on, so that a chart does not tremble."""
    if len(moments) <= MAX_POINTS:
        return moments
    span = window / (MAX_POINTS - 1)
    return list({int(one.at // span): one for one in moments}.values())


def _together(counts: list[Counts]) -> Counts:
    fields = Counts.model_fields
    return Counts.model_validate({name: sum(getattr(one, name) for one in counts) for name in fields})
