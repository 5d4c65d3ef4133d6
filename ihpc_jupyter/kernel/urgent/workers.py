"""Workers of a run's own: a Dask cluster that is made for it and ends with it."""

from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.kernel.asynchronous import AsyncCluster
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.kernel.urgent.session import agent
from ihpc_jupyter.model.run import RunView

HEAD_PATIENCE = 120.0
"""Seconds that the head may take to start."""
IDLE = 600.0
"""Seconds without a task after which the workers go by themselves: should this kernel have gone."""


def name_for(view: RunView) -> str:
    """The name of a run's own cluster."""
    plain = "".join(letter for letter in view.id.lower() if letter.isalnum() or letter == "-")
    return f"run-{plain}"[:32].rstrip("-")


async def open_workers(view: RunView, workers: int) -> dict[str, str]:
    """Ask for the workers and wait for their head; they come while the run starts.

    The address and the paths of the keys, for the driver. Raises InvalidRequest, Rejected, Unavailable.
    """
    shape = view.shape.model_dump()
    async with await AsyncCluster.open(
        name_for(view), site=view.site, lane=view.lane, workers=workers, account=view.account, idle_timeout=IDLE,
        shape=shape,
    ) as cluster:  # fmt: skip
        connection = await cluster.connection(HEAD_PATIENCE)
    return connection.model_dump(include={"address", "ca_file", "cert_file", "key_file"})


def stop_workers(name: str) -> None:
    """Let them go; returns at once."""
    portal().start_task_soon(_stop, name)


async def _stop(name: str) -> None:
    try:
        await agent().stop(name)
    except IhpcError:
        return
