"""The notebook's door for urgent runs: magics, `urgent()`, and the run's life as it is seen from a kernel."""
