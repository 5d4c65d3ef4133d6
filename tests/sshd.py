"""A real sshd on loopback with keys of its own, for tests that reach a batch system over ssh."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.slurmbed import wait_until


@contextmanager
def running_sshd(directory: Path, path: str, slurm_conf: str = "") -> Iterator[list[str]]:
    """Start sshd in *directory*; commands run with these variables; gives the ssh options that reach it."""
    make_key = [shutil.which("ssh-keygen") or "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
    for name in ("host", "user"):
        subprocess.run([*make_key, str(directory / name)], check=True, timeout=30)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server, port = _listening(directory, path, slurm_conf)
    try:
        known = directory / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {(directory / 'host.pub').read_text()}")
        yield [
            "-F", "none", "-p", str(port), "-i", str(directory / "user"), "-o", f"UserKnownHostsFile={known}",
        ]  # fmt: skip
    finally:
        server.terminate()
        server.wait(30)


def _listening(directory: Path, path: str, slurm_conf: str) -> tuple["subprocess.Popen[bytes]", int]:
    """A server that listens, and where; another port where somebody took the one that was free a moment ago."""
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        config = directory / "sshd_config"
        config.write_text("\n".join(_settings(directory, port, path, slurm_conf)) + "\n")
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        with (directory / "sshd.log").open("wb") as log:
            server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
        said = f"Server listening on 127.0.0.1 port {port}."
        wait_until(lambda: said in _log(directory) or server.poll() is not None, "sshd listens or ends")  # noqa: B023
        if server.poll() is None:
            return server, port
    raise AssertionError(f"sshd did not start: {_log(directory)}")


def _log(directory: Path) -> str:
    return (directory / "sshd.log").read_text(errors="replace")


def _settings(directory: Path, port: int, path: str, slurm_conf: str) -> list[str]:
    return [
        "ListenAddress 127.0.0.1",
        f"Port {port}",
        f"HostKey {directory / 'host'}",
        f"AuthorizedKeysFile {directory / 'user.pub'}",
        f"PidFile {directory / 'sshd.pid'}",
        f"SetEnv PATH={path} SLURM_CONF={slurm_conf}",
        "UsePAM no",
        "StrictModes no",
        "PermitRootLogin yes",
    ]
