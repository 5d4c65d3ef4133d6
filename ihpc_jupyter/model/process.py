"""A process for good: pids are reused, boots end, hosts share a home."""

from ihpc_jupyter.model.base import Model, Time


class Process(Model):
    """Which process, of which boot of which host. *started_at*: its creation, seconds since 1970."""

    host: str
    boot: str
    pid: int
    started_at: Time
