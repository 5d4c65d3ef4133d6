"""The accounting database of a bed: MariaDB, slurmdbd, and the accounts, QOS and users in it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import users
from .client import Client
from .cluster import listens
from .config import Place, slurmdbd_conf
from .daemons import Daemons
from .programs import find_program
from .settings import ACCOUNTS, LANES, BedSettings
from .waiting import BedError, wait_until

_SYSTEM_TABLES = Path("/usr/share/mysql/mysql_system_tables.sql")


class Accounting:
    """MariaDB (on a socket that only the Slurm user reaches) and slurmdbd."""

    def __init__(self, daemons: Daemons, munge_socket: Path, slurm_user: str, place: Place) -> None:
        self._daemons = daemons
        self._directory = daemons.directory / "db"
        self._account = users.ensure_user(slurm_user)
        self._munge_socket = munge_socket
        self._place = place

    def start(self) -> None:
        """Start both on an empty database."""
        self._directory.mkdir(mode=0o700)
        (self._directory / "data" / "mysql").mkdir(parents=True)
        conf = self._directory / "slurmdbd.conf"
        conf.write_text(slurmdbd_conf(self._directory, self._munge_socket, self._account.pw_name, self._place))
        conf.chmod(0o600)
        if os.geteuid() == 0:
            for path in (self._directory, *self._directory.rglob("*")):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        self._start_database()
        self._start_slurmdbd()

    def _start_database(self) -> None:
        # The table scripts alone, instead of mariadb-install-db, save a second and 90 MB. Passwords would be
        # of no use: whoever reaches the socket may do as he likes, and the directory lets nobody reach it.
        script = self._directory / "tables.sql"
        script.write_text(f"use mysql;\n{_SYSTEM_TABLES.read_text()}")
        script.chmod(0o644)
        bootstrap = " ".join([*self._server(), "--bootstrap", "<", str(script)])
        self._run("mariadb-bootstrap", ["sh", "-c", bootstrap])
        self._start("mariadbd", [*self._server(), f"--socket={self._socket}", "--skip-networking"])
        wait_until(self._socket.exists, "MariaDB takes connections", 60, self._daemons.directory / "log")

    def _start_slurmdbd(self) -> None:
        env = {"SLURM_CONF": str(self._directory / "slurm.conf"), "MYSQL_UNIX_PORT": str(self._socket)}
        self._start("slurmdbd", [find_program("slurmdbd"), "-D"], env)
        wait_until(self._slurmdbd_listens, "slurmdbd listens", 60, self._daemons.directory / "log")

    def _slurmdbd_listens(self) -> bool:
        self._daemons.check("slurmdbd")
        return listens(self._place.host, self._place.port)

    @property
    def _socket(self) -> Path:
        return self._directory / "mariadb.sock"

    def _server(self) -> list[str]:
        return [
            find_program("mariadbd"),
            "--no-defaults",
            f"--datadir={self._directory}/data",
            f"--pid-file={self._directory}/mariadb.pid",
            "--skip-grant-tables",
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-lock-wait-timeout=900",
        ]

    def _start(self, name: str, argv: list[str], env: dict[str, str] | None = None) -> None:
        self._daemons.start(name, argv, env=env, uid=self._account.pw_uid, gid=self._account.pw_gid)

    def _run(self, name: str, argv: list[str]) -> None:
        self._start(name, argv)
        wait_until(lambda: name in self._daemons.ended(), f"{name} has ended", 60, self._daemons.directory / "log")


def fill_database(client: Client, settings: BedSettings) -> None:
    """Enter clusters, QOS, accounts and users.

    Each command waits eight times for a delayed TCP acknowledgement (44 ms), so those that do not depend on
    each other run at the same time. A QOS may be named only in a process later than the one that added it:
    each process loads the list of QOS once.
    """
    qos_and_accounts = [*_preemption(settings), *_accounts(settings)]
    for stage in (_clusters_and_qos(settings), qos_and_accounts, _users(settings)):
        with ThreadPoolExecutor(len(stage)) as pool:
            list(pool.map(lambda commands: _sacctmgr(client, commands), stage))


def _sacctmgr(client: Client, commands: list[str]) -> None:
    text = "\n".join([*commands, "quit", ""])
    done = client.run("sacctmgr", "--immediate", stdin=text, timeout=60, check=False)
    if done.returncode != 0 or "rror" in done.stderr:
        raise BedError(f"sacctmgr: {done.stdout}{done.stderr}")


def _clusters_and_qos(settings: BedSettings) -> list[list[str]]:
    added = ",".join(lane.qos for lane in LANES if lane.qos != "normal")
    return [[f"add cluster {','.join(settings.clusters)}"], [f"add qos {added}"]]


def _preemption(settings: BedSettings) -> list[list[str]]:
    stage = []
    for lane in LANES:
        gives_way = "requeue" if lane.partition in settings.preempted_lanes else "cluster"
        preempts = ",".join(other.qos for other in settings.preempts(lane))
        stage.append([
            f"modify qos {lane.qos} set Priority={lane.tier * 10} PreemptMode={gives_way} "
            f"GraceTime={settings.grace_time}{f' Preempt={preempts}' if preempts else ''}"
        ])  # fmt: skip
    return stage


def _accounts(settings: BedSettings) -> list[list[str]]:
    every_qos = ",".join(lane.qos for lane in LANES)
    accounts = [f"add account {name} QOS={','.join(qos)} DefaultQOS=normal" for name, qos in ACCOUNTS.items()]
    return [[f"modify account root set QOS={every_qos} DefaultQOS=normal", *accounts]]


def _users(settings: BedSettings) -> list[list[str]]:
    me = users.current_user()
    commands = [
        f"add user {name} Account={','.join(accounts)} DefaultAccount={accounts[0]}"
        for name, accounts in settings.users.items()
        if name != me
    ]
    if me != "root":
        commands.append(f"add user {me} Account=research DefaultAccount=research AdminLevel=Administrator")
    return [commands]
