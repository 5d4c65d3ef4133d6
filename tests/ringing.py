"""A Slurm whose jobs ring their users' doorbells, as a centre's staff set it up."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from tests.slurmbed import BedSettings, SlurmBed


@contextmanager
def ringing_bed(settings: BedSettings) -> Iterator[SlurmBed]:
    """That bed, with the doorbell around each job."""
    with tempfile.TemporaryDirectory(prefix="ihpc-doorbell-") as directory:
        program = Path(directory) / "doorbell"
        program.write_bytes(files("ihpc_jupyter.centre").joinpath("doorbell.sh").read_bytes())
        for path in (program, program.parent):
            path.chmod(0o755)
        around = (f"TaskProlog={program}", f"TaskEpilog={program}")
        with SlurmBed(replace(settings, extra=(*settings.extra, *around))) as bed:
            yield bed
