"""Inside the job: find a free port, tell it to the hub, become the server.

``python -m ihpc_jupyter.hub.singleuser FIRST LAST [--secrets FILE] PROGRAM ARGUMENTS…``; the hub's address is in
the environment, as JupyterHub names it, and the token there or in a file of the user's own. Imports only what is
there before the server's own first line.
"""

import json
import os
import random
import socket
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

SECRETS = "--secrets"
"""The word before a file with variables as JSON."""

PATIENCE = 300.0
"""Seconds for which a hub that does not answer is asked again: it may be restarting."""


def take_secrets(file: str) -> None:
    """Put the variables in *file* into the environment, and remove it. Raises `OSError`, `ValueError`."""
    with open(file, encoding="utf-8") as kept:  # noqa: PTH123 (nothing is imported that is not needed)
        os.environ.update(json.load(kept))
    os.unlink(file)  # noqa: PTH108


def free_port(first: int, last: int) -> int:
    """A port in this range (ends included) that nothing listens on. Raises `OSError` when there is none."""
    for port in random.sample(range(first, last + 1), last - first + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise OSError(f"No port between {first} and {last} is free on this node.")


def tell(port: int) -> None:
    """Tell the hub, patiently. Raises `urllib.error.HTTPError` where it refuses."""
    url = f"{os.environ['JUPYTERHUB_API_URL'].rstrip('/')}/ihpc/port"
    headers = {
        "Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(url, json.dumps({"port": port}).encode(), headers, method="POST")  # noqa: S310
    until, pause = time.monotonic() + PATIENCE, 0.5
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20):  # noqa: S310 (the hub's own address)
                return
        except urllib.error.HTTPError as error:
            if error.code < 500 or time.monotonic() > until:
                raise
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(pause)  # the hub is away or restarts: asked again, later and later
        pause = min(5.0, 2 * pause)


def main(argv: list[str]) -> None:
    """Never returns: the process becomes the server."""
    first, last, *words = argv
    if words[0] == SECRETS:
        try:
            take_secrets(words[1])
        except (OSError, ValueError) as error:
            sys.exit(f"The hub left no token for this server: {error}")
        words = words[2:]
    port = free_port(int(first), int(last))
    try:
        tell(port)
    except OSError as error:
        sys.exit(f"The hub did not take this server's port: {error}")
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    netloc = f"{address.netloc.rpartition(':')[0]}:{port}"
    os.environ["JUPYTERHUB_SERVICE_URL"] = urlunsplit(address._replace(netloc=netloc))
    os.execvp(words[0], words)  # noqa: S606 (a program and its words, no shell)


if __name__ == "__main__":
    main(sys.argv[1:])
