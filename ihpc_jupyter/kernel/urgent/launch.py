"""From what was captured to a run that goes: planned, written down, started; undone where that fails."""

import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import IhpcError, NotFound, Unavailable
from ihpc_jupyter.kernel.cluster import current_cluster
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.kernel.urgent import workers
from ihpc_jupyter.kernel.urgent.files import Travelled, put_files, readable
from ihpc_jupyter.kernel.urgent.kept import HELD, THIS_KERNEL, Kept
from ihpc_jupyter.kernel.urgent.options import UrgentOptions
from ihpc_jupyter.kernel.urgent.run import Run
from ihpc_jupyter.kernel.urgent.session import agent
from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import Kind, RunOrder, RunView

if TYPE_CHECKING:
    from ihpc_jupyter.kernel.urgent.capture import Payload


SMALL = 1 << 20
"""Bytes of a payload that is written at once."""


def order_for(options: UrgentOptions, kind: Kind, title: str) -> RunOrder:
    """The whole order: with this kernel's environment, and its cluster where nothing else was asked for."""
    environment = Environment(python=sys.executable, directory=str(Path.cwd()))
    printable = "".join(letter if letter.isprintable() else " " for letter in title).strip()[:200]
    more: dict[str, object] = {"kind": kind, "title": printable, "environment": environment}
    if options.workers:
        more["workers"] = options.workers
    if options.anywhere and kind is not Kind.SCRIPT and (cluster := current_cluster()):
        more["cluster"] = cluster
    return options.order.model_copy(update=more)


T = TypeVar("T")


def asked(method: Callable[[AgentClient, RunOrder], Awaitable[T]], options: UrgentOptions, order: RunOrder) -> T:
    """Ask with an order; a cluster that nobody named and that has gone meanwhile is left out."""
    return portal().call(_asked, method, options, order)


async def _asked(
    method: Callable[[AgentClient, RunOrder], Awaitable[T]], options: UrgentOptions, order: RunOrder
) -> T:
    try:
        return await method(agent(), order)
    except NotFound:
        if order.cluster == options.order.cluster:
            raise
        return await method(agent(), order.model_copy(update={"cluster": None}))


def launch(
    payload: "Payload",
    options: UrgentOptions,
    kind: Kind,
    namespace: MutableMapping[str, Any] | None = None,
    planned: Callable[[RunView, Travelled], None] | None = None,
) -> Run:
    """Order, write, start; *planned* is told the plan before that, or while it is said where all goes fast.

    Raises what the agent answers. When anything fails or is interrupted before the start, nothing stays behind.
    """
    files = readable(options.put, Path.cwd())
    view = _create(options, order_for(options, kind, payload.title))
    mailbox = Mailbox(Path(view.mailbox))
    made: list[str] = []
    try:
        put = Travelled()
        if files or options.get:
            payload.order["files"] = True
            put = put_files(mailbox, files)
        fast = not (files or options.workers) and payload.size < SMALL
        if planned and not fast:
            planned(view, put)
        payload.order["tasks"] = view.tasks
        if options.workers:
            made.append(workers.name_for(view))
            payload.order["cluster"] = portal().call(workers.open_workers, view, options.workers)
        payload.write(mailbox)
        starting = portal().start_task_soon(agent().start_run, view.id)
        if planned and fast:
            planned(view, put)
        view = starting.result()
    except BaseException as error:
        _undo(view, made)
        if isinstance(error, OSError):
            raise _unwritten(error) from error
        raise
    kept = Kept(
        wants=payload.wants,
        fingerprints=payload.fingerprints,
        kernel=THIS_KERNEL,
        get=options.get,
        directory=str(Path.cwd()),
        workers=made[0] if made else None,
    )
    _keep(kept, mailbox)
    if options.detach and namespace is not None:
        HELD[view.id] = [namespace[name] for name in kept.fingerprints if name in namespace]
    run = Run(view, namespace, kept)
    if kept.workers:
        run.add_done_callback(lambda _: workers.stop_workers(kept.workers or ""))
    return run


def _create(options: UrgentOptions, order: RunOrder) -> RunView:
    """A run that is planned; one that was interrupted on the way is thrown away when its answer comes."""
    unwanted = threading.Event()
    try:
        return portal().call(_created, options, order, unwanted)
    except KeyboardInterrupt:
        unwanted.set()
        raise


async def _created(options: UrgentOptions, order: RunOrder, unwanted: threading.Event) -> RunView:
    view = await _asked(AgentClient.create_run, options, order)
    if unwanted.is_set():
        await _discard(view.id)
    return view


def _undo(view: RunView, made: list[str]) -> None:
    """Nothing stays behind; nobody waits for that."""
    portal().start_task_soon(_discard, view.id)
    for name in made:
        workers.stop_workers(name)


async def _discard(id_: str) -> None:
    try:
        await agent().cancel_run(id_)
    except IhpcError:
        return


def _keep(kept: Kept, mailbox: Mailbox) -> None:
    """Written after the start: it is needed by those who attach later only, and no reason to fail."""
    try:
        kept.write(mailbox)
    except OSError:
        return


def _unwritten(error: OSError) -> Unavailable:
    where = f" {error.filename}" if error.filename else ""
    return Unavailable(
        f"The payload cannot be written:{where} {error.strerror or error}. Nothing was submitted.",
        "Is the site's spool directory full, or not reachable from here?",
    )
