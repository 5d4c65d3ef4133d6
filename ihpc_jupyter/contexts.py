"""TLS by a cluster's own certificate: who holds its key is the cluster, nobody else is."""

import ssl

from ihpc_jupyter.model.spool import Spool


def server_context(spool: Spool) -> ssl.SSLContext:
    """A context that talks only to holders of the cluster's certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(spool.certificate))
    context.load_cert_chain(spool.certificate, spool.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(spool: Spool) -> ssl.SSLContext:
    """A context that shows the cluster's certificate and trusts only that one.

    The name in it is Dask's constant, so the name is not compared: who holds the key is the cluster.
    """
    context = ssl.create_default_context(cafile=str(spool.certificate))
    context.check_hostname = False
    context.load_cert_chain(spool.certificate, spool.key)
    return context
