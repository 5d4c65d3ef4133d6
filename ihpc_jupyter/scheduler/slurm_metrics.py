"""Slurm's own OpenMetrics (Slurm 25.11 and later, ``MetricsType=metrics/openmetrics``), where a site has them.

What they tell of scheduling is what ``sdiag`` tells. Nodes and free cores are asked for with ``sinfo``: these
metrics give no reasons, and do not say whether cores of nodes that are down count as idle.
"""

import os
import re
from pathlib import Path

import httpx

from ihpc_jupyter.errors import Unavailable

LARGEST = 1 << 20
"""Bytes of an answer; what is about scheduling has some ten thousand."""
PATIENCE = 5.0
"""Seconds to wait for an answer, at most."""
LARGEST_TOKEN = 8192
"""Characters of a token."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_CYCLES = {"slurm_sched_cycle_last": "main", "slurm_bf_cycle_last": "backfill"}
"""In microseconds, as ``sdiag`` has them."""


class SlurmMetrics:
    """The endpoints below *url* (``http://slurmctld:6817/metrics``). Nothing is asked before the first call.

    *token*: the file with the token that they want, where they want one (Slurm 26.05 and later).
    """

    def __init__(self, url: str, timeout: float, token: str | None = None) -> None:
        self.requests = 0
        self._url = url.rstrip("/")
        self._timeout = min(timeout, PATIENCE)
        self._token = None if token is None else Path(token).expanduser()

    async def cycles(self) -> dict[str, float]:
        """Seconds of the last main and backfill pass; a kind that has not passed yet is left out.

        Raises `Unavailable` for whatever is no such answer.
        """
        return parse_cycles(await self._read("scheduler"))

    async def _read(self, what: str) -> str:
        # Tokens end, and are renewed by others than us: the file is read each time.
        headers = {} if self._token is None else {"X-SLURM-USER-TOKEN": read_token(self._token)}
        self.requests += 1
        try:
            async with (
                httpx.AsyncClient(timeout=self._timeout, trust_env=False) as http,
                http.stream("GET", f"{self._url}/{what}", headers=headers) as answer,
            ):
                answer.raise_for_status()
                return (await _bounded(answer)).decode("utf-8", "replace")
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._url}/{what} does not answer: {error}") from error


def read_token(file: Path) -> str:
    """The token in *file*, alone or as ``scontrol token`` writes it. Raises `Unavailable`.

    A file that others may read is refused: with a token one is its user.
    """
    try:
        with file.open(encoding="ascii") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                raise Unavailable(f"{file} may be read by others.", f"chmod 600 {file}")
            said = opened.read(LARGEST_TOKEN + 1).strip().removeprefix("SLURM_JWT=")
    except (OSError, ValueError) as error:
        raise Unavailable(f"The token for Slurm's metrics cannot be read: {error}") from error
    if len(said) > LARGEST_TOKEN or not _TOKEN.fullmatch(said):
        raise Unavailable(f"{file} holds no token.")
    return said


async def _bounded(answer: httpx.Response) -> bytes:
    data = b""
    async for part in answer.aiter_bytes():
        data += part
        if len(data) > LARGEST:
            raise Unavailable(f"{answer.url} tells more than {LARGEST >> 20} MiB.")
    return data


def parse_cycles(text: str) -> dict[str, float]:
    """Seconds by kind. Raises `Unavailable` for a text that does not tell them."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - few sites have them

    try:
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        told = {_CYCLES[one.name]: float(one.value) / 1e6 for one in samples if one.name in _CYCLES}
    except (ValueError, KeyError, IndexError) as error:
        raise Unavailable(f"Slurm's metrics cannot be understood: {error}") from error
    if len(told) < len(_CYCLES):
        raise Unavailable("Slurm's metrics do not tell of its passes.")
    return {kind: seconds for kind, seconds in told.items() if 0 < seconds < float("inf")}
