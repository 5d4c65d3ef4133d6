"""Test fixtures: a shared bed, a shared bed with accounting, and beds to order."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.leftovers import bed_without_leftovers

from . import BedSettings, FaultyCommands, SlurmBed, explain_missing

MakeSlurm = Callable[..., SlurmBed]


def _skip_without(*, accounting: bool) -> None:
    if missing := explain_missing(accounting=accounting):
        pytest.skip(missing)


@pytest.fixture(scope="session")
def slurm_session() -> Iterator[SlurmBed]:
    """The bed behind `slurm`."""
    _skip_without(accounting=False)
    with bed_without_leftovers() as bed:
        yield bed


@pytest.fixture(scope="session")
def slurm_accounting_session() -> Iterator[SlurmBed]:
    """The bed behind `slurm_accounting`."""
    _skip_without(accounting=True)
    with bed_without_leftovers(BedSettings(accounting=True)) as bed:
        yield bed


@pytest.fixture
def slurm(slurm_session: SlurmBed) -> Iterator[SlurmBed]:
    """Four nodes with four CPUs each, shared by all tests; whatever a test leaves in it is cancelled."""
    yield slurm_session
    slurm_session.heal()
    slurm_session.cancel_all()


@pytest.fixture
def slurm_accounting(slurm_accounting_session: SlurmBed) -> Iterator[SlurmBed]:
    """The same with slurmdbd, accounts and QOS."""
    yield slurm_accounting_session
    slurm_accounting_session.heal()
    slurm_accounting_session.cancel_all()


@pytest.fixture(scope="module")
def fresh_slurm() -> Iterator[SlurmBed]:
    """A bed that only one module's tests have seen: Slurm tells of ended jobs for minutes."""
    _skip_without(accounting=False)
    with bed_without_leftovers() as bed:
        yield bed


@pytest.fixture
def make_slurm() -> Iterator[MakeSlurm]:
    """Return a function that starts a bed of its own for this test; it takes the fields of `BedSettings`."""
    with ExitStack() as beds:

        def make(**settings: Any) -> SlurmBed:
            chosen = BedSettings(**settings)
            _skip_without(accounting=chosen.accounting)
            return beds.enter_context(bed_without_leftovers(chosen))

        yield make


@pytest.fixture
def faulty_commands(slurm: SlurmBed, tmp_path_factory: pytest.TempPathFactory) -> FaultyCommands:
    """Wrappers around Slurm's commands, without orders yet; inside the bed, where every user reaches them."""
    number = tmp_path_factory.mktemp("faulty").name
    return FaultyCommands(Path(slurm.directory) / "faulty" / number)
