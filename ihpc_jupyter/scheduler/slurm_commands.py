"""How a centre wrote down Slurm's commands for another program: what of it is of use here. Pure.

A line like ``/opt/slurm/bin/sbatch --parsable --clusters=west`` says where the program is and what goes with each
submission. It is read as words; no shell ever sees it.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.scheduler.slurm import SUBMIT


@dataclass(frozen=True)
class Written:
    """*directory*: where the program is, empty where PATH finds it; *directives*: for the head of each script."""

    directory: str = ""
    directives: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kind:
    program: str
    usual: tuple[tuple[str, ...], ...]
    """Words after the program that say what is done here in any case."""


_KINDS = {
    "submit": _Kind(SUBMIT, ((), ("--parsable",))),
    "query": _Kind("squeue", ((), *(("-h", "-j", "{job_id}", "-o", form) for form in ("%T %B", "%T %N")))),
    "cancel": _Kind("scancel", ((), ("{job_id}",))),
}

STEP_IN_COMMAND = {"srun": ""}
"""A word of templates: a job step, where one is wanted, is in the command that is filled in."""

_OPTION = re.compile(r"--[a-z][a-z-]*(=[A-Za-z0-9_.,:@+/%-]+)?")


def read_command(kind: str, line: str) -> Written:
    """What is of use in the *line* of a *kind*, ``submit``, ``query`` or ``cancel``; nothing in an empty one.

    Raises `InvalidRequest` where the line asks for more than can be kept.
    """
    if not line.strip():
        return Written()
    wanted = _KINDS[kind]
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidRequest(f"{line!r} cannot be read: {error}.") from None
    program = PurePosixPath(words[0])
    if program.name != wanted.program or not (program.is_absolute() or words[0] == wanted.program):
        raise InvalidRequest(
            f"{words[0]!r} is not {wanted.program}.",
            f"Write {wanted.program}, by name or by its absolute path; what makes it a user's is exec_prefix.",
        )
    directory = str(program.parent) if program.is_absolute() else ""
    rest = tuple(words[1:])
    if rest in wanted.usual:
        return Written(directory)
    if kind != "submit":
        raise InvalidRequest(
            f"{shlex.join(rest)!r} cannot be kept: the options of {wanted.program} are ours.",
            f"Write {words[0]} alone.",
        )
    options = [word for word in rest if word != "--parsable"]
    for option in options:
        if not _OPTION.fullmatch(option):
            raise InvalidRequest(f"{option!r} cannot be kept.", "Write options as --name=value, without a shell.")
    return Written(directory, tuple(f"#SBATCH {option}" for option in options))


def search_path(path: str, *commands: Written) -> str:
    """*path* with the directories of these commands before it, each once."""
    found = dict.fromkeys(command.directory for command in commands if command.directory)
    return ":".join([*found, path])


def gres_directive(value: str) -> str:
    """What asks for generic resources that no shape names."""
    return f"#SBATCH --gres={value}"


def template_directives() -> tuple[str, ...]:
    """What a script from a centre's own template asks for in any case, unless it says otherwise itself."""
    return ("#SBATCH --no-requeue", "#SBATCH --chdir=/")
