"""What a workplace's agent and its command line say."""

import subprocess
import sys

import httpx

from ihpc_jupyter.model.run import Ledger, RunView
from tests.lab_slurm import Workplace


def agent(place: Workplace) -> httpx.Client:
    """The place's agent, over its own socket."""
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(place.socket)), base_url="http://agent")


def runs(place: Workplace) -> tuple[RunView, ...]:
    """What its ledger tells, newest first."""
    with agent(place) as http:
        return Ledger.model_validate_json(http.get("/api/runs").content).runs


def latest(place: Workplace) -> RunView:
    return runs(place)[0]


def ihpc(place: Workplace, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command line."""
    program = "import sys; from ihpc_jupyter.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", program, *words]
    return subprocess.run(argv, env=place.environment, capture_output=True, text=True, timeout=60, check=False)
