"""A script: a program of its own, whose output is streamed and whose exit code is the answer."""

import codecs
import os
import selectors
import signal
import subprocess
from pathlib import Path
from typing import Any

from ihpc_jupyter.driver.events import Events

_CHUNK = 64 << 10

_ATTENTION = 0.5
"""Seconds after which a thread that reads nothing can be interrupted."""


def run_script(interpreter: str, script: Path, directory: str, events: Events) -> int:
    """Run to the end; the exit code as a shell tells it (128 + signal, 127: no such interpreter)."""
    try:
        process = subprocess.Popen(
            [interpreter, str(script)], cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        events.stream("stderr", f"{interpreter}: {error.strerror}\n")
        return 127
    with process:
        previous = _end_with_us(process)
        try:
            _follow(process, events)
        except KeyboardInterrupt:
            process.terminate()
            raise
        code = process.wait()
    if previous is not None:
        signal.signal(signal.SIGTERM, previous)
    return code if code >= 0 else 128 - code


def _end_with_us(process: "subprocess.Popen[bytes]") -> Any:
    """A cancelled job's script must not stay behind; only a main thread can see to that."""

    def hand_on(number: int, _: object) -> None:
        process.send_signal(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    try:
        return signal.signal(signal.SIGTERM, hand_on)
    except ValueError:
        return None


def _follow(process: "subprocess.Popen[bytes]", events: Events) -> None:
    with selectors.DefaultSelector() as selector:
        for file, name in ((process.stdout, "stdout"), (process.stderr, "stderr")):
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            selector.register(file, selectors.EVENT_READ, (name, decoder))  # type: ignore[arg-type]
        while selector.get_map():
            for key, _ in selector.select(_ATTENTION):
                data = os.read(key.fd, _CHUNK)
                name, decoder = key.data
                if text := decoder.decode(data, final=not data):
                    events.stream(name, text)
                if not data:
                    selector.unregister(key.fileobj)
