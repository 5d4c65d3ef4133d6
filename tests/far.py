"""A host without Slurm: its site is reached over ssh, as from a compute node to a login node."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sshd import running_sshd
from tests.world import World


@contextmanager
def far_from_slurm(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Agents started meanwhile have no Slurm of their own, but a login node on loopback that does."""
    path = world.root / "bin"
    path.mkdir()
    for program in ("sh", "bash", "ssh", "env", "timeout"):
        (path / program).symlink_to(shutil.which(program) or f"/usr/bin/{program}")
    site = world.root / "site.toml"
    with running_sshd(world.root, "/usr/bin:/bin", world.bed.env["SLURM_CONF"]) as options:
        transport = f'kind = "slurm"\ntransport = "ssh 127.0.0.1"\nssh_options = {json.dumps(options)}'
        site.write_text(site.read_text().replace('kind = "slurm"', transport))
        given = world.environment

        def without_slurm(runtime: Path) -> dict[str, str]:
            kept = {name: value for name, value in given(runtime).items() if not name.startswith("SLURM")}
            return {**kept, "PATH": str(path), "HOME": os.environ.get("HOME", "/")}

        monkeypatch.setattr(world, "environment", without_slurm)
        yield
