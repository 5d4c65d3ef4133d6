"""Urgent runs as pure functions: what is kept of one, how it could start, what to do next, what it cost."""
