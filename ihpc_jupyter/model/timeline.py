"""A cluster over time: workers by state, tasks, memory, transfer, as columns over one row of moments."""

from ihpc_jupyter.model.base import Model, Name, Seconds, Time


class Timeline(Model):
    """All columns are as long as *moments*, oldest first; null where the head was not heard."""

    cluster: Name
    at: Time
    revision: int
    """Grows with each moment; whoever has it already is answered with nothing (204)."""
    window: Seconds
    """The time that is looked back over."""
    moments: tuple[Time, ...] = ()
    requested: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()
    starting: tuple[int, ...] = ()
    working: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    tasks: tuple[int | None, ...] = ()
    """Tasks that the head knows, results that are kept included."""
    processing: tuple[int | None, ...] = ()
    """Of these, given to workers and not finished."""
    memory: tuple[int | None, ...] = ()
    """Bytes that all workers use together."""
    memory_limit: tuple[int | None, ...] = ()
    """Bytes that they may use."""
    transfer: tuple[float | None, ...] = ()
    """Bytes a second that workers send, to one another and to clients; over the time since the moment before."""
