"""The page's form: lanes as cards, a shape, a time. Plain HTML, which works without JavaScript. Pure."""

from collections.abc import Collection, Mapping
from html import escape

from ihpc_jupyter.hub.choice import fitting, longest, open_lanes, words
from ihpc_jupyter.model.site import Lane, Shape, Site
from ihpc_jupyter.scheduler.base import Capacity


def render(
    site: Site, groups: Collection[str], last: Mapping[str, object], capacity: Capacity | None, age: float
) -> str:
    """The form's inside; *last* are the options of the last start, *capacity* what is free, *age* seconds old."""
    lanes = open_lanes(site, groups)
    if not lanes:
        return "<p>No lane of this site is open to you; ask the centre's staff.</p>"
    default = site.default_lane if site.default_lane in lanes else next(iter(lanes))
    chosen = last.get("lane") if last.get("lane") in lanes else default
    cards = "".join(
        _card(name, lane, site, room=_room(name, capacity), checked=name == chosen) for name, lane in lanes.items()
    )
    told = f"As told {age:.0f} seconds ago." if capacity is not None else "What is free is being asked for."
    return (
        f'<fieldset class="mb-3"><legend>Lane</legend><p id="ihpc-age"><small>{told}</small></p>{cards}</fieldset>'
        f'<fieldset class="mb-3"><legend>Your server</legend>{_shapes(site, last)}{_time(last)}</fieldset>'
    )


def _card(name: str, lane: Lane, site: Site, *, room: str, checked: bool) -> str:
    identity, about = escape(f"ihpc-lane-{name}"), escape(f"ihpc-about-{name}")
    shapes = ", ".join(fitting(site, lane)) or "none"
    price = f"each core-hour counts {lane.cost_factor:g} times" if lane.cost_factor != 1 else "normal price"
    more = [
        f"Shapes: {shapes}.",
        f"Without a time of your own: {words(lane.time_limit)}.",
        *(["May have to give way to others while it runs."] if lane.preemptible else []),
    ]
    return (
        '<div class="card mb-2"><div class="card-body"><div class="form-check">'
        f'<input class="form-check-input" type="radio" name="lane" id="{identity}" value="{escape(name)}"'
        f' aria-describedby="{about} ihpc-age"{" checked" if checked else ""}>'
        f'<label class="form-check-label" for="{identity}"><strong>{escape(lane.title or name)}</strong></label>'
        f'<p id="{about}">{escape(room)}; {_limit(lane)}; {price}.</p>'
        f"<details><summary>More</summary><p>{escape(' '.join(more))}</p></details></div></div></div>"
    )


def _limit(lane: Lane) -> str:
    return f"at most {words(longest(lane))}" if lane.max_time else "no time limit of its own"


def _room(name: str, capacity: Capacity | None) -> str:
    if capacity is None or name not in capacity.free:
        return "Free cores: unknown"
    return f"{capacity.free[name]} of {capacity.total.get(name, 0)} cores free"


def _shapes(site: Site, last: Mapping[str, object]) -> str:
    chosen = last.get("shape") if last.get("shape") in site.shapes else site.default_shape
    options = "".join(
        f'<option value="{escape(name)}"{" selected" if name == chosen else ""}>'
        f"{escape(_shape(name, shape))}</option>"
        for name, shape in site.shapes.items()
    )
    return (
        '<label class="form-label" for="ihpc-shape">Cores and memory</label>'
        f'<select class="form-select mb-2" name="shape" id="ihpc-shape">{options}</select>'
    )


def _shape(name: str, shape: Shape) -> str:
    gpus = f", {shape.gpus} GPU{'s' if shape.gpus > 1 else ''}" if shape.gpus else ""
    return f"{name}: {shape.cores} core{'s' if shape.cores > 1 else ''}, {shape.memory / (1 << 30):.3g} GiB{gpus}"


def _time(last: Mapping[str, object]) -> str:
    value = last.get("time")
    shown = escape(value) if isinstance(value, str) else ""
    return (
        '<label class="form-label" for="ihpc-time">Time</label>'
        f'<input class="form-control" type="text" name="time" id="ihpc-time" value="{shown}" maxlength="20"'
        ' aria-describedby="ihpc-time-help">'
        '<p id="ihpc-time-help"><small>Like 90m, 4h or 1:30:00; empty for the lane\'s own.</small></p>'
    )
