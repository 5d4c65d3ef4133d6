"""``python -m tests.demo_urgent [DIRECTORY]``: urgent runs in 90 seconds, on a private, real Slurm.

Pictures go to DIRECTORY (``build/demo-urgent``). Ends with 1 when anything that it claims did not hold.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.demo_urgent.play import play
from tests.demo_urgent.summary import told
from tests.lab_slurm import REPOSITORY, end_in_order
from tests.slurmbed import BedError, ProgramsMissingError


def main(argv: list[str]) -> int:
    """Parse, play, sum up; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo_urgent", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=REPOSITORY / "build" / "demo-urgent")
    directory = parser.parse_args(argv).directory
    directory.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    end_in_order()
    try:
        found = play(directory, began)
    except (AssertionError, BedError, ProgramsMissingError) as error:
        sys.stderr.write(f"demo-urgent: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("demo-urgent: stopped; nothing is left.\n")
        return 1
    sys.stdout.write(f"{told(found)}\nPictures: {directory}; {time.monotonic() - began:.0f} s in all.\n")
    return 0 if all(one.holds for one in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
