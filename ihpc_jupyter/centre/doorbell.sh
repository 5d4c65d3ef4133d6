#!/bin/sh
# The doorbell of ihpc_jupyter: a job that starts or ends says so to its user's agent, which then asks Slurm at once.
# A centre names this program in slurm.conf, as TaskProlog= and as TaskEpilog=; Slurm runs it as the job's user.
# It tells no more than that something happened, starts nothing, and never fails.
case "${SLURM_PROCID:-0}/${SLURM_STEP_ID:-0}" in
    0/0 | 0/4294967291) # the batch script (it has no step's number, or this one), the first task of the first step
        PATH=/usr/bin:/bin
        touch -c "${IHPC_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/ihpc}/doorbell" 2>/dev/null
        ;;
esac
exit 0
