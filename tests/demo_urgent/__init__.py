"""The demonstration of urgent runs: a full machine, a cell that must run now, a node that dies. ``make demo-urgent``."""
