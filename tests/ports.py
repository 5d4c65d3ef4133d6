"""Ports for servers that tests start."""

import secrets
import socket


def free_ports(count: int) -> list[int]:
    """Ports below those that the kernel hands out to clients, which nothing listens on."""
    found: list[int] = []
    while len(found) < count:
        port = 14000 + secrets.randbelow(5000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0 and port not in found:
                found.append(port)
    return found
