"""``ihpc``: the same clusters from a terminal."""

from ihpc_jupyter.cli.main import main

__all__ = ["main"]
