"""The driver's JSON is JSON."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.driver.lines import as_line, from_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), VALUES))
def test_lines_are_what_json_writes_and_reads(value: dict[str, Any]) -> None:
    line = as_line(value)
    assert line.decode() == json.dumps(value) + "\n"
    assert from_text(line) == json.loads(line) == value


def test_what_is_no_number_survives() -> None:
    found = from_text(as_line({"a": math.inf, "b": -math.inf, "c": math.nan}))
    assert found["a"] == math.inf
    assert found["b"] == -math.inf
    assert math.isnan(found["c"])


@pytest.mark.parametrize("text", ["", "{", "{} {}", '{"a" 1}', "nothing", "\xff"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_text(text.encode("latin-1"))


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(TypeError):
        as_line({"a": object()})
    circle: dict[str, Any] = {}
    circle["a"] = circle
    with pytest.raises(ValueError, match="Circular"):
        as_line(circle)
