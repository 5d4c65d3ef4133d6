"""The batch script of a user's server. It goes to the batch system on standard input only. Pure."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SHEBANG = "#!/usr/bin/env bash"


@dataclass(frozen=True)
class ServerJob:
    """What the script holds: *directives* for the batch system, the server's *environment* (its token among
    it: here and nowhere else), lines before and after (the centre's, run as they are), and *command*, a
    program with its arguments.
    """

    directives: Sequence[str]
    environment: Mapping[str, str]
    command: Sequence[str]
    before: Iterable[str] = ()
    after: Iterable[str] = ()
    shebang: str = SHEBANG


def server_command(job: ServerJob) -> str:
    """The server's command, each word quoted."""
    return shlex.join(job.command)


def exports_of(job: ServerJob) -> list[str]:
    """The lines that set the server's environment, each value quoted."""
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(job.environment.items())]


def server_script(job: ServerJob) -> str:
    """The script. Every value of the environment and every word of the command stands quoted."""
    lines = [job.shebang, *job.directives, 'cd -- "$HOME" || exit 1', *exports_of(job), *server_lines(job)]
    return "\n".join([*lines, ""])


def server_lines(job: ServerJob) -> list[str]:
    """The server's command with what comes before and after it."""
    after, command = list(job.after), server_command(job)
    # Without anything to do afterwards the batch system's signals reach the server itself.
    return [*job.before, *([command, *after] if after else [f"exec {command}"])]
