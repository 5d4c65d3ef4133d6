"""A real sshd on loopback with keys of its own, for tests that reach a batch system over ssh."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running_sshd(directory: Path, path: str, slurm_conf: str = "") -> Iterator[list[str]]:
    """Start sshd in *directory*; commands run with these variables; gives the ssh options that reach it."""
    make_key = [shutil.which("ssh-keygen") or "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
    for name in ("host", "user"):
        subprocess.run([*make_key, str(directory / name)], check=True, timeout=30)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = [
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
    config = directory / "sshd_config"
    config.write_text("\n".join(settings) + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    with (directory / "sshd.log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
    try:
        _wait_for(port)
        known = directory / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {(directory / 'host.pub').read_text()}")
        yield [
            "-F", "none", "-p", str(port), "-i", str(directory / "user"), "-o", f"UserKnownHostsFile={known}",
        ]  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("sshd did not start")
