"""What a centre runs for all its users: the writer of the snapshot that their agents read."""
