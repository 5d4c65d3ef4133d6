"""What the doctor's job is told, and what it tells of the node it ran on."""

from ihpc_jupyter.model.base import Model, Time


class ProbeOrder(Model):
    """Where this host listens (the address that workers would use), and the word to bring back."""

    host: str
    port: int
    word: str


class ProbeFinding(Model):
    """A node, seen from inside a job."""

    host: str
    at: Time
    versions: dict[str, str]
    """Of Python and of the packages that head, workers and clients must share."""
    python: str = ""
    """The interpreter that was taken there."""
    directory: str = ""
    """Where it works."""
    word: str = ""
    """The word, fetched over mutual TLS; empty when it could not be."""
    error: str = ""
