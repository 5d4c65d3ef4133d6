"""The agent: one small detached process a user and host that looks after clusters. Imports no Dask."""
