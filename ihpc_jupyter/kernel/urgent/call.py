"""`urgent(function, …)`: a call that runs now, as a future."""

from collections.abc import Callable, Sequence
from typing import Any

from ihpc_jupyter.client.order import order_of
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.kernel.urgent.launch import launch
from ihpc_jupyter.kernel.urgent.options import UrgentOptions
from ihpc_jupyter.kernel.urgent.remote_error import without_our_frames
from ihpc_jupyter.kernel.urgent.run import Run
from ihpc_jupyter.model.run import Kind


def urgent(  # noqa: PLR0913 - the words of a run, each with a good default
    function: Callable[..., Any],
    /,
    *args: Any,
    deadline: str | float | None = None,
    copies: int | None = None,
    cluster: str | None = None,
    site: str | None = None,
    lane: str | None = None,
    shape: str | None = None,
    cores: int | None = None,
    memory: str | int | None = None,
    gpus: int | None = None,
    account: str | None = None,
    time_limit: str | float | None = None,
    reason: str | None = None,
    budget: float | None = None,
    preempt: bool = True,
    let_go: bool = False,
    go_on: bool = False,
    put: Sequence[str] = (),
    get: Sequence[str] = (),
    **kwargs: Any,
) -> Run:
    """Run ``function(*args, **kwargs)`` urgently; returns a `Run` as soon as it is started.

    ``urgent(locate, stream, deadline="10m").result()``. The keywords are the options of ``%%urgent``; a function
    that has a keyword of the same name takes it through `functools.partial`. *deadline*, *time_limit*: seconds or
    "10m". Raises InvalidRequest (a wrong value, or an argument that cannot be sent), NotAllowed, Rejected,
    Unavailable: then nothing was submitted.
    """
    __tracebackhide__ = True
    said = {
        "deadline": None if deadline is None else str(deadline), "copies": copies, "cluster": cluster,
        "site": site, "lane": lane, "shape": shape, "cores": cores, "memory": memory, "gpus": gpus,
        "account": account, "time": time_limit, "reason": reason, "budget": budget, "no_preempt": not preempt,
        "let_go": let_go, "go_on": go_on,
    }  # fmt: skip
    try:
        return _begun(function, args, kwargs, said, put, get)
    except IhpcError as error:
        raise without_our_frames(error) from None


def _begun(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    said: dict[str, Any],
    put: Sequence[str],
    get: Sequence[str],
) -> Run:
    from ihpc_jupyter.kernel.urgent.capture import capture_call  # noqa: PLC0415 - the pickler comes when needed

    order = order_of(said)
    payload = capture_call(function, args, kwargs)
    return launch(payload, UrgentOptions(order=order, put=tuple(put), get=tuple(get)), Kind.CALL)
