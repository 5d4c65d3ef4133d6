"""What all tests share: real Slurm beds, and isolated homes with real agents in them."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.reaper import watch_over
from tests.slurmbed import FaultyCommands, SlurmBed
from tests.world import World

# A busy machine is no fault of the code: how long an example takes is not what is tested.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

watch_over()

pytest_plugins = ["tests.slurmbed.fixtures", "pytest_jupyter.jupyter_server"]


@pytest.fixture
def world(slurm: SlurmBed, faulty_commands: FaultyCommands) -> Iterator[World]:
    """A user's home on the shared bed; whatever runs in it is gone after the test."""
    with World(slurm, faulty_commands) as made:
        yield made
