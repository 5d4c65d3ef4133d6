"""The line of `%%urgent`: what the agent is asked for, and what the kernel does beside it."""

import argparse
import keyword
import re
import shlex
from dataclasses import dataclass
from functools import cache

from ihpc_jupyter.client.order import ORDER_OPTIONS, Option, OrderParser, order_of
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.base import MAX_WORKERS
from ihpc_jupyter.model.run import Kind, RunOrder

KERNEL_OPTIONS = (
    Option(
        "--workers", "N", "a Dask cluster of N workers of its own; the cell finds `client`", "--workers 8", int
    ),
    Option("--script", "INTERPRETER", "the cell is a script: output and exit code", "--script bash"),
    Option(
        "--put", "PATH", "this file or directory travels with it (repeatable)", "--put model.h5", repeated=True
    ),
    Option("--get", "PATTERN", "such files come back (repeatable)", '--get "out/*.png"', repeated=True),
    Option("--detach", "", "return at once; %runs attach brings output and result", "--detach"),
    Option("--plan", "", "show what would happen, and stop", "--plan"),
    Option("--as", "NAME", "keep the run's handle in this variable", "--as shot"),
    Option("--help", "", "this list", "--help"),
)
"""What only a notebook's door understands."""
_COMMENTED = re.compile(r"""((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^"'\\])*?)(?<!\S)#""")
"""A line with a comment, which begins with a word, outside quotation marks; the group is what stands before it."""


@dataclass(frozen=True)
class UrgentOptions:
    """What a person wrote behind `%%urgent`."""

    order: RunOrder
    workers: int = 0
    script: str | None = None
    put: tuple[str, ...] = ()
    get: tuple[str, ...] = ()
    detach: bool = False
    plan: bool = False
    bind: str | None = None
    """The variable that keeps the run's handle."""
    help: bool = False

    @property
    def anywhere(self) -> bool:
        """Whether nothing that was said asks for a fresh allocation: then the notebook's cluster may take it."""
        order = self.order
        said = (order.cluster, order.site, order.lane, order.shape, order.time_limit, order.account, self.workers)
        return not any(said) and order.tasks == 1 and order.copies == 1


@cache
def _parser() -> OrderParser:
    return OrderParser((*ORDER_OPTIONS, *KERNEL_OPTIONS))


def read_options(line: str) -> UrgentOptions:
    """The options in a line: ``10m --lane urgent --cores 4``.

    Raises InvalidRequest: an unknown option (with the nearest known one), a value out of bounds, a deadline
    that is none.
    """
    if comment := _COMMENTED.match(line):
        line = comment[1]
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidRequest(f"The options cannot be read: {error}.", "Close every quotation mark.") from None
    said = _parser().read(words)
    script = said.script
    return UrgentOptions(
        order=order_of(vars(said), kind=Kind.SCRIPT if script else None),
        workers=_workers(said),
        script=script,
        put=tuple(said.put or ()),
        get=tuple(_pattern(pattern) for pattern in said.get or ()),
        detach=said.detach,
        plan=said.plan,
        bind=_identifier(vars(said)["as"]),
        help=said.help,
    )


def _workers(said: argparse.Namespace) -> int:
    workers: int | None = said.workers
    if workers is None:
        return 0
    if not 1 <= workers <= MAX_WORKERS:
        raise InvalidRequest(f"--workers {workers}: say a number from 1 to {MAX_WORKERS}.")
    if said.tasks or said.script or said.cluster:
        raise InvalidRequest(
            "--workers gives a cell a Dask cluster of its own; it does not go with --tasks, --script or --cluster."
        )
    return workers


def _identifier(name: str | None) -> str | None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise InvalidRequest(f"--as {name}: a variable cannot have that name.")
    return name


def _pattern(pattern: str) -> str:
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        raise InvalidRequest(
            f"--get {pattern}: files come back from the run's own directory only.",
            'Say a pattern inside it, for example --get "out/*.png".',
        )
    return pattern


def help_text() -> str:
    """Every option with an example."""
    options = _parser().options
    flags = [f"{option.flag} {option.metavar}".rstrip() for option in options]
    width = max(map(len, flags))
    lines = [
        f"  {flag.ljust(width)}  {option.text}\n  {'':{width}}  %%urgent {option.example}"
        for flag, option in zip(flags, options, strict=True)
    ]
    head = (
        "%%urgent [DEADLINE] [options]: this cell, now.\n%urgent STATEMENT: the same for one statement.\n\n"
        f"  {'DEADLINE'.ljust(width)}  the answer is needed within this: 60s, 10m, 1h\n"
        f"  {'':{width}}  %%urgent 10m\n"
    )
    return head + "\n".join(lines)
