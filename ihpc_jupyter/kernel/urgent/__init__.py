"""Urgent runs in the kernel: what a cell takes along, and what it brings back."""
