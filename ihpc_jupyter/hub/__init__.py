"""JupyterHub's door: a user's server as a batch job of a lane of the site file. Knows no Dask, no agent."""

from pathlib import Path

TEMPLATES = str(Path(__file__).parent / "templates")
"""Pages of ours for ``c.JupyterHub.template_paths``; each extends JupyterHub's own."""
