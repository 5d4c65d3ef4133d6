"""What the ``ihpc site`` commands do and print: for a centre's staff."""

import argparse
import csv
import sys
import time
from importlib.resources import files

from ihpc_jupyter.cli.commands import print_lines, print_table
from ihpc_jupyter.client.agent import AgentClient
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.run import Audit, AuditRow
from ihpc_jupyter.model.site import parse_duration


async def policy(agent: AgentClient, options: argparse.Namespace) -> int:
    """Commands by which the batch system itself enforces the lanes."""
    sys.stdout.write((await agent.policy(options.site)).text)
    return 0


async def ledger(agent: AgentClient, options: argparse.Namespace) -> int:
    """Everybody's urgent runs by the accounting; 1 where the caller's own ledger differs."""
    try:
        since = time.time() - float(str(parse_duration(options.since)))
    except ValueError as error:
        raise InvalidRequest(f"{options.since!r} is no duration.", f"{error}".capitalize() + ".") from None
    audit = await agent.audit(options.site, since)
    if options.csv:
        _write_csv(audit)
    elif audit.rows:
        print_table([_HEADER, *(_cells(row) for row in audit.rows)])
    else:
        print_lines("The accounting knows no urgent run since then.")
    for sentence in audit.differences:
        sys.stderr.write(f"differs: {sentence}\n")
    return int(bool(audit.differences))


async def snapshot(options: argparse.Namespace) -> int:
    """Keep the snapshot until we are stopped; no agent is needed for that."""
    from ihpc_jupyter.centre.service import keep_snapshot  # noqa: PLC0415 - other commands need none of it

    await keep_snapshot(options.site, options.directory, options.listen, options.certificate, options.key)
    return 0


async def doorbell(_: argparse.Namespace) -> int:
    """The program for `TaskProlog` and `TaskEpilog`; no agent is needed for that."""
    sys.stdout.write(files("ihpc_jupyter.centre").joinpath("doorbell.sh").read_text(encoding="utf-8"))
    return 0


_HEADER = ("run", "attempt", "user", "account", "lane", "job", "state", "waited", "core-seconds", "node")


def _cells(row: AuditRow) -> tuple[object, ...]:
    waited = "-" if row.waited is None else f"{row.waited:.0f} s"
    return (
        row.run, row.attempt, row.user or "-", row.account or "-", row.lane or "-", row.job_id, row.state, waited,
        f"{row.core_seconds:.0f}", row.node or "-",
    )  # fmt: skip


def _write_csv(audit: Audit) -> None:
    writer = csv.DictWriter(sys.stdout, fieldnames=list(AuditRow.model_fields))
    writer.writeheader()
    writer.writerows(row.model_dump() for row in audit.rows)
