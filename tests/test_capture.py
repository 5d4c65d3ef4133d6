"""What a cell takes along, and what is refused before anything is submitted."""

import resource
import sqlite3
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ihpc_jupyter.driver.packet import unpacked
from ihpc_jupyter.errors import InvalidRequest, Unavailable
from ihpc_jupyter.kernel.urgent.capture import capture_call, capture_cell, capture_script
from ihpc_jupyter.kernel.urgent.names import names_of
from ihpc_jupyter.model.mailbox import Mailbox
from tests.mailboxes import FILENAME, notebook
from tests.world import Stopwatch


def refusal(source: str, **namespace: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        capture_cell(source, {"__name__": "__main__", **namespace}, filename=FILENAME)
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = = 1", "Line 1"),
        ("a = 1\nb = (", "Line 2"),
        ("return 5", "outside function"),
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("%time x = 1", "magics"),
        ("!ls", "magics"),
        ("files = !ls", "magics"),
        ("y = 1  # why?\nx?", "lines: `x?`"),
        ("for i in x:\n    !ls it's", "magics"),
        ("y = 1  # why?\nx = = 2", "Line 2"),
        ("await f()", "await"),
        ("async with f() as g: pass", "await"),
        ("x = [i async for i in f()]", "await"),
        ("name = input('who?')", "input()"),
        ("get_ipython().run_line_magic('time', '')", "get_ipython"),
    ],
)
def test_cells_that_cannot_run_are_refused_in_a_sentence(source: str, words: str) -> None:
    assert words in refusal(source)


@pytest.mark.parametrize(
    ("value", "how"),
    [
        (2**63 - 1, "plain"), (-0.0, "plain"), (float("inf"), "plain"), ("\ud800ü\n", "plain"), (None, "plain"),
        (True, "plain"), (0.1 + 0.2, "plain"), (2**63, "cell"), (1j, "cell"), (b"x", "cell"), ((1, 2), "cell"),
        ([], "cell"), (np.float64(1.5), "cell"), (np.str_("x"), "cell"), (len, "cell"),
    ],
)  # fmt: skip
def test_numbers_and_text_travel_without_a_pickle_and_arrive_as_they_were(value: Any, how: str) -> None:
    packet = b"".join(capture_cell("y = x, z", {"x": value, "z": 1}, filename=FILENAME).data)
    line, _, rest = packet.partition(b"\n")
    stream = BytesIO(rest)
    (part,) = unpacked(lambda size: bytearray(stream.read(size)), line)
    assert part.what == how
    told, aliases = part.load_both({})
    arrived = told["names"]["x"]
    assert (type(arrived), repr(arrived), told["wants"], aliases) == (type(value), repr(value), ["y"], {})
    assert ("_pickle" in driver_modules(packet)) == (how == "cell")


def driver_modules(packet: bytes) -> set[str]:
    """What a fresh interpreter has imported when it has read a packet as the driver does."""
    code = "import sys, io; from ihpc_jupyter.driver import process, packet; data = sys.stdin.buffer.read()\n"
    code += "line, _, rest = data.partition(b'\\n'); rest = io.BytesIO(rest)\n"
    code += "packet.unpacked(lambda n: bytearray(rest.read(n)), line)[0].load_both({}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], input=packet, capture_output=True, check=True)
    return set(done.stdout.decode().split())


def test_awaiting_inside_a_function_is_fine() -> None:
    assert capture_cell("async def f():\n    await g()", {}, filename=FILENAME).wants == ("f",)


@pytest.mark.parametrize(
    ("source", "reads", "binds"),
    [
        ("y = x", {"x"}, {"y"}),
        ("x += 1", {"x"}, {"x"}),
        ("results.append(1)", {"results"}, set()),
        ("def f(a=d):\n    return a + g", {"d", "g"}, {"f"}),
        ("class C(B):\n    attr = v\n    def m(self): return w", {"B", "v", "w"}, {"C"}),
        ("z = [i + k for i in seq if (last := i)]", {"seq", "k"}, {"z", "last"}),
        ("import a.b, c.d as e\nfrom g import h", set(), {"a", "e", "h"}),
        ("for i, (j, *k) in o: pass", {"o"}, {"i", "j", "k"}),
        ("with o as (u, v): pass", {"o"}, {"u", "v"}),
        ("def f():\n    global n\n    n += 1", {"n"}, {"f"}),
        ("del x", {"x"}, {"x"}),
        ("match s:\n    case {'a': m}: pass", {"s"}, {"m"}),
        ("f'{x:>{w}}'", {"x", "w"}, set()),
        ("lambda: (lambda: deep)", {"deep"}, set()),
    ],
)
def test_names_that_a_cell_reads_and_binds(source: str, reads: set[str], binds: set[str]) -> None:
    names = names_of(source, FILENAME, {})
    assert (set(names.reads), set(names.binds)) == (reads, binds)


def test_functions_bring_what_they_read() -> None:
    space = notebook("factor = 3\nlog = []\ndef inner(a):\n    log.append(a)\n    return a * factor\nother = 9")
    payload = capture_cell("y = inner(2)", space, filename=FILENAME)
    assert set(payload.captured) == {"inner", "factor", "log"}
    assert payload.fingerprints["log"] == id(space["log"])
    assert payload.fingerprints["y"] == 0


def generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (generator(), "generator"),
        (threading.Lock(), "lock"),
        (sqlite3.connect(":memory:"), "Connection"),
        ([1, {"deep": threading.Lock()}], "list"),
    ],
)
def test_a_variable_that_cannot_be_sent_is_named(value: Any, words: str) -> None:
    told = refusal("y = fine + culprit", fine=1, culprit=value)
    assert "'culprit'" in told
    assert words in told


def test_an_open_file_is_refused_with_advice(tmp_path: Path) -> None:
    for mode in ("w", "r", "rb"):
        with (tmp_path / "data").open(mode) as file:
            told = refusal("held", held=file)
            assert "'held'" in told
            assert "Open the file in the cell" in told
            assert "'held' (list)" in refusal("held", held=[file])


def test_the_global_that_a_function_reads_is_named() -> None:
    space = notebook("import threading\nlock = threading.Lock()\ndef locked():\n    with lock: return 1")
    with pytest.raises(InvalidRequest, match=r"'lock' \(lock\), which locked\(\) reads"):
        capture_cell("y = locked()", space, filename=FILENAME)


def test_two_gigabytes_are_refused_at_once_and_without_copying_them() -> None:
    large = np.zeros(2 << 28)
    before, watch = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, Stopwatch()
    told = refusal("y = large.sum() + small", large=large, small=1)
    assert "large (4.0 GiB)" in told
    assert "small" not in told
    watch.within(2, "refusing four gigabytes")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_pickling_stops_at_the_limit() -> None:
    space = {"many": [str(number) for number in range(300_000)], "few": [1]}
    with pytest.raises(InvalidRequest, match=r"more than 1\.0 MiB"):
        capture_cell("many, few", space, filename=FILENAME, limit=1 << 20)


def test_arrays_are_not_copied_into_the_payload() -> None:
    array = np.arange(1 << 20, dtype=float)
    payload = capture_cell("array", {"array": array}, filename=FILENAME)
    views = [
        np.frombuffer(chunk, dtype=float) for chunk in payload.data if memoryview(chunk).nbytes == array.nbytes
    ]
    assert any(np.shares_memory(view, array) for view in views)


def test_ipythons_own_names_stay() -> None:
    inputs, outputs = ["", "1"], {1: "one"}
    space: dict[str, Any] = {"_ih": inputs, "In": inputs, "_oh": outputs, "Out": outputs, "_": "one", "exit": exit}
    assert capture_cell("In, Out, _, exit", space, filename=FILENAME).captured == ()
    assert capture_cell("_", {**space, "_": [1, 2]}, filename=FILENAME).captured == ("_",)


def test_titles_are_one_printable_line() -> None:
    assert capture_cell("\n# why\n  \nx = '\x07'\ny = 1", {}, filename=FILENAME).title == "x = ' '"
    assert len(capture_cell("x = " + "1 + " * 200 + "1", {}, filename=FILENAME).title) <= 200


def test_calls_and_scripts() -> None:
    assert capture_call(max, (1, 2), {}).order["kind"] == "call"
    with pytest.raises(InvalidRequest, match="argument 1"):
        capture_call(max, (threading.Lock(),), {})
    script = capture_script("#!/bin/bash\necho hello", "bash")
    assert (script.order["interpreter"], script.title) == ("bash", "echo hello")
    for wrong in ("-c", "bash -c", "a;b", ""):
        with pytest.raises(InvalidRequest):
            capture_script("echo", wrong)


def test_a_full_spool_is_told(tmp_path: Path) -> None:
    payload = capture_cell("x", {"x": "a" * 3_000_000}, filename=FILENAME)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    mailbox = Mailbox(tmp_path)
    program = resource.RLIMIT_FSIZE
    resource.setrlimit(program, (1_000_000, hard))
    try:
        with pytest.raises(Unavailable, match=r"2\.9 MiB"):
            payload.write(mailbox)
    finally:
        resource.setrlimit(program, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_the_order_tells_what_the_driver_must_know(tmp_path: Path) -> None:
    order = capture_cell("x = 1", {}, filename=FILENAME).order
    assert order["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert order["directory"] == str(Path.cwd())
    assert order["path"] == sys.path
