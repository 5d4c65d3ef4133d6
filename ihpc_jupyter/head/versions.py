"""Versions that head, workers and clients must share."""

import sys
from importlib.metadata import version

from ihpc_jupyter import __version__

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
