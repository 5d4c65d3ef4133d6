"""The nodes of a site, those that are alike as one."""

from typing import Annotated

from pydantic import Field

from ihpc_jupyter.model.base import Model, Time

Number = Annotated[int, Field(ge=0)]


class NodeGroup(Model):
    """Nodes in the same state for the same reason."""

    state: str
    """The batch system's word."""
    count: Number
    names: str
    """As the batch system writes them: ``n[1-3]``."""
    out: bool = False
    """Out of order: down, drained or draining, failed, in maintenance."""
    reason: str = ""
    """What the staff, or the batch system itself, gave for being out of order."""
    free_cores: Number = 0
    cores: Number = 0


class Nodes(Model):
    """All nodes, as last told. *at*: when that was asked."""

    at: Time
    groups: tuple[NodeGroup, ...] = ()

    @property
    def used(self) -> float | None:
        """The share of nodes that run something, of those in order; None where there is none."""
        well = [group for group in self.groups if not group.out]
        total = sum(group.count for group in well)
        return sum(group.count for group in well if group.free_cores < group.cores) / total if total else None
