"""What *Run urgently* asks the kernel before it runs a cell: the plan of that very cell.

The kernel knows the options in the cell's first line, the variables in them, and the notebook's cluster.
"""

from typing import Any

from IPython import get_ipython

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.kernel.urgent.launch import asked, order_for
from ihpc_jupyter.kernel.urgent.options import read_options
from ihpc_jupyter.model.run import Kind, Plan

MAGIC = "%%urgent"


class Question:
    """A plan that shows as JSON: ``{"plan": …}``, null where the cell would run nothing."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan

    def _repr_json_(self) -> dict[str, Any]:
        return {"plan": self.plan.model_dump(mode="json") if self.plan else None}


def question(text: str) -> Question:
    """The plan of a cell that begins with ``%%urgent``. Raises what the cell would raise before it runs."""
    first, _, _ = text.lstrip().partition("\n")
    options = read_options(get_ipython().var_expand(first.removeprefix(MAGIC)))
    if options.help or options.plan:
        return Question(None)
    kind = Kind.SCRIPT if options.script else Kind.CELL
    return Question(asked(AgentClient.plan_run, options, order_for(options, kind, "")))
