"""Batch systems: submit, cancel, query, in bulk. Knows no Dask, no Jupyter, no clusters."""
