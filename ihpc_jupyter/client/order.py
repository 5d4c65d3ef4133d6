"""The words in which a person orders a run: the same in a cell's first line and in a terminal."""

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.base import Model, Name
from ihpc_jupyter.model.run import RunOrder
from ihpc_jupyter.model.site import Shape, parse_duration
from ihpc_jupyter.validation import validated

DEADLINES = "Say how long from now the answer is needed: 60s, 10m, 1h."


@dataclass(frozen=True)
class Option:
    """One option: its flag, what stands after it (empty: nothing), what it does, and an example."""

    flag: str
    metavar: str
    text: str
    example: str
    number: type[int] | type[float] | None = None
    repeated: bool = False

    @property
    def name(self) -> str:
        """The attribute that holds it."""
        return self.flag.removeprefix("--").replace("-", "_")

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Teach a parser this option; what was not said stays unsaid."""
        settings: dict[str, Any] = {"dest": self.name, "help": self.text}
        if not self.metavar:
            settings["action"] = "store_true"
        else:
            settings |= {"metavar": self.metavar, "type": self.number or str}
        if self.repeated:
            settings["action"] = "append"
        parser.add_argument(self.flag, **settings)


ORDER_OPTIONS = (
    Option("--cluster", "NAME", "idle workers of this own cluster take it, where there are any", "--cluster demo"),
    Option("--site", "NAME", "the site; the first that is not local when left out", "--site bed"),
    Option("--lane", "NAME", "the lane of a fresh allocation", "--lane urgent"),
    Option("--shape", "NAME", "a shape of the site by its name", "--shape large"),
    Option("--cores", "N", "cores of one copy", "--cores 4", int),
    Option("--memory", "SIZE", "memory of one copy", "--memory 2GiB"),
    Option("--gpus", "N", "GPUs of one copy", "--gpus 1", int),
    Option("--account", "NAME", "the account to charge", "--account fires"),
    Option("--tasks", "N", "N ranks of a parallel program (MPI) in a fresh allocation", "--tasks 16", int),
    Option("--copies", "N", "so many at once on distinct nodes; the first answer wins", "--copies 2", int),
    Option("--time", "LIMIT", "time limit of the allocation; the lane's own when left out", "--time 15m"),
    Option("--reason", "TEXT", "why it is urgent: kept in the ledger", '--reason "M 6.1 off the coast"'),
    Option("--budget", "CORE_HOURS", "it may cost at most so much", "--budget 2.5", float),
    Option("--no-preempt", "", "other people's jobs are left alone", "--no-preempt"),
    Option("--let-go", "", "running tasks of the own cluster may be broken off; they run again", "--let-go"),
    Option("--go-on", "", "a late answer is wanted, too, after the deadline", "--go-on"),
)
"""What every door understands."""


class OrderParser(argparse.ArgumentParser):
    """A parser whose mistakes are our errors: nothing is printed, nothing exits."""

    def __init__(self, options: Sequence[Option]) -> None:
        super().__init__(prog="%%urgent", add_help=False, allow_abbrev=False, exit_on_error=False)
        self.options = options
        self.add_argument("deadline", nargs="?")
        for option in options:
            option.add_to(self)

    def error(self, message: str) -> NoReturn:
        """Raises InvalidRequest."""
        raise InvalidRequest(f"{message[:1].upper()}{message[1:]}.", self.allowed())

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The words understood. Raises InvalidRequest: what is wrong, what was perhaps meant, what is allowed."""
        try:
            known, unknown = self.parse_known_args(list(words))
        except argparse.ArgumentError as error:
            example = next((option.example for option in self.options if option.flag == error.argument_name), None)
            hint = f"Like this: {example}" if example else self.allowed()
            raise InvalidRequest(f"{str(error).removeprefix('argument ')}.", hint) from None
        if unknown:
            raise InvalidRequest(*self._unknown(unknown[0]))
        return known

    def allowed(self) -> str:
        """All that may be said."""
        return f"Allowed: [DEADLINE] {' '.join(option.flag for option in self.options)}."

    def _unknown(self, word: str) -> tuple[str, str]:
        flag = word.partition("=")[0]
        if re.fullmatch(r"-\d[\w:.]*", word):
            return f"The deadline {word} has passed already.", DEADLINES
        if not flag.startswith("-"):
            return f"I do not understand {word!r}: one deadline, then options.", self.allowed()
        near = difflib.get_close_matches(flag, [option.flag for option in self.options], 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        return f"There is no option {flag}.{meant}", self.allowed()


def deadline_of(text: str | None) -> float | None:
    """Seconds from now. Raises InvalidRequest for none, a negative, one of two meanings, or no duration at all."""
    if text is None:
        return None
    if re.fullmatch(r"\s*-\s*\d.*", text):
        raise InvalidRequest(f"The deadline {text} has passed already.", DEADLINES)
    if re.fullmatch(r"\s*\d+:\d+\s*", text):
        raise InvalidRequest(f"{text} may be minutes, hours or a time of day.", DEADLINES)
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is no deadline.", DEADLINES) from None
    assert isinstance(seconds, int | float)  # noqa: S101 - a text becomes a number or is refused
    if seconds <= 0:
        raise InvalidRequest(f"The deadline {text} has passed already.", DEADLINES)
    return float(seconds)


class _Named(Model):
    shape: Name


def shape_of(said: Mapping[str, Any]) -> object:
    """A shape's name or a shape of one's own. Raises InvalidRequest for both at once, or values out of bounds."""
    own = {key: said[key] for key in ("cores", "memory", "gpus") if said.get(key) is not None}
    name = said.get("shape")
    if own and name is not None:
        raise InvalidRequest("Name a shape, or say cores, memory, gpus: not both.")
    if name is not None:
        return validated(_Named, {"shape": name}).shape
    return validated(Shape, own) if own else None


def order_of(said: Mapping[str, Any], **more: object) -> RunOrder:
    """The order that these words (options by their names) make, and *more* of its fields.

    Raises InvalidRequest naming each wrong value.
    """
    values: dict[str, object] = {
        "deadline": deadline_of(said.get("deadline")),
        "shape": shape_of(said),
        "time_limit": said.get("time"),
        "preempt": False if said.get("no_preempt") else None,
    }
    for name in ("cluster", "site", "lane", "account", "tasks", "copies", "reason", "budget"):
        values[name] = said.get(name)
    for name in ("let_go", "go_on"):
        values[name] = True if said.get(name) else None
    return validated(RunOrder, {key: value for key, value in (values | more).items() if value is not None})
