"""Cancellations that the batch system has not taken yet: stored, for the hub that comes after this one."""

from collections.abc import Mapping
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub

from ihpc_jupyter.hub.startup import after

_KEY = "ihpc_owed"


class Owed:
    """Jobs that are still to be cancelled for a user, by their names: the ids, empty where nobody has told them.

    They stand with what the hub stores of the user's default server, which is never deleted as a named one is.
    """

    def __init__(self, user: Any) -> None:
        self._db = user.db
        self._server: orm.Spawner = user.spawners[""].orm_spawner

    def jobs(self) -> dict[str, str]:
        """All of them."""
        return dict(kept_in(self._server.state)[_KEY]) if self._kept and kept_in(self._server.state) else {}

    def add(self, tag: str, job_id: str) -> None:
        """Store one."""
        self._store({**self.jobs(), tag: job_id})

    def remove(self, tag: str) -> None:
        """It was cancelled."""
        self._store({key: value for key, value in self.jobs().items() if key != tag})

    @property
    def _kept(self) -> bool:
        """Whether the hub has not forgotten the user meanwhile."""
        return self._server in self._db

    def _store(self, jobs: dict[str, str]) -> None:
        if self._kept:
            rest = {key: value for key, value in (self._server.state or {}).items() if key != _KEY}
            self._server.state = {**rest, _KEY: jobs} if jobs else rest
            self._db.commit()


def kept_in(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """The part of a server's stored state that is about cancellations: it outlives the server."""
    return {_KEY: state[_KEY]} if state and state.get(_KEY) else {}


def take_up_at_start(kind: type[Any]) -> None:
    """Let a hub that starts in this process repeat what an earlier one owed; *kind* is what our spawners are."""

    def take_up(hub: JupyterHub) -> None:
        if issubclass(hub.spawner_class, kind):
            for server in hub.db.query(orm.Spawner).all():
                if kept_in(server.state):
                    hub.users[server.user].spawners[""].take_up()

    after("start", take_up)
