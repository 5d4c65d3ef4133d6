"""A user's jobs, handled as that user: submit, cancel, read the end of a log."""

import asyncio
from collections.abc import Sequence

from ihpc_jupyter.errors import IhpcError, NotAllowed, Unavailable
from ihpc_jupyter.hub.account import account_of, environment_of, prefix_of
from ihpc_jupyter.hub.choice import Choice
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.scheduler.base import Submission
from ihpc_jupyter.scheduler.open import open_as
from ihpc_jupyter.scheduler.slurm_commands import Written

_TAIL = ("tail", "-n", "15", "--")
_LONGEST_TAIL = 3000
"""Characters of a log's end."""


class UserJobs:
    """Batch commands run as *user* through *prefix* (``sudo -n -u {username}``); *logs* is a directory that the
    nodes see, in which ``{homedir}`` and ``{username}`` are filled in; *commands* say where the batch system's
    programs are. Raises `NotFound` for an unknown user.
    """

    def __init__(self, site: Site, user: str, prefix: str, logs: str, commands: Sequence[Written] = ()) -> None:
        account = account_of(user)
        words, environment = prefix_of(prefix, account), environment_of(account)
        self._batch, self._transport = open_as(site, words, environment, commands)
        self._logs = logs.format(homedir=account.pw_dir, username=account.pw_name)

    async def submit(self, tag: str, script: str, chosen: Choice) -> str:
        """One submission; the job's id. Raises what `BatchSystem.submit` does."""
        await self._transport.run(["mkdir", "-p", "-m", "700", self._logs])
        log, limit = self._log(tag), chosen.time_limit
        return await self._batch.submit(Submission(tag, script, chosen.lane, 1, False, log, time_limit=limit))

    async def tail(self, tag: str) -> str:
        """The last lines of a job's log. The user reads it, not the hub: a link there leads no further than
        the user's own rights. Empty where there is none."""
        try:
            done = await self._transport.run([*_TAIL, self._log(tag)])
        except IhpcError:
            return ""
        return done.stdout[-_LONGEST_TAIL:]

    async def cancel(self, job_id: str) -> None:
        """Cancel one job. Raises `Unavailable`, `NotAllowed`."""
        await self._batch.cancel([job_id])

    async def cancel_patiently(self, job_id: str) -> None:
        """Cancel as soon as the batch system answers (again): a server that was stopped must not run on."""
        pause = 2.0
        while True:
            try:
                await self.cancel(job_id)
            except (Unavailable, NotAllowed):
                await asyncio.sleep(pause)
                pause = min(60.0, 2 * pause)
            else:
                return

    def _log(self, tag: str) -> str:
        return f"{self._logs}/{tag}.log"
