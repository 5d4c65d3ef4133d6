"""Slurm as the writer of a centre's snapshot asks it: once for everybody."""

import asyncio
import secrets

from ihpc_jupyter.errors import NotAllowed
from ihpc_jupyter.scheduler import slurm_shares as shares
from ihpc_jupyter.scheduler import slurm_text as text
from ihpc_jupyter.scheduler.slurm import Slurm


class SlurmForAll(Slurm):
    """Everybody's jobs and what is free, each in one request."""

    async def jobs_by_user(self) -> dict[int, str]:
        """One ``squeue``, hidden partitions and lately ended jobs included: each user's part, by user id."""
        # No job's name holds a separator that is made up afterwards: nobody writes into another's part.
        word = f"{text.RECORD}{secrets.token_hex(8)}{text.RECORD}"
        argv = ["squeue", "--noheader", "--all", "--states=all", f"--Format={shares.owned_format(word)}"]
        done = await self._ask(argv)
        return await asyncio.to_thread(shares.split_by_owner, done.stdout, word)

    async def refuse_the_blind(self) -> None:
        """Raises `NotAllowed` where Slurm hides other users' jobs from who asks: two or three requests, once."""
        config = (await self._ask(["scontrol", "show", "config"])).stdout
        private = text.parse_setting(config, "PrivateData").split(",")
        me = await self._user()
        owner = text.parse_setting(config, "SlurmUser").partition("(")[0]
        if "jobs" not in private or me in {"root", owner}:
            return
        level = await self._accounting("user", "where", f"name={me}", "format=adminlevel")
        if level.strip() not in {"Operator", "Administrator"}:
            raise NotAllowed(
                f"Slurm hides other users' jobs from {me} (PrivateData); they would read that they have none.",
                f"Run it as root or {owner}, or: sacctmgr modify user {me} set adminlevel=Operator.",
            )
