"""Versions that head, workers and clients must share."""

import sys
from importlib.metadata import version

SHARED = ("distributed", "dask", "cloudpickle", "ihpc-jupyter")


def versions() -> dict[str, str]:
    """Python's version and those of the shared packages, by name."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"python": python, **{name: _version(name) for name in SHARED}}


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:
        return "missing"
