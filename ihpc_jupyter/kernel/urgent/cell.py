"""`%%urgent` itself: capture, plan, start, follow, bring back."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.events import result_line
from ihpc_jupyter.client.story import plan_line
from ihpc_jupyter.errors import IhpcError, InvalidRequest, Rejected
from ihpc_jupyter.kernel.portal import portal
from ihpc_jupyter.kernel.urgent import stage, workers
from ihpc_jupyter.kernel.urgent.files import Travelled, get_files
from ihpc_jupyter.kernel.urgent.follow import follow
from ihpc_jupyter.kernel.urgent.launch import asked, launch, order_for
from ihpc_jupyter.kernel.urgent.options import UrgentOptions, help_text, read_options
from ihpc_jupyter.kernel.urgent.plain import plain
from ihpc_jupyter.kernel.urgent.run import Run
from ihpc_jupyter.kernel.urgent.screen import Screen, screen_of
from ihpc_jupyter.kernel.urgent.session import agent
from ihpc_jupyter.model.run import Kind, Plan, RunView

if TYPE_CHECKING:
    from ihpc_jupyter.kernel.urgent.restore import Restored

CANCELLING = 1.8
"""Seconds that a person who pressed Ctrl-C waits at most for the agent's word."""
BILL_PATIENCE = 30.0
"""Seconds that the bill may take; then the line stays without it."""
BILL_LOOK = 0.5
"""Seconds between two questions for it."""


def run_cell(shell: Any, line: str, source: str, first_line: str = "") -> None:
    """Run code as the options in *line* say; *first_line*: what stands above it in its cell.

    Raises our errors, and what the code raised.
    """
    options = read_options(line)
    screen = screen_of(shell)
    if options.help:
        screen.write("stdout", f"{help_text()}\n")
        return
    if not source.strip():
        raise InvalidRequest("There is nothing to run.", "Write code below %%urgent, or behind %urgent.")
    payload, kind = _captured(shell, options, source, first_line)
    if options.plan:
        plan: Plan = asked(AgentClient.plan_run, options, order_for(options, kind, payload.title))
        screen.table(stage.plan_text(plan), stage.plan_html(plan))
        return
    run = launch(payload, options, kind, shell.user_ns, lambda view, put: _show_plan(screen, view, put))
    if options.bind:
        shell.user_ns[options.bind] = run
    if options.detach:
        screen.stage(run.seen)
        screen.write(
            "stdout", f"Run {run.id} goes on by itself. %runs attach {run.id} brings output and result.\n"
        )
        return
    bring(shell, run, screen)


def _captured(shell: Any, options: UrgentOptions, source: str, first_line: str) -> tuple[Any, Kind]:
    from ihpc_jupyter.kernel.urgent.capture import capture_cell, capture_script  # noqa: PLC0415 - late: it is big

    if options.script:
        return capture_script(source, options.script), Kind.SCRIPT
    # The first line counts, so that tracebacks name the cell's lines; IPython knows the text by the file's name.
    text = f"# {first_line}\n{source}" if first_line else source
    filename = shell.compile.cache(text, shell.execution_count, raw_code=text)
    return capture_cell(text, shell.user_ns, filename=filename), Kind.CELL


def _show_plan(screen: Screen, view: RunView, put: Travelled) -> None:
    screen.stage(view)
    screen.write("stdout", f"{plan_line(view.plan)}\n")
    if put.files:
        screen.write("stdout", f"With {put}.\n")


def bring(shell: Any, run: Run, screen: Screen, *, overwrite: bool = False, anew: bool = False) -> None:
    """Follow a run to its end and bring back what it has; Ctrl-C cancels it everywhere.

    *anew*: it was let go before, so names may have been bound anew meanwhile: these stay unless *overwrite*.
    """
    try:
        view = follow(run, screen)
    except KeyboardInterrupt as interrupt:
        _cancel(run, screen)
        raise plain(interrupt, f"Run {run.id} was interrupted.") from None
    if run.kept.workers:
        workers.stop_workers(run.kept.workers)
    try:
        _bring_files(run, screen)
        if view.kind is Kind.CELL:
            _bring_names(run, screen, overwrite=overwrite, anew=anew)
        else:
            _bring_value(shell, run)
    finally:
        screen.stage(view, last=True)
        if screen.revisable:
            portal().start_task_soon(_bill, run, screen)


def _bring_names(run: Run, screen: Screen, *, overwrite: bool, anew: bool) -> None:
    run.restore(
        overwrite=overwrite,
        expected=anew,
        told=lambda restored: _tell_names(run, screen, restored, overwrite, anew),
    )


def _tell_names(run: Run, screen: Screen, restored: "Restored", overwrite: bool, anew: bool) -> None:
    for name, why in dict(restored.not_sent).items():
        screen.write("stderr", f"{name} stays there: {why}\n")
    conflicts = list(restored.conflicts)
    if conflicts:
        names = ", ".join(conflicts)
        again = f"%runs attach {run.id} --overwrite takes the run's"
        what = "were overwritten" if overwrite else f"stay as they are; {again}"
        screen.write("stderr", f"Bound anew since the run was ordered: {names}: {what}.\n")
    if anew and restored.bound:
        screen.write("stdout", f"Back: {', '.join(restored.bound)}.\n")


def _bring_value(shell: Any, run: Run) -> None:
    value = run.result()
    if run.seen.kind is Kind.CALL:
        shell.displayhook(value)
        return
    shell.user_ns["_exit_code"] = value
    if value != 0:
        raise Rejected(f"The script ended with exit code {value}.", "The variable _exit_code has it.")


def _bring_files(run: Run, screen: Screen) -> None:
    if not run.kept.get or result_line(run.mailbox) is None:
        return
    try:
        came = get_files(run.mailbox, run.kept.get, Path(run.kept.directory))
    except OSError as error:
        screen.write("stderr", f"Files stay in {run.mailbox.files}: {error}\n")
        return
    screen.write("stdout", f"Back: {came}, in {run.kept.directory}.\n")


def _cancel(run: Run, screen: Screen) -> None:
    """Cancel everywhere, and say what came of it within two seconds."""
    if run.mailbox.result.exists():  # who cancels a run that has ended forgets it
        screen.write("stderr", f"Run {run.id} had just ended: %runs attach {run.id} brings its result.\n")
        return
    asking = portal().start_task_soon(agent().cancel_run, run.id)
    if run.kept.workers:
        workers.stop_workers(run.kept.workers)
    try:
        view = asking.result(CANCELLING)
    except TimeoutError:
        screen.write("stderr", f"Run {run.id}: cancellation is asked for; the agent has not answered yet.\n")
        return
    except IhpcError as error:
        again = f"%runs cancel {run.id} asks again."
        screen.write("stderr", f"Run {run.id} could not be cancelled. {error.message} {again}\n")
        return
    screen.stage(view or run.seen, last=True)
    screen.write("stderr", f"Run {run.id} is cancelled everywhere.\n")


async def _bill(run: Run, screen: Screen) -> None:
    """Put the bill behind the line when the agent has it, while the notebook has gone on."""
    until = time.monotonic() + BILL_PATIENCE
    with suppress(IhpcError):
        while time.monotonic() < until:
            view = await agent().run(run.id)
            if view.state.ended and (view.core_hours or view.attempts[-1].accounted):
                screen.stage(view, last=True)
                return
            await asyncio.sleep(BILL_LOOK)
