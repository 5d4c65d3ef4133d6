"""Slurm's commands with faults on demand: wrappers for PATH that count calls and fail or hang as told."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .programs import find_program

COMMANDS = (
    "sbatch",
    "squeue",
    "scancel",
    "scontrol",
    "sinfo",
    "sacct",
    "srun",
    "salloc",
    "sacctmgr",
    "sprio",
)
_WRAPPER = Path(__file__).with_name("wrapper.sh")


@dataclass(frozen=True)
class Call:
    """One call of a wrapped command."""

    time: float
    name: str
    args: tuple[str, ...]


class FaultyCommands:
    """A directory of wrappers. A new order replaces the former; `times` limits it to some calls."""

    def __init__(self, directory: Path, commands: tuple[str, ...] = COMMANDS) -> None:
        self.directory = directory
        for name in ("faults", "real"):
            (directory / name).mkdir(parents=True)
        # Other users' calls are noted and counted too.
        for name in ("calls", "swallowed"):
            (directory / name).touch()
            (directory / name).chmod(0o666)
        for name in commands:
            (directory / "real" / name).write_text(find_program(name))
            shutil.copy(_WRAPPER, directory / name)
            (directory / name).chmod(0o755)

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment (this process's by default) in which the wrappers come first in PATH."""
        outer = dict(os.environ if base is None else base)
        path = outer.get("PATH", os.environ.get("PATH", os.defpath))
        return {**outer, "PATH": f"{self.directory}{os.pathsep}{path}"}

    def fail(self, name: str, stderr: str, code: int = 1, *, times: int | None = None) -> None:
        """Let a command fail without asking Slurm."""
        self._order(name, times, mode="fail", stderr=stderr + "\n", code=str(code))

    def fail_after(self, name: str, stderr: str, code: int = 1, *, times: int | None = None) -> None:
        """Let Slurm do as asked and the command fail nevertheless, as when the reply is lost."""
        self._order(name, times, mode="fail_after", stderr=stderr + "\n", code=str(code))

    def slow(self, name: str, seconds: float, *, times: int | None = None) -> None:
        """Let a command wait before it asks Slurm."""
        self._order(name, times, mode="slow", seconds=f"{seconds:g}")

    def hang(self, name: str, *, times: int | None = None) -> None:
        """Let a command hang without asking Slurm, until it is killed."""
        self._order(name, times, mode="hang")

    def hang_after(self, name: str, *, times: int | None = None) -> None:
        """Let Slurm do as asked and the command hang before it says so, until it is killed."""
        self._order(name, times, mode="hang_after")

    def clear(self, name: str | None = None) -> None:
        """Take back the order for one command, or for all."""
        for order in (self.directory / "faults").iterdir():
            if name is None or order.name == name:
                # Moved away first: a call that takes its turn meanwhile changes what is removed.
                gone = order.rename(self.directory / f"gone-{secrets.token_hex(8)}")
                shutil.rmtree(gone, ignore_errors=True)

    def calls(self, name: str | None = None) -> list[Call]:
        """Return the calls so far, of one command or of all."""
        return [call for call in self._read_calls() if name is None or call.name == name]

    def forget_calls(self) -> None:
        """Begin to count anew."""
        (self.directory / "calls").write_bytes(b"")

    def swallowed(self) -> str:
        """Return what the real commands said where the caller was not to hear it."""
        return (self.directory / "swallowed").read_text()

    def _order(self, name: str, times: int | None, *, mode: str, **files: str) -> None:
        self.clear(name)
        order = self.directory / "faults" / name
        order.mkdir()
        if times is not None:
            (order / "times").mkdir()
            (order / "times").chmod(0o777)
            for number in range(times):
                (order / "times" / str(number)).touch()
        for file, text in files.items():
            (order / file).write_text(text)
        (order / "mode").write_text(mode)  # last: from here on the order counts

    def _read_calls(self) -> Iterator[Call]:
        fields = iter((self.directory / "calls").read_text(errors="replace").split("\0")[:-1])
        for time in fields:
            name, count = next(fields), int(next(fields))
            yield Call(float(time), name, tuple(next(fields) for _ in range(count)))
