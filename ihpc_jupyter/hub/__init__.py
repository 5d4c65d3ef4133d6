"""JupyterHub's door: a user's server as a batch job of a lane of the site file. Knows no Dask, no agent."""
