"""`urgent()` in a real kernel, with a real agent and the embedded site."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab_slurm import Workplace, workplace
from tests.notebook import Notebook, notebook


@pytest.fixture(scope="module")
def place() -> Iterator[Workplace]:
    """A home with the embedded site."""
    with workplace() as made:
        yield made


@pytest.fixture(scope="module")
def book(place: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A notebook with `urgent`."""
    directory: Path = tmp_path_factory.mktemp("notebook")
    with notebook(place.environment, directory) as made:
        assert made.cell("from ihpc_jupyter import urgent").error is None
        yield made


def test_a_call_is_a_future(book: Notebook) -> None:
    cell = """
from ihpc_jupyter import urgent
import threading
def power(a, *, b): return a ** b
run = urgent(power, 3, b=4, deadline="60s")
value = run.result(60)
called = threading.Event()
run.add_done_callback(lambda run: called.set())
broken = urgent(power, 3, b="x")
kind = type(broken.exception(60)).__name__
awaited = await urgent(power, 2, b=5)
told = (value, run.done(), run.cancel(), called.wait(10), kind, awaited, run.state.value)
"""
    shown = book.cell(cell)
    assert shown.error is None, shown.traceback
    assert book.value("told") == "(81, True, False, True, 'TypeError', 32, 'succeeded')"
    shown = book.cell("urgent(power, 1, b=2, copies=0)")
    assert (shown.error or "").startswith("InvalidRequest: copies: ")


def test_a_call_is_cancelled(place: Workplace, book: Notebook) -> None:
    cell = """
import time
slow = urgent(time.sleep, 60)
asked = slow.cancel()
try:
    slow.result(20)
except Exception as error:
    caught = error
from concurrent.futures import CancelledError
told = (asked, isinstance(caught, CancelledError), slow.cancelled(), slow.done())
"""
    shown = book.cell(cell)
    assert shown.error is None, shown.traceback
    assert book.value("told") == "(True, True, True, True)"


LAST_OF_OURS = 1
"""The function that was called and raises: nobody can hide that."""


@pytest.mark.parametrize("how", ["urgent(outer, 0).result()", "await urgent(outer, 0)"])
def test_the_traceback_has_the_users_lines_and_nothing_of_ours(book: Notebook, how: str) -> None:
    book.cell("def inner(x): return 1 / x\ndef outer(x):\n    return inner(x)")
    shown = book.cell(how)
    assert (shown.error or "").startswith("ZeroDivisionError")
    for line in (how, "return inner(x)", "return 1 / x"):
        assert line in shown.traceback
    assert "ihpc_jupyter" not in shown.traceback
    assert "asyncio" not in shown.traceback.replace(how, "")


@pytest.mark.parametrize("how", ["urgent(abs, 1, copies=0)", "urgent(abs, lock)", "urgent(abs, 1, lane='none')"])
def test_what_is_refused_is_told_without_our_inner_frames(book: Notebook, how: str) -> None:
    book.cell("import threading; lock = threading.Lock()")
    shown = book.cell(how)
    assert how in shown.traceback
    assert shown.traceback.count("ihpc_jupyter/") == LAST_OF_OURS, shown.traceback


def test_more_memory_than_the_host_has_is_refused(book: Notebook) -> None:
    shown = book.cell("urgent(abs, 1, memory='900TiB').result(30)")
    assert "of memory, this host has" in (shown.error or "")
