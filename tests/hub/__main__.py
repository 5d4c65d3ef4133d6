"""A real JupyterHub on loopback in front of a private, real Slurm, with two users: ``python -m tests.hub``."""

import sys

from tests.hub.hub import USERS, explain_missing, running_hub
from tests.lab_slurm import end_in_order
from tests.ringing import ringing_bed
from tests.slurmbed import BedError, BedSettings, ProgramsMissingError


def main() -> int:
    """Run until Ctrl-C, SIGTERM or the end of the hub."""
    if missing := explain_missing():
        sys.stderr.write(f"No hub can be started: {missing}.\n")
        return 1
    end_in_order()
    try:
        with ringing_bed(BedSettings(accounting=False)) as bed, running_hub(bed) as hub:
            sys.stderr.write(
                f"\nJupyterHub: {hub.url}\nUsers: {' or '.join(USERS)}, password: {hub.password}\n"
                f"Behind it: Slurm with {len(bed.nodes)} nodes of {bed.settings.cpus} CPUs.\n"
                f"The hub's log: {hub.log}\n"
                "Stop it with Ctrl-C.\n\n"
            )
            hub.wait()
    except (BedError, ProgramsMissingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped: the hub, its proxy, the servers' jobs and Slurm.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
