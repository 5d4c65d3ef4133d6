"""What is left of something that should have gone, and how it is made to go."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.slurmbed import BedError, BedSettings, SlurmBed, wait_until


def _naming(word: str) -> Iterator[psutil.Process]:
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, psutil.Error):
            told = (path / "environ").read_bytes() + (path / "cmdline").read_bytes()
            if word.encode() in told and int(path.name) != os.getpid():
                yield psutil.Process(int(path.name))


def processes_naming(word: str) -> list[str]:
    """Command lines of all processes that hold the word in their environment or command line."""
    found = []
    for process in _naming(word):
        with suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return found


def clear(directory: Path) -> None:
    """End what still names a test's directory, and remove it: in this order, as what lives writes on."""

    def nobody() -> bool:
        for process in (left := list(_naming(str(directory)))):
            with suppress(psutil.Error):
                process.kill()
        return not left

    def removed() -> bool:
        shutil.rmtree(directory, ignore_errors=True)  # a node's daemon may write a job's output meanwhile
        return not directory.exists()

    wait_until(nobody, f"nobody names {directory}", 20)
    wait_until(removed, f"{directory} is gone", 20)


@contextmanager
def bed_without_leftovers(settings: BedSettings | None = None) -> Iterator[SlurmBed]:
    """A running bed; when it has ended, nothing of what used it may be left: no process, no file."""
    with SlurmBed(settings) as bed:
        yield bed
    place = str(bed.directory)
    with suppress(BedError):
        wait_until(lambda: not processes_naming(place), "all have ended", 20)
    assert processes_naming(place) == []
    assert not bed.directory.exists()
