"""The Dask side: the head of a cluster, its workers, their batch scripts. The only part that runs Dask."""
