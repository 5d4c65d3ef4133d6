"""Slurm's own OpenMetrics (Slurm 25.11 and later, ``MetricsType=metrics/openmetrics``), where a site has them.

What they tell of scheduling is what ``sdiag`` tells. Nodes and free cores are asked for with ``sinfo``: these
metrics give no reasons, and do not say whether cores of nodes that are down count as idle.
"""

import httpx

from ihpc_jupyter.errors import Unavailable

LARGEST = 1 << 20
"""Bytes of an answer; what is about scheduling has some ten thousand."""
PATIENCE = 5.0
"""Seconds to wait for an answer, at most."""

_CYCLES = {"slurm_sched_cycle_last": "main", "slurm_bf_cycle_last": "backfill"}
"""In microseconds, as ``sdiag`` has them."""


class SlurmMetrics:
    """The endpoints below *url* (``http://slurmctld:6817/metrics``). Nothing is asked before the first call."""

    def __init__(self, url: str, timeout: float) -> None:
        self.requests = 0
        self._url = url.rstrip("/")
        self._timeout = min(timeout, PATIENCE)

    async def cycles(self) -> dict[str, float]:
        """Seconds of the last main and backfill pass; a kind that has not passed yet is left out.

        Raises `Unavailable` for whatever is no such answer.
        """
        return parse_cycles(await self._read("scheduler"))

    async def _read(self, what: str) -> str:
        self.requests += 1
        try:
            async with (
                httpx.AsyncClient(timeout=self._timeout, trust_env=False) as http,
                http.stream("GET", f"{self._url}/{what}") as answer,
            ):
                answer.raise_for_status()
                return (await _bounded(answer)).decode("utf-8", "replace")
        except httpx.HTTPError as error:
            raise Unavailable(f"{self._url}/{what} does not answer: {error}") from error


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
