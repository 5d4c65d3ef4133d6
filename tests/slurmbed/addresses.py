"""Loopback addresses and ports that no other bed on this machine uses."""

import socket
from dataclasses import dataclass, field

_FIRST_PORT = 20000  # below the range from which the kernel gives ports to clients
_PORTS_PER_BED = 96
_BLOCKS = 120


@dataclass
class AddressBlock:
    """A claimed range of ports and a network 127.x.y.0/24; free again when closed (or the process ends)."""

    number: int
    _claim: socket.socket
    _next_port: int = field(default=0)
    _next_host: int = field(default=0)

    def port(self) -> int:
        """Return a port that nothing listens on now."""
        while self._next_port < _PORTS_PER_BED:
            port = _FIRST_PORT + self.number * _PORTS_PER_BED + self._next_port
            self._next_port += 1
            if _is_free(port):
                return port
        raise RuntimeError(f"no free port left in block {self.number}: fewer nodes, please")

    def host(self) -> str:
        """Return a loopback address not given out before."""
        self._next_host += 1
        return f"127.{100 + self.number // 100}.{1 + self.number % 100}.{self._next_host}"

    def fileno(self) -> int:
        """Return the descriptor that holds the claim, to be inherited by whoever should hold it too."""
        return self._claim.fileno()

    def close(self) -> None:
        """Give the block back."""
        self._claim.close()


def claim_block() -> AddressBlock:
    """Claim a block. An abstract socket is the claim: atomic, machine-wide, and gone with its last holder."""
    for number in range(_BLOCKS):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0slurmbed-{number}")
        except OSError:
            claim.close()
            continue
        return AddressBlock(number, claim)
    raise RuntimeError(f"{_BLOCKS} test beds run on this machine already")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
