"""The rehearsal before the beam time: everything that an urgent run needs, looked at without running it."""

import time
from pathlib import Path

from ihpc_jupyter.agent.desk import SiteDesk
from ihpc_jupyter.agent.doctor import examine
from ihpc_jupyter.cluster.naming import new_uid
from ihpc_jupyter.errors import IhpcError
from ihpc_jupyter.explain.words import digits
from ihpc_jupyter.model.protocol import Check, Report
from ihpc_jupyter.model.run import Plan
from ihpc_jupyter.runs.planner import Wanted
from ihpc_jupyter.scheduler.base import Launch


async def rehearse(desk: SiteDesk, wanted: Wanted, plan: Plan) -> Report:
    """May it start, what would it cost, how; then all that the doctor looks at (a small job on a node, too)."""
    checks = [await _rights(desk, wanted), _budget(wanted), _plan(plan)]
    report = await examine(desk, wanted.order.environment)
    return Report(site=desk.site.name, at=time.time(), checks=(*checks, *report.checks))


async def _rights(desk: SiteDesk, wanted: Wanted) -> Check:
    """The batch system's own word on this very request."""
    mailbox = desk.mailbox(new_uid())
    launch = Launch(
        name="ihpc-rehearsal", script=mailbox.script(1), lane=wanted.lane, shape=wanted.shape,
        log=str(mailbox.log(1, "{copy}")), said=Path(mailbox.command(1)), copies=wanted.order.copies,
        tasks=wanted.order.tasks, time_limit=wanted.time_limit, account=wanted.order.account,
    )  # fmt: skip
    name = f"lane {wanted.lane} takes it"
    try:
        words = await desk.batch.test_launch(launch)
    except IhpcError as error:
        return Check(name=name, outcome="failed", text=error.message, hint=error.hint)
    return Check(name=name, outcome="ok", text=words or "yes")


def _budget(wanted: Wanted) -> Check:
    budget = wanted.order.budget
    cores = f"{wanted.all_cores} cores for up to {wanted.time_limit:.0f} s"
    text = f"at most {digits(wanted.price)} core-hours ({cores})"
    if budget is None:
        return Check(name="price", outcome="ok", text=text)
    return Check(name="price", outcome="ok", text=f"{text}, within the budget of {digits(budget)}")


def _plan(plan: Plan) -> Check:
    ways = "; ".join(f"{way.kind}: {way.why}" for way in plan.ways)
    if plan.chosen is None:
        return Check(name="a way to start", outcome="failed", text=ways)
    return Check(name="a way to start", outcome="ok", text=f"{plan.chosen}. {plan.why}")
