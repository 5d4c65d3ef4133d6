"""The Dask client of a run that has workers of its own."""

from typing import Any


def connect(cluster: dict[str, str]) -> Any:
    """A client of the cluster at that address, with the credentials at those paths."""
    from distributed import Client  # a second or so, only where a run asks for it
    from distributed.security import Security

    security = Security(
        require_encryption=True, tls_ca_file=cluster["ca_file"],
        tls_client_cert=cluster["cert_file"], tls_client_key=cluster["key_file"],
    )  # fmt: skip
    return Client(cluster["address"], security=security, set_as_default=True)
