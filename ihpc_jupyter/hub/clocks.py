"""How long each part of a server's start may take, lane by lane. Pure."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.base import Model

Clock = Annotated[int, Field(strict=True, ge=1, le=366 * 86400)]
"""Whole seconds, at most a year."""


class Clocks(Model):
    """What a lane has of its own; the hub's settings count for what is left out."""

    queue: Clock | None = None
    """From submission until the job runs."""
    boot: Clock | None = None
    """From there until the server listens on its port."""
    http: Clock | None = None
    """From there until it answers."""


Part = Literal["queue", "boot", "http"]
PARTS: tuple[Part, ...] = get_args(Part)
_BY_LANE: TypeAdapter[dict[str, Clocks]] = TypeAdapter(dict[str, Clocks])


def read_clocks(value: object) -> dict[str, Clocks]:
    """From a setting like ``{"urgent": {"queue": 600}}``. Raises `InvalidRequest` that names lane and part."""
    try:
        return _BY_LANE.validate_python(value)
    except ValidationError as errors:
        first = errors.errors()[0]
        where = "".join(f"[{part!r}]" for part in first["loc"])
        hint = "For a lane: whole seconds for queue, boot and http."
        raise InvalidRequest(f"{where or value!r}: {first['msg']}.", hint) from None


def check_lanes(clocks: Mapping[str, Clocks], lanes: Collection[str]) -> None:
    """Raises `InvalidRequest` for a lane that the site has not."""
    for lane in clocks:
        if lane not in lanes:
            raise InvalidRequest(f"There is no lane {lane!r}.", f"Lanes: {', '.join(lanes)}.")


def longest(clocks: Mapping[str, Clocks], everywhere: Mapping[Part, int]) -> int:
    """Seconds of the lane whose start may take longest, one without clocks of its own included."""
    return max(
        sum(getattr(one, part) or everywhere[part] for part in PARTS) for one in [Clocks(), *clocks.values()]
    )
