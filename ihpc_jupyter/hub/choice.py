"""What a user may ask for: one schema for form, query and REST. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.site import Described, Lane, Shape, parse_duration

FIELDS = ("lane", "shape", "time")

_OF_THE_PAGE = {"_xsrf", "display_name"}
"""Fields of JupyterHub's own in the form."""

_LONGEST = 366 * 86400.0


class RefusedOption(InvalidRequest):
    """An option that is not accepted; *field* names it."""

    def __init__(self, field: str, message: str, allowed: str) -> None:
        super().__init__(f"{field}: {message}.", f"Allowed: {allowed}.")
        self.field = field


@dataclass(frozen=True)
class Choice:
    """A lane, a shape and a time limit (seconds) that are allowed together."""

    lane: str
    shape: str
    time_limit: float


def open_lanes(site: Described, groups: Collection[str]) -> dict[str, Lane]:
    """The lanes that a member of these groups sees."""
    return {name: lane for name, lane in site.lanes.items() if not lane.groups or set(lane.groups) & set(groups)}


def from_form(form: Mapping[str, list[str]]) -> dict[str, object]:
    """Options from a posted form or a query: text where there is one value, a list (refused later) for more."""
    single = {key: values[0] if len(values) == 1 else values for key, values in form.items()}
    return {key: value for key, value in single.items() if key not in _OF_THE_PAGE}


def choose(site: Described, groups: Collection[str], options: Mapping[str, object]) -> Choice:
    """What *options* ask for; what they leave out (or leave empty) is the site's default.

    Raises `RefusedOption` with the field and what is allowed.
    """
    for key in options:
        if key not in FIELDS:
            raise RefusedOption(_shown(key), "no such option", ", ".join(FIELDS))
    lanes = open_lanes(site, groups)
    if not lanes:
        raise RefusedOption("lane", "no lane is open to you", "nothing; ask the centre's staff")
    default = site.default_lane if site.default_lane in lanes else next(iter(lanes))
    lane = _one_of("lane", options, lanes, default)
    shape = _one_of("shape", options, fitting(site, lanes[lane]), site.default_shape)
    return Choice(lane, shape, _time(options.get("time"), lanes[lane]))


def fitting(site: Described, lane: Lane) -> dict[str, Shape]:
    """The shapes that one job of the lane may have."""
    return {
        name: shape
        for name, shape in site.shapes.items()
        if shape.cores <= (lane.max_cores or shape.cores)
        and shape.memory <= (lane.max_memory or shape.memory)
        and (lane.max_gpus is None or shape.gpus <= lane.max_gpus)
    }


def longest(lane: Lane) -> float:
    """The most seconds that a job of the lane may ask for."""
    return lane.max_time or _LONGEST


def words(seconds: float) -> str:
    """A duration as a person writes it and the form takes it: ``4h``, ``90m``, ``45s``."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def waited(seconds: float) -> str:
    """A span of time as it is told, to two places: ``0.4 s``, ``12 s``, ``3 min``, ``5.5 h``."""
    size, unit = next((pair for pair in ((3600.0, "h"), (60.0, "min")) if seconds >= pair[0]), (1.0, "s"))
    return f"{float(f'{seconds / size:.2g}'):g} {unit}"


def _one_of(field: str, options: Mapping[str, object], allowed: Collection[str], default: str) -> str:
    value = options.get(field)
    if value is None or value == "":
        value = default
    if not isinstance(value, str) or value not in allowed:
        raise RefusedOption(field, f"{_shown(value)} cannot be had", ", ".join(allowed) or "nothing")
    return value


def _time(value: object, lane: Lane) -> float:
    if value is None or value == "":
        return lane.time_limit
    allowed = f"1m to {words(longest(lane))}, written like 90m, 4h or 1:30:00"
    try:
        seconds = parse_duration(value)
    except (ValueError, OverflowError):
        seconds = None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 60 <= seconds <= longest(lane):
        raise RefusedOption("time", f"{_shown(value)} cannot be had", allowed)
    return float(seconds)


def _shown(value: object) -> str:
    """What was sent, in one short line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
