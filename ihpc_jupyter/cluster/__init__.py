"""What a cluster should do next: names, records, counts and decisions, without I/O and without Dask."""
