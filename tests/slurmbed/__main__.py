"""Run a command with a real Slurm around it.

python -m tests.slurmbed [--nodes N] [--cpus C] [--accounting] -- COMMAND...
"""

import argparse
import signal
import subprocess
import sys
from types import FrameType

from . import BedError, BedSettings, ProgramsMissingError, SlurmBed


def main(argv: list[str]) -> int:
    """Start a bed, run the command with the bed's environment, end the bed with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.slurmbed", description="A real Slurm around a command.")
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--cpus", type=int, default=4, help="CPUs of each node")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs of each node, counted only")
    parser.add_argument("--accounting", action="store_true", help="with slurmdbd, accounts and QOS")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    chosen = parser.parse_args(argv)
    settings = BedSettings(nodes=chosen.nodes, cpus=chosen.cpus, gpus=chosen.gpus, accounting=chosen.accounting)
    signal.signal(signal.SIGTERM, _stop)
    try:
        with SlurmBed(settings) as bed:
            return _run(bed, chosen.command)
    except (BedError, ProgramsMissingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(bed: SlurmBed, command: list[str]) -> int:
    sys.stderr.write(
        f"Slurm runs in {bed.directory}: {len(bed.nodes)} nodes with {bed.settings.cpus} CPUs each.\n"
    )
    child = subprocess.Popen(command, env=bed.environment())
    # A terminal sends Ctrl-C to the command too, which may want to go on (a shell does): wait for its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code  # as a shell tells that a signal ended it


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
