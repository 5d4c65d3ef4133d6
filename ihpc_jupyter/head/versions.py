"""Versions that head, workers and clients must share."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ihpc_jupyter.version import __version__

SHARED = ("distributed", "dask", "cloudpickle")


def versions() -> dict[str, str]:
    """Python's version and those of the shared packages, by name."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"python": python, "ihpc_jupyter": __version__, **{name: _version(name) for name in SHARED}}


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:
        return "missing"


def difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """What differs between two answers of `distributed.versions.get_versions`, in one line; empty for nothing."""
    pairs = [("python", ours["host"]["python"], theirs.get("host", {}).get("python", "unknown"))]
    packages = theirs.get("packages", {})
    pairs += [(name, ours["packages"].get(name), packages.get(name)) for name in SHARED]
    return ", ".join(f"{name} {there} instead of {here}" for name, here, there in pairs if here != there)
