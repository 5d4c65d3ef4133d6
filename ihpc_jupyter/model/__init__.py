"""The nouns: what things are. Frozen, typed, no I/O; imports nothing else of ours."""
