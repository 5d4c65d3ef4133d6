"""The page's form: lanes as cards, a shape, a time. Plain HTML, which works without JavaScript. Pure."""

from collections.abc import Collection, Mapping
from html import escape
from types import MappingProxyType

from ihpc_jupyter.hub.choice import FIELDS, RefusedOption, fitting, longest, open_lanes, waited, words
from ihpc_jupyter.model.metrics import Summary
from ihpc_jupyter.model.site import Described, Lane, Shape
from ihpc_jupyter.scheduler.base import Capacity


def render(
    site: Described,
    groups: Collection[str],
    last: Mapping[str, object],
    capacity: Capacity | None,
    age: float | None,
    refused: RefusedOption | None = None,
    waits: Mapping[str, Summary] = MappingProxyType({}),
) -> str:
    """The form's inside; *last* are the options of the last start, *capacity* what is free, *age* seconds old,
    None where nobody asks; *refused* says which of them cannot be had; *waits*, by lane, how long servers have
    waited."""
    lanes = open_lanes(site, groups)
    if not lanes:
        return "<p>No lane of this site is open to you; ask the centre's staff.</p>"
    default = site.default_lane if site.default_lane in lanes else next(iter(lanes))
    chosen = _last("lane", last, lanes, default)
    cards = "".join(
        _card(name, lane, site, (_room(name, capacity), _wait(waits.get(name))), checked=name == chosen)
        for name, lane in lanes.items()
    )
    told = _told(age, known=capacity is not None)
    wrong = refused.field if refused else ""
    return (
        f'{_STYLE}<fieldset class="mb-3" id="ihpc-lane" role="radiogroup" tabindex="-1"{_invalid("lane", wrong)}>'
        f'<legend>Lane</legend>{_problem("lane", refused)}<p id="ihpc-age" class="form-text">{told}</p>{cards}'
        f'</fieldset><fieldset class="mb-3"><legend>Your server</legend>'
        f"{_shapes(site, last, refused)}{_time(last, refused)}</fieldset>"
    )


def summary(refused: RefusedOption) -> str:
    """What stands above a form that was refused: the cause, which leads to its field."""
    words_of_it = f"Not started. {escape(str(refused))}"
    if refused.field not in FIELDS:
        return words_of_it
    return f'<a class="alert-link" href="#ihpc-{refused.field}" autofocus>{words_of_it}</a>'


_STYLE = (
    "<style>#spawn_form .ihpc-lane:has(:checked){border-color:var(--bs-primary)}"
    "#spawn_form .ihpc-lane :is(p,details){margin:.25rem 0 0}</style>"
)


def _last(field: str, last: Mapping[str, object], names: Collection[str], default: str) -> str:
    """What was last asked for, where that is to be had: it may be anything that somebody sent."""
    value = last.get(field)
    return value if isinstance(value, str) and value in names else default


def _told(age: float | None, *, known: bool) -> str:
    """How old what is said of free cores is."""
    if age is None:
        return "What is free is unknown: this batch system is not asked."
    return f"As told {waited(round(age))} ago." if known else "What is free is being asked for."


def _invalid(field: str, wrong: str, about: str = "") -> str:
    """That a field is refused, and what describes it: its problem first, then what is *about* it in any case."""
    invalid = field == wrong
    described = " ".join(filter(None, [f"ihpc-{field}-problem" if invalid else "", about]))
    return (' aria-invalid="true"' if invalid else "") + (f' aria-describedby="{described}"' if described else "")


def _problem(field: str, refused: RefusedOption | None) -> str:
    """The cause beside its field."""
    if refused is None or refused.field != field:
        return ""
    return f'<p id="ihpc-{field}-problem" class="text-danger-emphasis">{escape(str(refused))}</p>'


def _card(name: str, lane: Lane, site: Described, now: tuple[str, str], *, checked: bool) -> str:
    """*now*: what is free, and how long a start takes."""
    identity, about = escape(f"ihpc-lane-{name}"), escape(f"ihpc-about-{name}")
    shapes = ", ".join(fitting(site, lane)) or "none"
    price = f"each core-hour counts {lane.cost_factor:g} times" if lane.cost_factor != 1 else "normal price"
    more = [
        f"Shapes: {shapes}.",
        f"Without a time of your own: {words(lane.time_limit)}.",
        *(["May have to give way to others while it runs."] if lane.preemptible else []),
    ]
    return (
        '<div class="card mb-2 ihpc-lane"><div class="card-body py-2"><div class="form-check">'
        f'<input class="form-check-input" type="radio" name="lane" id="{identity}" value="{escape(name)}"'
        f' aria-describedby="{about} ihpc-age"{" checked" if checked else ""}>'
        f'<label class="form-check-label" for="{identity}"><strong>{escape(lane.title or name)}</strong></label>'
        f'<p id="{about}">{escape("; ".join([*now, _limit(lane), price]))}.</p>'
        f"<details><summary>More</summary><p>{escape(' '.join(more))}</p></details></div></div></div>"
    )


def _limit(lane: Lane) -> str:
    return f"at most {words(longest(lane))}" if lane.max_time else "no time limit of its own"


def _room(name: str, capacity: Capacity | None) -> str:
    if capacity is None or name not in capacity.free:
        return "Free cores: unknown"
    return f"{capacity.free[name]} of {capacity.total.get(name, 0)} cores free"


def _wait(seen: Summary | None) -> str:
    """What is to be expected, from how others fared; how many that is says how much it is worth."""
    if seen is None or seen.p50 is None:
        return "expected wait: unknown"
    least = "at least " if seen.p50.at_least else ""
    servers = "one server in a day" if seen.count == 1 else f"median of {seen.count} servers in a day"
    return f"expected wait: {least}{waited(seen.p50.value)} ({servers})"


def _shapes(site: Described, last: Mapping[str, object], refused: RefusedOption | None) -> str:
    chosen = _last("shape", last, site.shapes, site.default_shape)
    options = "".join(
        f'<option value="{escape(name)}"{" selected" if name == chosen else ""}>'
        f"{escape(_shape(name, shape))}</option>"
        for name, shape in site.shapes.items()
    )
    return (
        f'<label class="form-label" for="ihpc-shape">Cores and memory</label>{_problem("shape", refused)}'
        f'<select class="form-select mb-2" name="shape" id="ihpc-shape"'
        f"{_invalid('shape', refused.field if refused else '')}>{options}</select>"
    )


def _shape(name: str, shape: Shape) -> str:
    gpus = f", {shape.gpus} GPU{'s' if shape.gpus > 1 else ''}" if shape.gpus else ""
    cores = f"{shape.cores} core{'s' if shape.cores > 1 else ''}"
    whole = f"{round(shape.memory / (1 << 30), 2):g} GiB"
    memory = whole if shape.memory >= 1 << 30 else f"{shape.memory >> 20} MiB"
    return f"{name}: {cores}, {memory}{gpus}"


def _time(last: Mapping[str, object], refused: RefusedOption | None) -> str:
    value = last.get("time")
    shown = escape(value) if isinstance(value, str) else ""
    return (
        f'<label class="form-label" for="ihpc-time">Time</label>{_problem("time", refused)}'
        f'<input class="form-control" type="text" name="time" id="ihpc-time" value="{shown}" maxlength="20"'
        f"{_invalid('time', refused.field if refused else '', 'ihpc-time-help')}>"
        '<p id="ihpc-time-help" class="form-text">Like 90m, 4h or 1:30:00; empty for the lane\'s own.</p>'
    )
