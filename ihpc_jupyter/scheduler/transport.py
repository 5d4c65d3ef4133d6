"""The one module that starts batch commands: here, or over ssh. Bounded in time and output; counted."""

import asyncio
import contextlib
import hashlib
import math
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ihpc_jupyter.errors import NotAllowed, Unavailable
from ihpc_jupyter.scheduler.environment import chosen_environment

OUTPUT_LIMIT = 256 << 20
"""Bytes of one answer; 100,000 jobs take about 30 MiB."""

_SOCKET_PATH_LIMIT = 85
"""Bytes of a control socket's path: the kernel allows 107, ssh adds up to 18 while it makes one."""

_DRAIN = 1.0
"""Seconds to wait for the end of output after the command has ended: a child may hold the pipe."""


_KILLED = 2.0
"""Seconds for a killed command to be gone: one that hangs in a dead file system would take for ever."""


@dataclass(frozen=True)
class Completed:
    """What a command said. *seconds* is how long it took."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Transport:
    """A way to run batch commands: ``direct`` on this host, or ``ssh HOST`` with further ssh options.

    *runtime_dir* is a private directory of this host where ssh keeps its multiplexing socket. *prefix* is put
    before each command (``sudo -u alice``): it runs as somebody else then, by its absolute path and in the
    transport's environment whole, since ``sudo`` hands on neither PATH nor variables.
    """

    def __init__(
        self,
        spec: str = "direct",
        options: Sequence[str] = (),
        runtime_dir: Path | None = None,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.host = spec.removeprefix("ssh ") if spec.startswith("ssh ") else None
        self.requests = 0
        self._options = tuple(options)
        self._runtime_dir = runtime_dir
        self._prefix = tuple(prefix)
        extra = ("SSH_AUTH_SOCK",) if self.host else ()
        self._environment = dict(environment) if environment is not None else chosen_environment(*extra)

    async def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        timeout: float = 10.0,
        variables: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run *argv* with *variables* added to the chosen environment; wait at most *timeout* seconds.

        Raises `Unavailable` when the program is not there, the host cannot be reached, or the time is
        over; the command's whole process group is killed then, and when the caller is cancelled. Raises
        `NotAllowed` where the prefix does not make it somebody else's.
        """
        self.requests += 1
        program = argv[0]
        if self._prefix:
            argv = self._as_somebody_else(argv, variables or {})
        if self.host is None:
            environment = {**self._environment, **(variables or {})}
            done = await self._start(argv, stdin, timeout, environment, program)
            self._check_prefix(program, done)
            return done
        done = await self._start(self._over_ssh(argv, timeout, variables), stdin, timeout + 2, self._environment)
        if done.returncode == 255:
            raise Unavailable(
                f"{self.host} could not be reached over ssh: {_last_line(done.stderr)}",
                f"Try “ssh {self.host} true” in a terminal; it must work without asking anything.",
            )
        if done.returncode in {126, 127}:
            raise _missing(argv[0], f"on {self.host}")
        if done.returncode == 124:
            raise _too_late(argv[0], timeout)
        return done

    def _as_somebody_else(self, argv: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        if self.host is not None:
            return [*self._prefix, "env", *_assignments(variables), *argv]
        program = shutil.which(argv[0], path=self._environment.get("PATH"))
        if program is None:
            raise _missing(argv[0], "on this host")
        return [*self._prefix, "env", "-i", *_assignments({**self._environment, **variables}), program, *argv[1:]]

    def _check_prefix(self, program: str, done: Completed) -> None:
        """Raises `NotAllowed` where it is the prefix that speaks: the command did not run."""
        if not self._prefix or done.returncode == 0:
            return
        words, name = _last_line(done.stderr), Path(self._prefix[0]).name
        # The second is sudo's for who stands in no rule; it goes on with the command's words.
        if words.startswith((f"{name}: ", "Sorry, user ")):
            raise NotAllowed(
                f"{program} may not run as its user: {words.partition(' to execute ')[0]}.",
                "Administrators: exec_prefix, and the rule for it, are in docs/hub.md under “Security”.",
            )

    async def hold(
        self, argv: Sequence[str], said: Path, variables: Mapping[str, str] | None = None
    ) -> "HeldCommand":
        """Start *argv* and leave it running, its words going to the file *said*; it outlives this process.

        Raises `Unavailable` when the program is not there.
        """
        self.requests += 1
        environment = {**self._environment, **(variables or {})}
        if self.host is not None:
            # A terminal of its own: when our ssh goes, the far end is hung up and the command gives its job up.
            words = [f"{name}={value}" for name, value in (variables or {}).items()]
            argv = ["ssh", *self._options, *self._multiplexing(10.0), "-tt", "--", self.host,
                    shlex.join(["env", *words, *argv])]  # fmt: skip
            environment = self._environment
        descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, env=environment,
                start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError:
            raise _missing(argv[0], "on this host") from None
        except (OSError, ValueError) as error:
            raise Unavailable(f"{argv[0]} could not be started: {error}") from error
        finally:
            os.close(descriptor)
        return HeldCommand(process, said)

    async def close(self) -> None:
        """End the multiplexed ssh connection, if there is one."""
        socket = self._control_path()
        if self.host is not None and socket is not None and socket.exists():
            argv = ["ssh", *self._options, "-o", f"ControlPath={socket}", "-O", "exit", self.host]
            with contextlib.suppress(Unavailable):
                await self._start(argv, None, 5.0, self._environment)

    def _over_ssh(self, argv: Sequence[str], timeout: float, variables: Mapping[str, str] | None) -> list[str]:
        # The remote side bounds the command too: killing our ssh would leave it running there.
        remote = ["timeout", "-k", "2", str(math.ceil(timeout))]
        if variables:
            remote += ["env", *(f"{name}={value}" for name, value in variables.items())]
        assert self.host is not None  # noqa: S101 (for the type checker; run() has looked)
        words = self._multiplexing(timeout)
        # sshd hands one string to a shell: the only place where words become one, each quoted.
        return ["ssh", *self._options, *words, "--", self.host, shlex.join([*remote, *argv])]

    def _multiplexing(self, timeout: float) -> list[str]:
        words = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, math.ceil(timeout / 2))}"]
        if (socket := self._control_path()) is not None:
            words += ["-o", "ControlMaster=auto", "-o", f"ControlPath={socket}", "-o", "ControlPersist=60"]
        return words

    def _control_path(self) -> Path | None:
        if self._runtime_dir is None:
            return None
        key = hashlib.sha256(repr((self.host, self._options)).encode()).hexdigest()[:12]
        path = self._runtime_dir / f"ssh-{key}"
        if len(os.fsencode(path)) > _SOCKET_PATH_LIMIT:
            return None
        self._runtime_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    async def _start(
        self,
        argv: Sequence[str],
        stdin: str | None,
        timeout: float,
        environment: Mapping[str, str],
        program: str = "",
    ) -> Completed:
        """*program* is what is run, where it is not the first word."""
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            process, talk = await loop.subprocess_exec(
                _Conversation,
                *argv,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise _missing(argv[0], "on this host") from None
        except (OSError, ValueError) as error:
            raise Unavailable(f"{argv[0]} could not be started: {error}") from error
        try:
            async with asyncio.timeout(timeout):
                await talk.finish(process, stdin)
        except TimeoutError:
            raise _too_late(program or argv[0], timeout) from None
        finally:
            await talk.end(process)
        seconds = time.monotonic() - began
        return Completed(process.get_returncode() or 0, _text(talk.output[1]), _text(talk.output[2]), seconds)


class HeldCommand:
    """A command that runs on by itself; its words are in the file *said*."""

    def __init__(self, process: asyncio.subprocess.Process, said: Path) -> None:
        self._process = process
        self._said = said
        self._stopping: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int:
        """Its process on this host."""
        return self._process.pid

    async def wait(self) -> int:
        """Until it has ended: its exit code, or minus the signal that killed it."""
        return await self._process.wait()

    def words(self) -> str:
        """What it said so far; at most the last 64 KiB."""
        try:
            return _text(bytearray(self._said.read_bytes()[-65536:]))
        except OSError:
            return ""

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not go (it may be waiting for a silent batch system)."""
        if self._process.returncode is None and self._stopping is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            self._stopping = asyncio.get_running_loop().call_later(_KILLED, self._kill)

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


class _Conversation(asyncio.SubprocessProtocol):
    """Collects what a command says. Its end is the process's end, not that of pipes which a child may hold."""

    def __init__(self) -> None:
        self.output = {1: bytearray(), 2: bytearray()}
        self._exited = asyncio.Event()
        self._drained = asyncio.Event()
        self._stopped = asyncio.Event()
        self._too_long = False

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output[fd] += data
        if len(self.output[fd]) > OUTPUT_LIMIT:
            self._too_long = True
            self._stopped.set()

    def process_exited(self) -> None:
        self._exited.set()
        self._stopped.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drained.set()

    async def finish(self, process: asyncio.SubprocessTransport, stdin: str | None) -> None:
        """Say *stdin*, hear everything. Raises `Unavailable` for an answer without end."""
        pipe = process.get_pipe_transport(0)
        if stdin is not None and isinstance(pipe, asyncio.WriteTransport):
            # A command may end without reading it all; what it says then is the answer.
            pipe.write(stdin.encode("utf-8", "surrogateescape"))
            pipe.close()
        await self._stopped.wait()
        if not self._too_long:
            # A multiplexing ssh that stays behind may keep our pipes open: do not wait for that.
            await _within(self._drained, _DRAIN)
        if self._too_long:
            raise Unavailable("The batch system's answer is too long to be read.")

    async def end(self, process: asyncio.SubprocessTransport) -> None:
        """Make sure that the process group is gone; give up on one that even SIGKILL does not end at once."""
        if not self._exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.get_pid(), signal.SIGKILL)
            await asyncio.shield(_within(self._exited, _KILLED))
        process.close()


def _assignments(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]


async def _within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _missing(program: str, where: str) -> Unavailable:
    return Unavailable(
        f"The program {program} is not there {where}.",
        "Start where the batch system's commands are in PATH, or give the site a transport “ssh HOST”.",
    )


def _too_late(program: str, timeout: float) -> Unavailable:
    return Unavailable(
        f"{program} did not answer within {timeout:g} s.",
        "The batch system may be busy; it is asked again later.",
    )
