"""``make demo-urgent``: a full machine, a cell that must run now, a node that dies."""
