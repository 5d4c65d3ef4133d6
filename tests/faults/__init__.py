"""What must be true when things go wrong, on real Slurm with real agents and workers."""
