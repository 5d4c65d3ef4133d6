"""The cluster's credentials: one certificate, its own authority, for head, workers, clients and agent."""

from pathlib import Path

from distributed.security import Security

from ihpc_jupyter.files import private_directory, write_text
from ihpc_jupyter.model.spool import Spool


def make_credentials(spool: Spool) -> None:
    """Write the cluster's key and certificate, unless an earlier head did: they outlive a head."""
    if spool.certificate.exists() and spool.key.exists():
        return
    private_directory(spool.key.parent)
    temporary = Security.temporary()
    write_text(spool.key, temporary.tls_scheduler_key)
    write_text(spool.certificate, temporary.tls_scheduler_cert)


def security_from(certificate: Path, key: Path) -> Security:
    """Dask's security for any role, by the paths of the credentials."""
    ca, cert, secret = str(certificate), str(certificate), str(key)
    return Security(
        require_encryption=True,
        tls_ca_file=ca,
        tls_client_cert=cert,
        tls_client_key=secret,
        tls_scheduler_cert=cert,
        tls_scheduler_key=secret,
        tls_worker_cert=cert,
        tls_worker_key=secret,
    )
