"""What the ``ihpc`` commands for urgent runs do and print."""

import argparse
import asyncio
import contextlib
import sys
import time
from pathlib import Path

from ihpc_jupyter.cli.commands import print_lines, print_table, report_lines
from ihpc_jupyter.client import ledger as book
from ihpc_jupyter.client import story
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.client.events import Tail, log_tails, result_line
from ihpc_jupyter.client.order import order_of
from ihpc_jupyter.client.ranks import Ranks
from ihpc_jupyter.errors import InvalidRequest, NotFound, Rejected, Unavailable
from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.mailbox import Mailbox
from ihpc_jupyter.model.run import Kind, RunState, RunView

ASKING = 0.5
"""Seconds between two questions to the agent about a run that is followed."""
LOOK = 0.04
"""Seconds between two looks at what it says."""
RESULT_PATIENCE = 10.0
"""Seconds that a result may take to be seen here after the agent has seen it (network file systems)."""


async def listing(agent: AgentClient, _: argparse.Namespace) -> int:
    """All runs."""
    told = await agent.runs()
    if told.runs:
        print_table(book.list_rows(told))
    else:
        print_lines("No runs. Start one: %%urgent in a notebook, or ihpc run script FILE")
    return 0


async def ledger(agent: AgentClient, options: argparse.Namespace) -> int:
    """What runs waited for, brought and cost."""
    told = await agent.runs()
    if options.csv:
        sys.stdout.write(book.as_csv(told))
    elif options.json:
        print_lines(book.as_json(told))
    else:
        print_table(book.ledger_rows(told))
    return 0


async def show(agent: AgentClient, options: argparse.Namespace) -> int:
    """One run: its steps with their times, and its plan."""
    view = await agent.run(options.id)
    print_lines(*story.why_run(view, time.time()), "")
    print_table(
        (stage.name, "-" if stage.seconds is None else story.seconds_text(stage.seconds), stage.detail)
        for stage in story.stages(view, time.time())
    )
    return 0


async def cancel(agent: AgentClient, options: argparse.Namespace) -> int:
    """Cancel or forget."""
    view = await agent.cancel_run(options.id)
    print_lines(f"{options.id}: forgotten" if view is None else f"{view.id}: {view.state}")
    return 0


async def script(agent: AgentClient, options: argparse.Namespace) -> int:
    """Run a script urgently: its output, its exit code."""
    path = Path(options.file)
    try:
        text = path.read_text(errors="surrogateescape")
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from None
    environment = Environment(python=sys.executable, directory=str(Path.cwd()))
    order = order_of(
        vars(options), kind=Kind.SCRIPT, title=path.name[:200], environment=environment, script=text,
        interpreter=options.interpreter,
    )  # fmt: skip
    if options.plan:
        plan = await agent.plan_run(order)
        print_table(story.plan_rows(plan))
        print_lines(story.plan_line(plan))
        return 0
    view = await agent.create_run(order)
    try:
        _tell(f"Run {view.id}: {story.plan_line(view.plan)}")
        view = await agent.start_run(view.id)
        if options.detach:
            print_lines(view.id)
            return 0
    except asyncio.CancelledError:  # Ctrl-C
        await _cancel(agent, view.id)
        raise
    return await _follow_or_cancel(agent, view)


async def attach(agent: AgentClient, options: argparse.Namespace) -> int:
    """Follow a run from wherever it was ordered: what it says, its exit code."""
    return await _follow_or_cancel(agent, await agent.run(options.id))


async def check(agent: AgentClient, options: argparse.Namespace) -> int:
    """The rehearsal; 1 when something failed."""
    environment = Environment(python=sys.executable, directory=str(Path.cwd()))
    order = order_of(vars(options), kind=Kind.SCRIPT, title="rehearsal", environment=environment)
    report = await agent.check_run(order)
    print_lines(*report_lines(report))
    return int(any(check.outcome == "failed" for check in report.checks))


async def _follow_or_cancel(agent: AgentClient, view: RunView) -> int:
    try:
        return await _follow(agent, view)
    except asyncio.CancelledError:  # Ctrl-C
        await _cancel(agent, view.id)
        raise


async def _cancel(agent: AgentClient, id_: str) -> None:
    with contextlib.suppress(Unavailable, NotFound):
        await agent.cancel_run(id_)
        _tell(f"Run {id_} is cancelled everywhere.")


async def _follow(agent: AgentClient, view: RunView) -> int:
    """Print what it says until it has ended; its exit code. Raises what kept it from ending."""
    mailbox = Mailbox(Path(view.mailbox))
    asking = asyncio.create_task(_states(agent, view))
    voices: _Voices = {}
    try:
        while (told := result_line(mailbox)) is None and not asking.done():
            _print_new(voices, mailbox, view.tasks)
            await asyncio.sleep(LOOK)
    finally:
        asking.cancel()
    view = asking.result() if asking.done() and not asking.cancelled() else view
    until = time.monotonic() + (RESULT_PATIENCE if view.state in {RunState.SUCCEEDED, RunState.FAILED} else 0)
    while (told := result_line(mailbox)) is None and time.monotonic() < until:  # noqa: ASYNC110 - a file
        await asyncio.sleep(LOOK)
    _print_new(voices, mailbox, view.tasks, last=True)
    if told is None:
        raise _unanswered(mailbox, view)
    if (error := told.get("error")) is None:
        return int(told.get("exit") or 0)
    if view.kind is Kind.SCRIPT:
        raise Rejected(f"The script could not be run: {error.get('message')}")
    sys.stderr.writelines(f"{line}\n" for line in error.get("traceback", ()))
    return int(told.get("exit") or 1)


_Voices = dict[int, tuple[Tail, Ranks]]
"""By attempt: its first copy, and its other ranks."""


def _print_new(voices: _Voices, mailbox: Mailbox, tasks: int, *, last: bool = False) -> None:
    """What the latest attempt says that has begun to speak: its first copy, and its ranks with their numbers."""
    number = max(voices, default=1)
    while mailbox.events(number + 1, 0).exists():
        number += 1
    if number not in voices:
        voices[number] = Tail(mailbox.events(number, 0)), Ranks(mailbox, number, tasks)
    tail, ranks = voices[number]
    said = [(event.get("name"), str(event.get("text", ""))) for event in tail.look() if event["is"] == "stream"]
    for name, text in (*said, *ranks.look(last=last)):
        stream = sys.stderr if name == "stderr" else sys.stdout
        stream.write(text)
        stream.flush()


async def _states(agent: AgentClient, view: RunView) -> RunView:
    """Tell each change of state until the end; the last view."""
    told = ""
    while True:
        line = f"Run {view.id}: {view.state}" + (f" ({view.reason})" if view.reason else "")
        if line != told:
            _tell(line)
        told = line
        if view.state.ended:
            return view
        await asyncio.sleep(ASKING)
        with contextlib.suppress(Unavailable):
            view = await agent.run(view.id)


def _unanswered(mailbox: Mailbox, view: RunView) -> Rejected:
    number = view.attempts[-1].number if view.attempts else 1
    if log := log_tails(mailbox, number, 0):
        _tell(log)
    problem = view.problem.message if view.problem else ""
    state = story.ENDS.get(view.state, view.state.value)
    return Rejected(f"Run {view.id}: {state}. {problem}".strip(), f"ihpc run why {view.id} tells what happened.")


def _tell(text: str) -> None:
    """Beside the script's own output."""
    sys.stderr.write(f"{text}\n")
