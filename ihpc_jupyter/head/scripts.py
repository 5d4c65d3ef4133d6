"""Batch scripts, rendered by dask-jobqueue: directives are its trade, the life of a worker is ours.

Every value that reaches a script has been validated by the models (no white space in words, no control
characters anywhere) and stands quoted where a shell reads it.
"""

import math
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

import dask
from dask_jobqueue.local import LocalJob
from dask_jobqueue.slurm import SLURMJob

from ihpc_jupyter.cluster.prologue import environment_lines
from ihpc_jupyter.files import private_directory, write_text
from ihpc_jupyter.head.tls import make_credentials
from ihpc_jupyter.model.head import GroupOrder, HeadOrder
from ihpc_jupyter.model.site import Lane, Shape, SiteKind
from ihpc_jupyter.model.spool import Spool

PREEMPTION_SIGNAL_LEAD = 10
"""Seconds: `--signal` names the signal that announces a preemption; its own time matters little."""

_NOTHING_TO_DO = '{ echo "The cluster was stopped: nothing to do."; exit 0; }'

_SLURM_IDENTITY = (
    'export IHPC_JOB_ID="${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}}"',
    'export IHPC_JOB_ID="${IHPC_JOB_ID:-$SLURM_JOB_ID}" IHPC_RESTARTS="${SLURM_RESTART_COUNT:-0}"',
)


def write_scripts(spool: Spool, order: HeadOrder) -> None:
    """Write the script of each group, and of the head's own job, into the spool."""
    private_directory(spool.script("x").parent)
    private_directory(spool.logs)
    for name, group in order.groups.items():
        write_text(spool.script(name), worker_script(spool, order, name, group))
    write_text(spool.script("head"), head_script(spool, order))


def worker_script(spool: Spool, order: HeadOrder, name: str, group: GroupOrder) -> str:
    """The script of one job of a group: *processes* worker processes behind a launcher."""
    lane = order.site.lanes[group.lane]
    prologue = (
        f"export IHPC_GRACE={lane.grace:g} IHPC_TIME_LIMIT={group.time_limit:g}",
        "export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1",
    )
    arguments = ("--processes", str(group.shape.processes))
    return _render(
        spool, order, lane, group.shape, group.time_limit, _Program("launcher", name, prologue, arguments)
    )


def head_script(spool: Spool, order: HeadOrder) -> str:
    """The script of the head's own job, for `placement = "job"`."""
    settings = order.site.head
    lane = order.site.lanes[settings.lane or order.site.default_lane]
    time_limit = lane.max_time or max(lane.time_limit, order.idle_timeout)
    return _render(spool, order, lane, settings.shape, time_limit, _Program("main", "head", (), ()))


class _Program:
    """Which of our programs a job runs, and what comes before it."""

    def __init__(self, module: str, name: str, prologue: Iterable[str], arguments: Iterable[str]) -> None:
        self.module = f"ihpc_jupyter.head.{module}"
        self.name = name
        self.prologue = tuple(prologue)
        self.arguments = list(arguments)


def write_probe(spool: Spool, order: HeadOrder) -> None:
    """Write the doctor's job, which looks around on a node, and the credentials that it shows."""
    private_directory(spool.script("x").parent)
    private_directory(spool.logs)
    make_credentials(spool)
    (name, group), *_ = order.groups.items()
    lane = order.site.lanes[group.lane]
    program = _Program("probe", name, (), ())
    write_text(spool.script(name), _render(spool, order, lane, group.shape, group.time_limit, program))


def _render(spool: Spool, order: HeadOrder, lane: Lane, shape: Shape, time_limit: float, program: _Program) -> str:
    slurm = order.site.kind is SiteKind.SLURM
    common = {
        "scheduler": shlex.quote(str(spool.path)),
        "name": program.name,
        "cores": shape.cores,
        "memory": f"{shape.memory}B",
        "processes": shape.processes,
        # `exec`: the batch system's signals then reach our program itself, not a shell in front of it.
        "python": 'exec "$IHPC_PYTHON"',
        "worker_command": program.module,
        "worker_extra_args": program.arguments,
        "job_script_prologue": [
            *(_SLURM_IDENTITY if slurm else ()),
            f"[ -e {shlex.quote(str(spool.gate))} ] || {_NOTHING_TO_DO}",
            *program.prologue,
            *environment_lines(order.site, lane, order.environment),
        ],
        "death_timeout": min(60.0, order.idle_timeout),
        "config_name": "ihpc",
    }
    # A user's own jobqueue.yaml must not slip past the site file here: it is read there, as defaults.
    with dask.config.set({"jobqueue.ihpc": _NO_DEFAULTS}):
        if not slurm:
            return str(LocalJob(**common).job_script())
        return str(
            SLURMJob(
                **common,
                shebang="#!/usr/bin/env bash",
                queue=lane.partition,
                account=order.account or lane.account,
                walltime=_slurm_duration(time_limit),
                job_extra_directives=_directives(lane, shape),
                job_directives_skip=["-J "],
            ).job_script()
        )


_NO_DEFAULTS = dict.fromkeys(
    [
        "name",
        "interface",
        "extra",
        "env-extra",
        "local-directory",
        "log-directory",
        "shebang",
        "queue",
        "project",
        "account",
        "walltime",
        "job-cpu",
        "job-mem",
        "job-extra",
        "header-skip",
    ]
)
"""An empty section of dask-jobqueue's configuration."""


def _directives(lane: Lane, shape: Shape) -> list[str]:
    directives = ["--nodes=1", "--open-mode=append"]
    if lane.qos:
        directives.append(f"--qos={lane.qos}")
    if lane.reservation:
        directives.append(f"--reservation={lane.reservation}")
    if shape.gpus:
        directives.append(f"--gres=gpu:{shape.gpus}")
    if lane.preemptible:
        directives += ["--requeue", f"--signal=B:USR1@{PREEMPTION_SIGNAL_LEAD}"]
    return directives


def _slurm_duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)  # never less than was asked for: workers hand over before their end
    return f"{minutes // 60}:{minutes % 60:02d}:00"


def main() -> None:
    """``python -m ihpc_jupyter.head.scripts SPOOL [probe]``: write scripts before there is a head."""
    spool = Spool(Path(sys.argv[1]))
    write = write_probe if sys.argv[2:] == ["probe"] else write_scripts
    write(spool, HeadOrder.model_validate_json(spool.order.read_bytes()))


if __name__ == "__main__":
    main()
