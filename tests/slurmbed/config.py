"""The configuration files of a bed, rendered from its settings."""

import socket
from dataclasses import dataclass
from pathlib import Path

from .settings import LANES, BedSettings, Lane


@dataclass(frozen=True)
class Place:
    """Where something listens."""

    host: str
    port: int


@dataclass(frozen=True)
class ClusterPlan:
    """What one cluster's configuration depends on beside the settings."""

    name: str
    directory: Path
    munge_socket: Path
    slurm_user: str
    node_user: str
    controller: Place
    nodes: dict[str, Place]
    database: Place | None

    @property
    def conf(self) -> Path:
        """The path of slurm.conf."""
        return self.directory / "slurm.conf"


def slurm_conf(plan: ClusterPlan, settings: BedSettings) -> str:
    """Return the text of slurm.conf."""
    lines = [*_daemons(plan, settings), *_scheduling(plan, settings), *_accounting(plan, settings)]
    lines += [_node(name, place, settings) for name, place in plan.nodes.items()]
    lines += [_partition(lane, plan, settings) for lane in LANES]
    return "\n".join([*lines, *settings.extra, ""])


def _daemons(plan: ClusterPlan, settings: BedSettings) -> list[str]:
    # The controller refuses to run on a host of another name than its own.
    host = socket.gethostname().split(".")[0]
    return [
        f"ClusterName={plan.name}",
        f"SlurmctldHost={host}({plan.controller.host})",
        f"SlurmctldPort={plan.controller.port}",
        f"SlurmUser={plan.slurm_user}",
        f"SlurmdUser={plan.node_user}",
        "AuthType=auth/munge",
        "CredType=cred/munge",
        f"AuthInfo=socket={plan.munge_socket},cred_expire={settings.cred_expire}",
        f"StateSaveLocation={plan.directory}/state",
        f"SlurmdSpoolDir={plan.directory}/spool/%n",
        f"SlurmctldPidFile={plan.directory}/state/slurmctld.pid",
        f"SlurmdPidFile={plan.directory}/spool/%n.pid",
        "SlurmdParameters=config_overrides",  # believe the CPUs and memory written here
        "SlurmctldParameters=preempt_send_user_signal",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "JobAcctGatherType=jobacct_gather/linux",
        "SwitchType=switch/none",
        "MpiDefault=none",
        "MailProg=/bin/true",
        "PropagateResourceLimits=NONE",
        "ReturnToService=2",
        f"SlurmdTimeout={settings.slurmd_timeout}",
        f"KillWait={settings.kill_wait}",
        f"MessageTimeout={settings.message_timeout}",
        f"MinJobAge={settings.min_job_age}",
    ]


def _scheduling(plan: ClusterPlan, settings: BedSettings) -> list[str]:
    lines = [
        "SchedulerType=sched/backfill",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        # Without this a job that names no memory takes all of its node's.
        f"DefMemPerCPU={settings.memory_mb // settings.cpus // 4}",
        f"PreemptType=preempt/{'qos' if plan.database else 'partition_prio'}",
        "PreemptMode=REQUEUE",
        "JobRequeue=1",
    ]
    if settings.scheduler:
        lines.append(f"SchedulerParameters={settings.scheduler}")
    if settings.gpus:
        lines.append("GresTypes=gpu")
    return lines


def _accounting(plan: ClusterPlan, settings: BedSettings) -> list[str]:
    if plan.database is None:
        return ["AccountingStorageType=accounting_storage/none", "PriorityType=priority/basic"]
    return [
        "AccountingStorageType=accounting_storage/slurmdbd",
        f"AccountingStorageHost={plan.database.host}",
        f"AccountingStoragePort={plan.database.port}",
        # AuthInfo is not looked at for connections to slurmdbd: this is how they find the munge socket.
        f"AccountingStoragePass={plan.munge_socket}",
        "AccountingStorageEnforce=associations,limits,qos",
        *(["AccountingStorageTRES=gres/gpu"] if settings.gpus else []),
        "PriorityType=priority/multifactor",
        "PriorityWeightQOS=10000",
    ]


def _node(name: str, place: Place, settings: BedSettings) -> str:
    gres = f" Gres=gpu:{settings.gpus}" if settings.gpus else ""
    return (
        f"NodeName={name} NodeHostname={name} NodeAddr={place.host} Port={place.port} CPUs={settings.cpus} "
        f"Boards=1 SocketsPerBoard=1 CoresPerSocket={settings.cpus} ThreadsPerCore=1 "
        f"RealMemory={settings.memory_mb}{gres}"
    )


def _partition(lane: Lane, plan: ClusterPlan, settings: BedSettings) -> str:
    default = " Default=YES" if lane.partition == "batch" else ""
    gives_way = lane.partition in settings.preempted_lanes
    # With accounting the QOS says who gives way to whom, and its grace time counts.
    preempt_mode = "REQUEUE" if gives_way else "OFF"
    mode = "" if plan.database else f" PreemptMode={preempt_mode} GraceTime={settings.grace_time}"
    return (
        f"PartitionName={lane.partition} Nodes=ALL PriorityTier={lane.tier} State=UP MaxTime=INFINITE "
        f"DefaultTime=01:00:00{mode}{default}"
    )


def gres_conf(plan: ClusterPlan, settings: BedSettings) -> str:
    """Return the text of gres.conf: GPUs that are counted only, plain files standing in for the devices."""
    last = settings.gpus - 1
    return f"Name=gpu File={plan.directory}/gpu[0-{last}]\n" if settings.gpus else "# no GPUs\n"


def slurmdbd_conf(directory: Path, munge_socket: Path, slurm_user: str, place: Place) -> str:
    """Return the text of slurmdbd.conf; MYSQL_UNIX_PORT in slurmdbd's environment says where MariaDB is."""
    return "\n".join(
        [
            "AuthType=auth/munge",
            f"AuthInfo=socket={munge_socket}",
            f"DbdHost={socket.gethostname().split('.')[0]}",
            f"DbdAddr={place.host}",
            f"DbdPort={place.port}",
            f"SlurmUser={slurm_user}",
            f"PidFile={directory}/slurmdbd.pid",
            "DebugLevel=info",
            "StorageType=accounting_storage/mysql",
            "StorageHost=localhost",
            f"StorageUser={slurm_user}",
            "StorageLoc=slurmbed",
            "",
        ]
    )


def hosts_file(plans: list[ClusterPlan]) -> str:
    """Return the hosts file that jobs see: the machine's own and every node of the bed."""
    own = Path("/etc/hosts").read_text(encoding="utf-8").rstrip("\n")
    nodes = [f"{place.host} {name}" for plan in plans for name, place in plan.nodes.items()]
    return "\n".join([own, *nodes, ""])
