"""``%runs``, ``%jobs`` and ``%why``: looking at runs and jobs, and at what became of them."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ihpc_jupyter.client import ledger, queue
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import InvalidRequest, NotFound
from ihpc_jupyter.kernel.urgent import stage
from ihpc_jupyter.kernel.urgent.cell import bring
from ihpc_jupyter.kernel.urgent.files import Travelled, readable
from ihpc_jupyter.kernel.urgent.launch import asked, order_for
from ihpc_jupyter.kernel.urgent.options import read_options
from ihpc_jupyter.kernel.urgent.run import Run
from ihpc_jupyter.kernel.urgent.screen import Screen, screen_of
from ihpc_jupyter.kernel.urgent.session import ask
from ihpc_jupyter.model.protocol import Check, Report
from ihpc_jupyter.model.run import Kind, Ledger, RunView

HELP = """\
%runs                              all runs, the latest first
%runs attach [ID] [--overwrite]    follow a run to its end and bring its result; --overwrite: also over names that
                                   were bound anew since
%runs cancel [ID]                  cancel it everywhere; one that has ended is forgotten
%runs plan [ID]                    the ways to start that it had, and the chosen one
%runs ledger [ID] [--csv FILE | --json FILE]
                                   what runs waited for, brought and cost
%runs check [OPTIONS]              the rehearsal, with the options of %%urgent: it runs nothing
%jobs [SITE] [--all]               your jobs in the queue, or everybody's
%why [ID] [--offers]               why a job waits or ended, or what happened to a run, in plain words;
                                   --offers: and what would start sooner than that job
Without an ID the latest run is meant; of %why, where there is none, the job that waits."""


def runs(shell: Any, words: list[str], line: str) -> None:
    """One ``%runs`` command. Raises our errors."""
    screen = screen_of(shell)
    word, rest = (words[0], words[1:]) if words else ("list", [])
    if word == "check":
        _check(screen, line.strip().removeprefix("check"))
    elif word == "attach":
        _attach(shell, screen, rest)
    elif word in _COMMANDS:
        _COMMANDS[word](screen, rest)
    else:
        raise InvalidRequest(
            f"%runs does not know {word!r}.", "It knows attach, cancel, plan, ledger, check, --help."
        )


def why(screen: Screen, words: list[str]) -> None:
    """The story of a run, or why a job waits or ended, and what would start sooner. Raises NotFound."""
    id_, flags = _one(words, "--offers")
    id_ = id_ or _worth_asking()
    for tell in (queue.tell_why, queue.tell_offers) if flags else (queue.tell_why,):
        screen.write("stdout", "".join(f"{line}\n" for line in ask(tell, id_)))


def _worth_asking() -> str:
    """The latest run; where there is none the only job that waits. Raises NotFound, with what could be asked."""
    known = ask(AgentClient.runs).runs
    if known:
        return known[0].id
    told = ask(partial(queue.queues, everybody=False, kept=True), None)
    waiting = [row for one in told for row in one.rows if row.state.waiting]
    if len(waiting) == 1:
        return waiting[0].id
    if not waiting:
        raise NotFound(
            "There are no runs yet, and no job of yours waits.",
            "%why ID explains any job that %jobs lists; %%urgent begins a run.",
        )
    ids = ", ".join(row.id for row in waiting[:FEW]) + (", …" if len(waiting) > FEW else "")
    raise NotFound(
        f"There are no runs yet, and several of your jobs wait: {ids}.", f"Name one: %why {waiting[0].id}"
    )


FEW = 10
"""Ids that are named."""


def jobs(screen: Screen, words: list[str]) -> None:
    """My jobs at a site (all sites when left out), or everybody's."""
    site, flags = _one(words, "--all")
    for told in ask(partial(queue.queues, everybody="--all" in flags, kept=True), site):
        now = time.time()
        if told.rows:
            rows = queue.rows(told, now)
            screen.table(stage.table_text(rows), stage.table_html(rows))
        screen.write("stdout", "".join(f"{line}\n" for line in queue.summary(told, now)))


def _one(words: list[str], *flags: str) -> tuple[str | None, set[str]]:
    """The id, where one is given, and the flags. Raises InvalidRequest for anything else."""
    said = {word for word in words if word.startswith("-")}
    ids = [word for word in words if not word.startswith("-")]
    if said - set(flags) or len(ids) > 1:
        wrong = sorted(said - set(flags)) or ids[1:]
        raise InvalidRequest(f"I do not understand {wrong[0]!r} here.", "%runs --help shows what there is.")
    return (ids[0] if ids else None), said


def _latest(id_: str | None) -> RunView:
    """The run of that id, or the latest. Raises NotFound."""
    if id_ is not None:
        return ask(AgentClient.run, id_)
    known = ask(AgentClient.runs).runs
    if not known:
        raise NotFound("There are no runs yet.", "Begin a cell with %%urgent.")
    return known[0]


def _list(screen: Screen, words: list[str]) -> None:
    _one(words)
    told = ask(AgentClient.runs)
    rows = ledger.list_rows(told)
    if told.runs:
        screen.table(stage.table_text(rows), stage.table_html(rows))
    else:
        screen.write("stdout", "No runs. Begin a cell with %%urgent.\n")


def _attach(shell: Any, screen: Screen, words: list[str]) -> None:
    id_, flags = _one(words, "--overwrite")
    view = _latest(id_)
    bring(shell, Run(view, shell.user_ns), screen, overwrite="--overwrite" in flags, anew=True)


def _cancel(screen: Screen, words: list[str]) -> None:
    view = _latest(_one(words)[0])
    told = ask(AgentClient.cancel_run, view.id)
    if told is None:
        screen.write("stdout", f"Run {view.id} had ended; it is forgotten.\n")
    else:
        screen.stage(told, last=True)


def _plan(screen: Screen, words: list[str]) -> None:
    plan = _latest(_one(words)[0]).plan
    screen.table(stage.plan_text(plan), stage.plan_html(plan))


def _ledger(screen: Screen, words: list[str]) -> None:
    target = next((word for word in words if word in {"--csv", "--json"}), None)
    path = None
    if target:
        place = words.index(target)
        if place + 1 >= len(words):
            raise InvalidRequest(f"{target} needs a file.", f"%runs ledger {target} runs.{target[2:]}")
        path = Path(words[place + 1]).expanduser()
        words = words[:place] + words[place + 2 :]
    id_, _ = _one(words)
    told = Ledger(runs=(_latest(id_),)) if id_ else ask(AgentClient.runs)
    if path is None:
        rows = ledger.ledger_rows(told)
        screen.table(stage.table_text(rows), stage.table_html(rows))
        return
    try:
        path.write_text(ledger.as_csv(told) if target == "--csv" else ledger.as_json(told))
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.") from None
    screen.write("stdout", f"{len(told.runs)} runs are in {path}.\n")


def _check(screen: Screen, line: str) -> None:
    options = read_options(line)
    kind = Kind.SCRIPT if options.script else Kind.CELL
    report: Report = asked(AgentClient.check_run, options, order_for(options, kind, "rehearsal"))
    if options.put:
        report = report.model_copy(update={"checks": (*report.checks, _files_to_go(options.put))})
    rows = stage.report_rows(report)
    screen.table(stage.table_text(rows), stage.table_html(rows))


def _files_to_go(paths: Sequence[str]) -> Check:
    """Whether all that --put names can be read here."""
    name = "files that go with it"
    try:
        files = readable(paths, Path.cwd())
    except InvalidRequest as error:
        return Check(name=name, outcome="failed", text=error.message, hint=error.hint)
    going = Travelled(len(files), sum(source.stat().st_size for source, _ in files))
    return Check(name=name, outcome="ok", text=str(going))


def _help(screen: Screen, words: list[str]) -> None:
    _one(words)
    screen.write("stdout", f"{HELP}\n")


_COMMANDS: dict[str, Callable[[Screen, list[str]], None]] = {
    "list": _list,
    "cancel": _cancel,
    "plan": _plan,
    "ledger": _ledger,
    "--help": _help,
}
