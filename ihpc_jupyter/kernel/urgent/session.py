"""One open connection to the agent for all urgent runs of this kernel: nothing is set up when it is urgent."""

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.paths import agent_socket

T = TypeVar("T")


@cache
def _client(_: Path) -> AgentClient:
    return AgentClient()


def agent() -> AgentClient:
    """The client that stays open; used in the portal's thread only."""
    return _client(agent_socket())


def ask(method: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """One request: ``ask(AgentClient.run, id)``. Raises what the agent answers, and Unavailable."""
    return portal().call(method, agent(), *arguments)


def warm() -> None:
    """Make ready what takes time, without starting an agent; returns at once."""
    client = agent()
    if agent_socket().exists():
        portal().start_task_soon(_greet, client)


async def _greet(client: AgentClient) -> None:
    """Compare versions before it is urgent; whether somebody answered shows when it matters."""
    try:
        await client.send("GET", "/api/about")
    except Exception:  # noqa: BLE001 - nobody waits for this
        return
