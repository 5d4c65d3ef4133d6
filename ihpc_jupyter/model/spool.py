"""Where things lie in a cluster's spool directory, which agent, head and workers all see."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spool:
    """A cluster's directory below the site's spool; 0700, deleted at stop."""

    path: Path

    @property
    def gate(self) -> Path:
        """While this file is there the cluster is open; a job that starts without it ends at once."""
        return self.path / "open"

    @property
    def order(self) -> Path:
        """The agent's order to the head (`HeadOrder`)."""
        return self.path / "order.json"

    @property
    def head(self) -> Path:
        """Where the head is (`HeadFile`)."""
        return self.path / "head.json"

    @property
    def certificate(self) -> Path:
        """The cluster's certificate, its own authority."""
        return self.path / "tls" / "cert.pem"

    @property
    def key(self) -> Path:
        """The certificate's key; 0600."""
        return self.path / "tls" / "key.pem"

    @property
    def logs(self) -> Path:
        """Logs of head and jobs."""
        return self.path / "logs"

    def script(self, group: str) -> Path:
        """The batch script of a group."""
        return self.path / "scripts" / f"{group}.sh"

    def log(self, job: str) -> Path:
        """The log of a job; ``{job}`` stands for ids that are not known yet."""
        return self.logs / f"{job}.log"
