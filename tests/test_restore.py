"""An urgent cell does to the notebook what the same cell does in it."""

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ihpc_jupyter.agent.mail import Mail
from ihpc_jupyter.errors import InvalidRequest, Unavailable
from ihpc_jupyter.kernel.urgent.capture import capture_call, capture_cell
from ihpc_jupyter.kernel.urgent.remote_error import RemoteError
from ihpc_jupyter.kernel.urgent.restore import raise_error, read_header, restore, value_of_call
from tests.mailboxes import FILENAME, drive, filled, header, mailbox_in, notebook, put, urgent

START = "n = 3\nitems = [1, 2]\nalias = items\ntable = {'a': items}\nfound = set()\nraw = bytearray(b'ab')\n" + (
    "def add(x):\n    items.append(x)\n    return len(items) + n\n"
    "class Box:\n    def __init__(self):\n        self.held = []\nbox = Box()\n"
)
LINES = [
    "n += 1", "m = n * 2", "items.append(n)", "alias.append(5)", "other = items", "items = [n]",
    "fresh = [items, alias]",
    "table['b'] = alias", "table = dict(table)", "table = {'c': items}",
    "found.add(n)", "raw += b'c'", "s = add(n)", "box.held.append(n)",
    "twin = box", "box = Box()", "new = Box()\nnew.held = items", "for i in items: last = i", "t = (items, n)",
    "import os.path as path", "def g(): return n\nr = g()", "q = [k for k in range(n) if (w := k)]",
    "del n\nn = 7",
    "def setter():\n    global made\n    made = [n]\nsetter()", "a = b = []", "class Sub(Box): pass\nsub = Sub()",
]  # fmt: skip
"""Statements; any sequence of them is a program."""


def shape(namespace: dict[str, Any]) -> Any:
    """What a namespace holds, with who is the same object as whom."""
    seen: dict[int, int] = {}

    def drawn(value: Any) -> Any:
        if isinstance(value, list | dict | set | bytearray | tuple) or type(value).__name__ in {"Box", "Sub"}:
            if id(value) in seen:
                return ("again", seen[id(value)])
            if not isinstance(value, tuple):
                seen[id(value)] = len(seen)
        if isinstance(value, list | tuple):
            return [type(value).__name__, *(drawn(item) for item in value)]
        if isinstance(value, dict):
            return {key: drawn(item) for key, item in value.items()}
        if type(value).__name__ in {"Box", "Sub"}:
            return (type(value).__name__, drawn(vars(value)))
        if callable(value) or isinstance(value, type(sys)):
            return getattr(value, "__name__", "")
        return copy.copy(value)

    return {name: drawn(value) for name, value in sorted(namespace.items()) if not name.startswith("__")}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=6))
def test_the_effect_is_that_of_running_it_here(tmp_path: Path, lines: list[str]) -> None:
    program = "\n".join(lines)
    here, away = notebook(START), notebook(START)
    kept = away["items"], away["table"], away["box"]
    exec(program, here)  # noqa: S102 - the program beside which the urgent one is held
    urgent(tmp_path, program, away)
    assert shape(away) == shape(here), program
    assert kept[0] is away["alias"], program
    assert kept[0][:2] == [1, 2], program


def test_what_is_inside_a_captured_object_stays_the_notebooks_own(tmp_path: Path) -> None:
    space = notebook("inner = [1]\nouter = {'a': inner}")
    inner = space["inner"]
    urgent(tmp_path, "outer['a'].append(2)\nouter = dict(outer)", space)
    assert inner == [1, 2]
    assert space["outer"]["a"] is inner is space["inner"]


def test_functions_and_classes_live_in_the_notebook_afterwards(tmp_path: Path) -> None:
    space = notebook("base = 1\nclass Old: pass\nold = Old()")
    urgent(tmp_path, "def f(): return base\nclass New(Old): pass\nnew = New()\nolder = Old()", space)
    space["base"] = 5
    assert space["f"]() == 5
    assert isinstance(space["new"], space["Old"])
    assert type(space["older"]) is space["Old"]


def test_arrays_change_in_place_and_their_owners_see_it(tmp_path: Path) -> None:
    space = notebook("import numpy as np\nx = np.arange(100_000.)\nowner = {'x': x}\nsmall = np.zeros(3)")
    array, small = space["x"], space["small"]
    urgent(tmp_path, "x *= 2\nsmall[1] = 7\ny = x[:3]\nz = x", space)
    assert space["x"] is array
    assert space["z"] is array
    assert array[-1] == 199_998
    assert list(small) == [0, 7, 0]
    space["y"][0] = 1  # what comes back may be written to


def test_an_unchanged_array_does_not_travel_back(tmp_path: Path) -> None:
    space = notebook("import numpy as np\nx = np.ones(100_000)")
    mailbox = urgent(tmp_path, "total = x.sum()", space)
    assert space["total"] == 100_000
    assert header(mailbox).size < 10_000
    assert header(mailbox).changed == ()


def test_objects_that_know_themselves_stay_themselves(tmp_path: Path) -> None:
    space = notebook("class Node:\n    pass\nnode = Node()\nnode.me = node\nloop = []\nloop.append(loop)")
    node, loop = space["node"], space["loop"]
    urgent(tmp_path, "node.tag = 1\nloop.append(2)", space)
    assert node.me is node is space["node"]
    assert node.tag == 1
    assert loop[0] is loop
    assert loop[1] == 2


def test_containers_of_the_standard_library_are_filled_for_all_who_hold_them(tmp_path: Path) -> None:
    made = "[defaultdict(list), deque([1], maxlen=3), Counter('aab'), OrderedDict(a=1)]"
    space = notebook(f"from collections import *\nheld = {made}\ngroups, last, counts, order = held")
    urgent(tmp_path, "groups['x'].append(1)\nlast.append(2)\ncounts['z'] += 1\norder['b'] = 2", space)
    groups, last, counts, order = held = space["held"]
    assert [id(space[name]) for name in ("groups", "last", "counts", "order")] == list(map(id, held))
    assert (groups["x"], groups["none"], list(last), last.maxlen) == ([1], [], [1, 2], 3)
    assert (dict(counts), list(order)) == ({"a": 2, "b": 1, "z": 1}, ["a", "b"])


def test_objects_with_slots_come_back_changed(tmp_path: Path) -> None:
    space = notebook(
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass Pick:\n    at: int\n"
        "class Both(Pick):\n    pass\npick = Pick(1)\nboth = Both(1)"
    )
    urgent(tmp_path, "pick.at = 5\nboth.at = 6\nboth.note = 'x'\nafter = 1", space)
    assert (space["pick"].at, space["both"].at, space["both"].note, space["after"]) == (5, 6, "x", 1)
    assert type(space["pick"]) is space["Pick"]


def test_objects_of_a_class_with_slots_are_made_there_and_come_back(tmp_path: Path) -> None:
    space = notebook(
        "class Pick:\n    __slots__ = ('at',)\n    def __init__(self, at):\n        self.at = at\n"
        "class Wide(Pick):\n    __slots__ = ('width', '__weakref__')\npick = Pick(1)"
    )
    program = "picks = [pick, Pick(2), Wide(3)]\npicks[2].width = 4\nbare = hasattr(pick, '__dict__')"
    urgent(tmp_path, program, space)
    assert [pick.at for pick in space["picks"]] == [1, 2, 3]
    assert (space["picks"][0] is space["pick"], space["picks"][2].width) == (True, 4)
    assert type(space["picks"][2]) is space["Wide"]
    assert space["bare"] is False, "as in the notebook"


def test_functions_with_a_cache_go_and_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = notebook(
        "from functools import cache, lru_cache\n"
        "@cache\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "class Box:\n    @lru_cache(maxsize=5)\n    def held(self): return fib(10)\nbox = Box()"
    )
    # In a kernel the notebook's names are those of `__main__`, where pickling looks for them.
    monkeypatch.setattr(sys.modules["__main__"], "fib", space["fib"], raising=False)
    fib = space["fib"]
    program = "a, b = fib(90), box.held()\n@cache\ndef half(n): return fib(n) / 2\nhold = [fib]"
    mailbox = urgent(tmp_path, program, space)
    assert (space["a"], space["b"], space["half"](6)) == (2880067194370816120, 55, 4)
    assert space["fib"] is fib is space["hold"][0]
    assert header(mailbox).changed == ()


def test_a_change_that_cannot_be_taken_over_is_named_and_the_others_come(tmp_path: Path) -> None:
    space = notebook(
        "class Odd:\n    def __init__(self):\n        self.n = 0\n    def __setstate__(self, state):\n"
        "        if state['n']:\n            raise ValueError('no further')\n        self.__dict__.update(state)\n"
        "odd = Odd()\nitems = []"
    )
    mailbox = filled(tmp_path, "odd.n = 1\nitems.append(1)\nz = 3", space)
    drive(mailbox)
    restored = restore(mailbox, space)
    assert restored.not_sent == {"odd": "its changes cannot be taken over here: no further"}
    assert (space["odd"].n, space["items"], space["z"]) == (0, [1], 3)
    assert (restored.bound, restored.changed) == (("z",), ("items",))


def test_a_frame_changes_in_place(tmp_path: Path) -> None:
    space = {"__name__": "__main__", "df": pd.DataFrame({"a": [1, 2]})}
    frame = space["df"]
    urgent(tmp_path, "df['b'] = df['a'] * 2", space)
    assert list(frame["b"]) == [2, 4]


def test_what_cannot_come_back_stays_behind_and_is_named(tmp_path: Path) -> None:
    space = notebook()
    program = "import threading\nlock = threading.Lock()\nx = 1\ng = (i for i in [1])\nf = open('/dev/null')"
    mailbox = filled(tmp_path, program, space)
    drive(mailbox)
    restored = restore(mailbox, space)
    assert set(restored.not_sent) == {"lock", "g", "f"}
    assert "generator" in restored.not_sent["g"]
    assert space["x"] == 1
    assert space["threading"].__name__ == "threading"


def test_names_rebound_meanwhile_are_conflicts(tmp_path: Path) -> None:
    space = notebook("results = []\nkept = []")
    payload = capture_cell("results.append(1)\nkept.append(1)\ny = 1\nw = [results]", space, filename=FILENAME)
    mailbox = mailbox_in(tmp_path)
    put(payload, mailbox)
    drive(mailbox)
    space.update(results="mine", y="mine, too")
    restored = restore(mailbox, space, expected=payload.fingerprints)
    assert restored.conflicts == ("results", "y")
    assert (space["results"], space["y"], space["kept"]) == ("mine", "mine, too", [1])
    assert isinstance(space["w"][0], list)
    restored = restore(mailbox, space, expected=payload.fingerprints, overwrite=True)
    assert {"results", "y"} <= set(restored.conflicts), "who overwrites is told what"
    assert (space["results"], space["y"]) == ([1], 1)


def test_names_come_back_although_the_cell_raised(tmp_path: Path) -> None:
    space = notebook("items = []")
    mailbox = urgent(tmp_path, "a = 1\nitems.append(2)\n1 / 0\nb = 2", space)
    assert (space["a"], space["items"]) == (1, [2])
    assert "b" not in space
    assert not header(mailbox).ok


def test_an_exception_points_at_the_cells_lines(tmp_path: Path) -> None:
    space = notebook("def outer(f):\n    return f()")
    mailbox = urgent(tmp_path, "def inner():\n    x = 1\n    return {}['key']\n\nouter(inner)", space)
    with pytest.raises(KeyError, match="key") as caught:
        raise_error(mailbox)
    entries = [(entry.path, entry.lineno + 1, entry.name) for entry in caught.traceback][-3:]
    assert [(str(path), line, name) for path, line, name in entries] == [
        (FILENAME, 5, "<module>"), ("/tmp/ipykernel_1/0.py", 2, "outer"), (FILENAME, 3, "inner"),
    ]  # fmt: skip
    error = header(mailbox).error
    assert error is not None
    assert "    return {}['key']" in error.traceback
    assert not [line for line in error.traceback if "ihpc_jupyter" in line]


def test_exceptions_of_the_cells_own_and_chained_ones(tmp_path: Path) -> None:
    program = "class Odd(Exception):\n    def __init__(self, a, b): super().__init__(a)\n"
    mailbox = urgent(
        tmp_path, program + "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise Odd(1, 2)", notebook()
    )
    with pytest.raises(RemoteError, match="Odd: 1") as caught:
        raise_error(mailbox)
    assert "ZeroDivisionError: division by zero" in caught.value.__notes__[0]


def test_leaving_is_an_error_with_its_code(tmp_path: Path) -> None:
    mailbox = urgent(tmp_path, "import sys\nsys.exit(3)", notebook())
    assert (header(mailbox).ok, header(mailbox).exit) == (False, 3)
    told = Mail(mailbox).result()
    assert told is not None
    assert told.error == "SystemExit: 3"
    with pytest.raises(SystemExit):
        raise_error(mailbox)


def test_an_interrupt_that_the_cell_raises_itself_is_its_answer(tmp_path: Path) -> None:
    space = notebook()
    mailbox = urgent(tmp_path, "x = 1\nraise KeyboardInterrupt('enough')", space)
    assert (header(mailbox).ok, space["x"]) == (False, 1)
    with pytest.raises(KeyboardInterrupt, match="enough"):
        raise_error(mailbox)


def test_calls_return_their_value(tmp_path: Path) -> None:
    mailbox = mailbox_in(tmp_path)
    put(capture_call(divmod, (7, 2), {}), mailbox)
    drive(mailbox)
    assert value_of_call(mailbox) == (3, 1)
    raise_error(mailbox)  # nothing to raise
    unsendable = mailbox_in(tmp_path)
    put(capture_call(iter, (b"ab",), {}), unsendable)
    drive(unsendable)
    assert list(value_of_call(unsendable)) == [97, 98]
    never = mailbox_in(tmp_path)
    put(capture_call(notebook("def f(): return (i for i in ())")["f"], (), {}), never)
    drive(never)
    with pytest.raises(InvalidRequest, match="generator"):
        value_of_call(never)


def test_a_broken_result_is_told_and_changes_nothing(tmp_path: Path) -> None:
    space = notebook()
    mailbox = filled(tmp_path, "x = [1]", space)
    assert read_header(mailbox) is None
    drive(mailbox)
    data = mailbox.result.read_bytes()
    mailbox.result.write_bytes(data[:-4] + b"....")
    with pytest.raises(Unavailable, match="hash"):
        restore(mailbox, space)
    assert "x" not in space
    mailbox.result.write_bytes(b"{half")
    with pytest.raises(Unavailable):
        read_header(mailbox)


def test_numbers_of_numpy_and_views(tmp_path: Path) -> None:
    space = notebook("import numpy as np\ngrid = np.arange(12).reshape(3, 4)[:, ::2]")
    urgent(tmp_path, "best = grid.max()\ngrid[0, 0] = 50", space)
    assert space["best"] == 10
    assert isinstance(space["best"], np.integer)
    assert space["grid"][0, 0] == 50
