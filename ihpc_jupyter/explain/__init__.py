"""Why a job waits, or ended: from evidence to an answer, as pure functions."""
