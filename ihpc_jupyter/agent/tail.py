"""The end of a log, or what was written since: bounded reads of plain files."""

import asyncio
import codecs
import os
import stat
from pathlib import Path

from ihpc_jupyter.errors import NotFound
from ihpc_jupyter.model.protocol import LogTail

LOG_BYTES = 64 << 10
"""How much of a log is read at once."""


async def tail(job: str, path: Path, after: int | None = None, hint: str = "") -> LogTail:
    """The end of a job's log; with *after*, what stands behind that byte, at most `LOG_BYTES` of it.

    Raises NotFound, with *hint*, where there is no such plain file.
    """
    try:
        return await asyncio.to_thread(_read, job, path, after)
    except OSError:
        text = f"There is no log of job {job} yet."
        raise NotFound(text, hint or "A job writes its log once it runs.") from None


def _read(job: str, path: Path, after: int | None) -> LogTail:
    # Without waiting: what is named as a log may be a pipe whose other end nobody holds.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 (a descriptor)
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise OSError(f"{path} is no plain file")
        known = after if after is not None and after <= told.st_size else 0  # a shorter file began anew
        start = max(known, told.st_size - LOG_BYTES)
        file.seek(start)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(file.read(told.st_size - start))
        end = told.st_size - len(decoder.getstate()[0])  # half a letter is read once it is whole
    return LogTail(job_id=job, path=str(path), text=text, truncated=start > known, start=start, end=end)
