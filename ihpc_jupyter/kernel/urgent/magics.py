"""The magics: ``%urgent``, ``%%urgent``, ``%runs``, ``%jobs``, ``%why``."""

import re
import shlex
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.kernel.urgent import manage
from ihpc_jupyter.kernel.urgent.cell import run_cell
from ihpc_jupyter.kernel.urgent.plain import plainly
from ihpc_jupyter.kernel.urgent.screen import screen_of
from ihpc_jupyter.kernel.urgent.session import warm


@magics_class
class UrgentMagics(Magics):
    """Urgent runs in a notebook."""

    @no_var_expand
    @line_cell_magic
    def urgent(self, line: str, cell: str | None = None) -> None:
        """Run a statement (``%urgent x = f(y)``) or a cell (``%%urgent 10m``) now; ``%urgent --help``."""
        with plainly(self._shell):
            if cell is not None:
                # Braces are Python's in a statement, and the notebook's variables in a cell's first line.
                run_cell(self._shell, self._shell.var_expand(line), cell, f"%%urgent {line}".strip())
            elif line.strip() in {"", "--help"}:
                run_cell(self._shell, "--help", "")
            else:
                _refuse_options(line)
                run_cell(self._shell, "", line)

    @line_magic
    def runs(self, line: str) -> None:
        """List runs; ``%runs attach|cancel|plan|ledger|check``; ``%runs --help``."""
        with plainly(self._shell):
            manage.runs(self._shell, _words(line), line)

    @line_magic
    def jobs(self, line: str) -> None:
        """List my jobs: ``%jobs [SITE]``; everybody's with ``--all``."""
        with plainly(self._shell):
            manage.jobs(screen_of(self._shell), _words(line))

    @line_magic
    def why(self, line: str) -> None:
        """Tell why a job waits or ended, or what happened to a run: ``%why ID``.

        When left out the latest run is meant, and where there is none the only job that waits.
        ``%why ID --offers`` also tells what would start sooner than that job.
        """
        with plainly(self._shell):
            manage.why(screen_of(self._shell), _words(line))

    @property
    def _shell(self) -> Any:
        return self.shell


def _refuse_options(line: str) -> None:
    """Who writes options or a deadline before a statement means a cell: Python would read something else."""
    word = line.split(maxsplit=1)[0]
    if re.fullmatch(r"--[a-z].*|\d+(\.\d+)?[smhd]", word):
        raise InvalidRequest(
            f"%urgent takes a statement, not {word}: options and a deadline go with a cell.",
            "Begin the cell with %%urgent and the options, and write the code below.",
        )


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidRequest(f"The words cannot be read: {error}.", "Close every quotation mark.") from None


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext ihpc_jupyter``: the magics, and a connection that is there when it is urgent."""
    shell.register_magics(UrgentMagics)
    warm()
