"""Measured responsiveness as pure functions and bounded memory: no file, no clock, no process."""
