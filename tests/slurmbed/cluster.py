"""One running cluster: its controller, its nodes, and the faults that can be brought upon them."""

import os
import re
import secrets
import socket
import time
from pathlib import Path

from . import users
from .client import Client
from .config import ClusterPlan, gres_conf, slurm_conf
from .daemons import Daemons
from .isolation import node_command
from .processes import command_name, descendants
from .programs import find_program
from .settings import BedSettings
from .waiting import wait_until


class Cluster(Client):
    """A controller and its nodes."""

    def __init__(self, plan: ClusterPlan, settings: BedSettings, daemons: Daemons) -> None:
        super().__init__(plan.conf, settings, daemons.directory / "jobs", daemons.directory / "log")
        self.plan = plan
        self.name = plan.name
        self.nodes = list(plan.nodes)
        self.daemons = daemons
        self._controller = f"{plan.name}-slurmctld"
        self._began: dict[str, int] = {}

    def write_files(self) -> None:
        """Write the configuration and make the directories of the daemons' states."""
        account = users.ensure_user(self.plan.slurm_user)
        for name in ("state", "spool"):
            (self.plan.directory / name).mkdir(parents=True)
        (self.plan.directory / "state").chmod(0o700)
        _give(self.plan.directory / "state", account.pw_uid, account.pw_gid)
        self.plan.conf.write_text(slurm_conf(self.plan, self.settings))
        (self.plan.directory / "gres.conf").write_text(gres_conf(self.plan, self.settings))
        for number in range(self.settings.gpus):
            (self.plan.directory / f"gpu{number}").touch()

    def start_controller(self) -> None:
        """Start slurmctld and wait until it takes connections."""
        account = users.ensure_user(self.plan.slurm_user)
        argv = [find_program("slurmctld"), "-D", "-f", str(self.plan.conf)]
        self.daemons.start(self._controller, argv, env=self.env, uid=account.pw_uid, gid=account.pw_gid)
        wait_until(self._controller_listens, f"the controller of {self.name} listens", 60, self.logs)

    def kill_controller(self) -> None:
        """Kill slurmctld as a crash would: what it has not saved yet is lost."""
        self.daemons.kill(self._controller)

    def freeze_controller(self) -> None:
        """Stop slurmctld: connections are taken by the kernel and nobody answers."""
        self.daemons.freeze(self._controller)

    def thaw_controller(self) -> None:
        """Let a frozen slurmctld go on."""
        self.daemons.thaw(self._controller)

    def start_nodes(self) -> None:
        """Start all nodes and wait until each is idle."""
        for name in self.nodes:
            self._start_slurmd(name)
        wait_until(self._all_idle, f"all nodes of {self.name} are idle", 60, self.logs)

    def start_node(self, name: str) -> None:
        """Start a killed node again and wait until the controller counts it as usable."""
        self._start_slurmd(name)
        self._wait_until_usable(name)

    def kill_node(self, name: str) -> list[int]:
        """Take a node away as a crash would, slurmd and every process of its jobs; return their ids."""
        return self.daemons.kill(name)

    def freeze_node(self, name: str) -> None:
        """Stop slurmd and every process of the node's jobs, as a hung file system would."""
        self.daemons.freeze(name)

    def thaw_node(self, name: str) -> None:
        """Let a frozen node go on."""
        self.daemons.thaw(name)

    def node_processes(self, name: str, command: str) -> list[int]:
        """Return the ids of a node's processes that run a command (its name as the kernel has it)."""
        top = self.daemons.running()[name]
        return [pid for pid in descendants(top) if command_name(pid) == command]

    def wait_until_saved(self) -> None:
        """Wait until the controller has written its jobs to disk: it does so some seconds after a change.

        A change that is made here and found there is written after all those before it.
        """
        state = self.plan.directory / "state" / "job_state"
        jobs = self.run("squeue", "--noheader", "--format=%A").stdout.split()
        if jobs:
            mark = f"saved-{secrets.token_hex(12)}"
            self.run("scontrol", "update", f"JobId={jobs[0]}", f"Comment={mark}")
            found = lambda: state.exists() and mark.encode() in state.read_bytes()  # noqa: E731
            wait_until(found, "the jobs are saved", 60, self.logs)

    def heal(self) -> None:
        """Undo every fault: thaw what is frozen, start what was killed, wait until all nodes are usable."""
        running = self.daemons.running()
        if self._controller in running:
            self.thaw_controller()
        else:
            self.start_controller()
        for name in self.nodes:
            if name in running:
                self.thaw_node(name)
            else:
                self._start_slurmd(name)
        for name in self.nodes:
            self._wait_until_usable(name)

    def _wait_until_usable(self, name: str) -> None:
        """Wait until its slurmd has registered, and the controller counts it as usable: a node that died and came
        back before the controller looked never was anything else."""
        began = self._began.get(name, 0)
        wait_until(lambda: self._registered(name) >= began, f"{name} has registered", 60, self.logs)
        self.wait_for_node(name, "idle", "mixed", "allocated", "completing", "planned", "reserved")

    def _registered(self, name: str) -> int:
        """When the slurmd that registered last was started, in seconds since 1970."""
        said = self.run("scontrol", "show", "node", "-o", name, env={"SLURM_TIME_FORMAT": "%s"}).stdout
        found = re.search(r"SlurmdStartTime=(\d+)", said)
        return int(found[1]) if found else 0

    def _start_slurmd(self, name: str) -> None:
        self._began[name] = int(time.time())
        account = users.ensure_user(self.plan.node_user)
        slurmd = [find_program("slurmd"), "-D", "-N", name, "-f", str(self.plan.conf)]
        argv = node_command(slurmd, name, self.daemons.directory / "hosts")
        self.daemons.start(name, argv, env=self.env, uid=account.pw_uid, gid=account.pw_gid)

    def _controller_listens(self) -> bool:
        self.daemons.check(self._controller)
        return listens(self.plan.controller.host, self.plan.controller.port)

    def _all_idle(self) -> bool:
        self.daemons.check(*self.nodes)
        return self.node_states() == dict.fromkeys(self.nodes, "idle")


def listens(host: str, port: int) -> bool:
    """Tell whether a connection is taken."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _give(path: Path, uid: int, gid: int) -> None:
    if path.stat().st_uid != uid:
        os.chown(path, uid, gid)
