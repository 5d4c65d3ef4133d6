"""The lines of a job's script that bring it into the caller's environment. Pure; every value stands quoted."""

import shlex
from collections.abc import Iterator

from ihpc_jupyter.model.cluster import Environment
from ihpc_jupyter.model.site import Lane, Site


def environment_lines(site: Site, lane: Lane, environment: Environment) -> Iterator[str]:
    """The site's own lines; ``IHPC_PYTHON``: the caller's interpreter where this node sees it, else the lane's or
    the site's; the caller's directory."""
    yield from site.prologue
    yield f"IHPC_PYTHON={shlex.quote(environment.python)}"
    if fallback := lane.python or site.python:
        yield f'[ -x "$IHPC_PYTHON" ] || IHPC_PYTHON={shlex.quote(fallback)}'
    if environment.directory:
        yield f"cd {shlex.quote(environment.directory)} || cd"
