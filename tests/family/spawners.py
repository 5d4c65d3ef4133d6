"""Spawners for batch systems other than Slurm, as hubs make them from settings and a site file."""

import getpass
import hashlib
import pwd
from functools import cache
from typing import Any

from batchspawner import batchspawner as plain
from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User
from traitlets.config import Config

from ihpc_jupyter.hub import family
from ihpc_jupyter.hub.startup import mistakes

ACCOUNT = pwd.getpwnam(getpass.getuser())
HUB = Hub(ip="127.0.0.1", port=8081)
HOME = ACCOUNT.pw_dir
TOKEN = "a-secret-of-the-server's"  # noqa: S105
PROLOGUE = 'SEEN="it\'s $((1 + 1))"'

KINDS = {
    "torque": family.IhpcTorqueSpawner,
    "moab": family.IhpcMoabSpawner,
    "pbs": family.IhpcPBSSpawner,
    "gridengine": family.IhpcGridengineSpawner,
    "lsf": family.IhpcLsfSpawner,
    "condor": family.IhpcCondorSpawner,
}
THEIRS = {
    "torque": plain.TorqueSpawner,
    "moab": plain.MoabSpawner,
    "pbs": plain.PBSSpawner,
    "gridengine": plain.GridengineSpawner,
    "lsf": plain.LsfSpawner,
    "condor": plain.CondorSpawner,
}
IN_FILE = {"gridengine", "lsf", "condor"}
SETTINGS: dict[str, dict[str, Any]] = {"gridengine": {"parallel_environment": "smp"}}

LANES = """
[sites.big.lanes.interactive]
partition = "short"
time_limit = "4h"
max_time = "12h"
[sites.big.lanes.urgent]
groups = ["nobody-is-in-this-group"]
[sites.big.lanes.batch]
account = "physics"
{more}
[sites.big.shapes.small]
cores = 1
memory = "1GiB"
[sites.big.shapes.large]
cores = 4
memory = "4GiB"
{gpus}
[sites.big.shapes.huge]
cores = 4
memory = "400GiB"
"""


def site_file(kind: str) -> str:
    """Lanes for a kind, with all that its system has a word for."""
    more = {
        "moab": 'qos = "high"\nreservation = "standby"',
        "gridengine": 'reservation = "12"',
        "lsf": 'reservation = "standby"',
    }
    text = f'[sites.big]\nkind = "{kind}"\nprologue = ["""{PROLOGUE}"""]\n'
    text += LANES.format(more=more.get(kind, ""), gpus="" if kind == "gridengine" else "gpus = 2")
    return text.replace('partition = "short"', "") if kind == "condor" else text


@cache
def hub_user() -> User:
    """The user who runs this, as a hub's database has them."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    account = orm.User(name=ACCOUNT.pw_name)
    server = orm.Server(base_url=f"/user/{ACCOUNT.pw_name}/")
    session.add_all([account, orm.Spawner(name="", user=account, server=server)])
    session.commit()
    return User(account, {})


def spawner_of(kind: str, **settings: Any) -> family.FamilySpawner:
    """A spawner as a hub with these settings for batchspawner's class makes it."""
    given = {**SETTINGS.get(kind, {}), "node_python": "/opt/python3", **settings}
    user = hub_user()
    spawner = KINDS[kind](
        user=user, orm_spawner=user.orm_spawners[""], db=user.db, hub=HUB, api_token=TOKEN,
        config=Config({THEIRS[kind].__name__: given}),
    )  # fmt: skip
    assert isinstance(spawner, family.FamilySpawner)
    return spawner


def script_of(spawner: family.FamilySpawner, **options: object) -> str:
    return spawner._script(spawner.accept(options), HOME)


def secrets_of(kind: str) -> list[str]:
    """The words that tell a server of a kind where its token is, where it is not in the script."""
    key = hashlib.sha256(f"{HUB.api_url} ".encode()).hexdigest()[:16]
    return ["--secrets", f"{HOME}/.ihpc/hub/{key}.json"] if kind in IN_FILE else []


def said_of(kind: str, **settings: Any) -> list[str]:
    """What a hub that starts with these settings says."""
    return mistakes(Config({THEIRS[kind].__name__: {**SETTINGS.get(kind, {}), **settings}}), KINDS[kind])


def out(name: str) -> str:
    return f"{HOME}/.jupyterhub.{name}"


def read_arguments(line: str) -> list[str]:
    """The words of an Arguments line, read as HTCondor's manual says: its macros first, then its two quotes."""
    value = line.removeprefix("Arguments = ")
    assert "$" not in value.replace("$(DOLLAR)", ""), "nothing else is left for HTCondor to fill in"
    value = value.replace("$(DOLLAR)", "$")
    assert (value[0], value[-1]) == ('"', '"')
    inner = value[1:-1].replace('""', "\0")
    assert '"' not in inner
    words, quoted, rest = [""], False, inner.replace("\0", '"')
    while rest:
        if quoted and rest.startswith("''"):
            words[-1], rest = words[-1] + "'", rest[2:]
        elif rest[0] == "'":
            quoted, rest = not quoted, rest[1:]
        elif rest[0] == " " and not quoted:
            words, rest = [*words, ""], rest[1:]
        else:
            words[-1], rest = words[-1] + rest[0], rest[1:]
    assert not quoted
    return words
