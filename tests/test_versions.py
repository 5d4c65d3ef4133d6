"""The comparison of a worker's environment with its head's."""

from distributed.versions import get_versions

from ihpc_jupyter.head.versions import SHARED, difference, versions


def test_the_same_environment_differs_in_nothing() -> None:
    assert difference(get_versions(), get_versions()) == ""


def test_what_differs_is_named_in_one_line() -> None:
    ours, theirs = get_versions(), get_versions()
    theirs["packages"] = {**theirs["packages"], "cloudpickle": "0.1", "distributed": None}
    theirs["host"] = {**theirs["host"], "python": "3.9.0.final.0"}
    text = difference(ours, theirs)
    assert "cloudpickle 0.1 instead of" in text
    assert "distributed None instead of" in text
    assert "python 3.9.0.final.0 instead of" in text
    assert "\n" not in text


def test_a_worker_that_tells_nothing_differs() -> None:
    assert difference(get_versions(), {}) != ""


def test_our_own_versions_are_all_there() -> None:
    assert set(versions()) == {"python", "ihpc_jupyter", *SHARED}
    assert "missing" not in versions().values()
