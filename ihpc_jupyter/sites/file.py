"""The site file: what a computing centre's staff, then the user, say about sites, lanes and the agent.

TOML, system-wide and then the user's own, merged key by key; the centre may lock keys. Every mistake is told
at once, one a line, with file and key.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.model.base import Model
from ihpc_jupyter.model.site import ServerKind, ServerSite, Site
from ihpc_jupyter.sites.mistakes import explain

Table = dict[str, Any]
_AModel = TypeVar("_AModel", bound=Model)

_LOCAL: Table = {
    "title": "This host",
    "kind": "local",
    "lanes": {
        "interactive": {
            "title": "Interactive: soon, for work at the screen",
            "priority": 50,
            "time_limit": "12h",
        },
        "urgent": {"title": "Urgent: before everything else", "priority": 100, "time_limit": "1h"},
        "batch": {"title": "Batch: when there is room", "priority": 10, "time_limit": "12h"},
        "spot": {
            "title": "Spot: gives way to all others",
            "priority": 1,
            "time_limit": "12h",
            "preemptible": True,
            "grace": 10.0,
            "cost_factor": 0.25,
        },
    },
    "shapes": {
        "small": {"cores": 1, "memory": "1GiB"},
        "medium": {"cores": 2, "memory": "2GiB"},
    },
}


class AgentSettings(Model):
    """How the agent lives: detached from whoever started it, or a child of it that ends with the session."""

    mode: Literal["detached", "session"] = "detached"
    discover: bool = True
    """Whether a Slurm that answers on this host is proposed as a site although no file describes it."""


@dataclass(frozen=True)
class Settings:
    """What the site files say. *files* are those that were read, in order; *server_sites* are for hubs only."""

    sites: Mapping[str, Site]
    server_sites: Mapping[str, ServerSite] = field(default_factory=dict)
    agent: AgentSettings = field(default_factory=AgentSettings)
    files: tuple[Path, ...] = ()
    locked: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    path: Path
    table: Table = field(default_factory=dict)


def site_file_paths(environment: Mapping[str, str] | None = None) -> tuple[Path, Path]:
    """The system-wide file and the user's; IHPC_SYSTEM_SITE_FILE and IHPC_SITE_FILE name others."""
    given = os.environ if environment is None else environment
    home = Path(given.get("HOME") or Path.home())
    config = Path(given.get("XDG_CONFIG_HOME") or home / ".config")
    return (
        Path(given.get("IHPC_SYSTEM_SITE_FILE") or "/etc/ihpc/site.toml"),
        Path(given.get("IHPC_SITE_FILE") or config / "ihpc" / "site.toml"),
    )


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read both files; without any site for agents in them there is one, `local`.

    Raises `InvalidRequest` with all mistakes, one a line: file, key, what is allowed. Reads files only.
    """
    mistakes: list[str] = []
    system, user = (_read(path, mistakes) for path in site_file_paths(environment))
    locked = _locked(system, mistakes)
    mistakes += _broken_locks(system, user, locked)
    files = [file for file in (system, user) if file.table]
    merged = _merge(system.table, user.table)
    mistakes += [
        f"{_origin(files, (key,))}: {key}: no such key; allowed here: agent, locked, sites"
        for key in merged
        if key not in {"agent", "locked", "sites"}
    ]
    agent = _model(AgentSettings, ("agent",), merged.get("agent", {}), files, mistakes)
    described = _sites(merged.get("sites", {}), files, mistakes)
    if mistakes or agent is None:
        raise InvalidRequest(
            "The site file has mistakes:\n" + "\n".join(mistakes),
            "Correct the keys named; “ihpc doctor” checks again.",
        )
    sites = {name: site for name, site in described.items() if isinstance(site, Site)}
    servers = {name: site for name, site in described.items() if isinstance(site, ServerSite)}
    read = tuple(file.path for file in files)
    return Settings(sites or {"local": default_local_site()}, servers, agent, read, locked)


def default_local_site() -> Site:
    """The site of this host, for those who describe none."""
    return Site.model_validate({"name": "local", **_LOCAL})


def _read(path: Path, mistakes: list[str]) -> _File:
    try:
        return _File(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return _File(path)
    except tomllib.TOMLDecodeError as error:
        mistakes.append(f"{path}: not valid TOML: {error}")
    except UnicodeDecodeError:
        mistakes.append(f"{path}: not valid TOML: it is not UTF-8 text")
    except OSError as error:
        mistakes.append(f"{path}: cannot be read: {error.strerror}")
    return _File(path)


def _locked(system: _File, mistakes: list[str]) -> tuple[str, ...]:
    value = system.table.get("locked", [])
    if isinstance(value, list) and all(isinstance(key, str) for key in value):
        return tuple(value)
    mistakes.append(f'{system.path}: locked: write a list of keys, for example ["agent.mode"]')
    return ()


def _broken_locks(system: _File, user: _File, locked: Iterable[str]) -> Iterator[str]:
    if "locked" in user.table:
        yield f"{user.path}: locked: only the system-wide file {system.path} locks keys"
    for key in _leaves(user.table):
        for lock in locked:
            if f"{key}.".startswith(f"{lock}.") or f"{lock}.".startswith(f"{key}."):
                yield f"{user.path}: {key}: locked by {system.path} as {lock}; remove it from your file"
                break


def _leaves(table: Table, above: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{key}.")
        elif not isinstance(value, dict):
            yield f"{above}{key}"


def _merge(below: Table, above: Table) -> Table:
    merged = dict(below)
    for key, value in above.items():
        earlier = merged.get(key)
        merged[key] = _merge(earlier, value) if isinstance(earlier, dict) and isinstance(value, dict) else value
    return merged


def _sites(tables: object, files: list[_File], mistakes: list[str]) -> dict[str, Site | ServerSite]:
    if not isinstance(tables, dict):
        mistakes.append(f"{_origin(files, ('sites',))}: sites: write a table for each site, [sites.NAME]")
        return {}
    sites: dict[str, Site | ServerSite] = {}
    for name, table in tables.items():
        given = table
        if isinstance(table, dict):
            if "name" in table:
                place = _origin(files, ("sites", name, "name"))
                mistakes.append(f"{place}: sites.{name}.name: the table's own name is the site's name; remove it")
            # Who describes `local` in part gets the rest of it from us.
            given = {**(_LOCAL if name == "local" else {}), **table, "name": name}
        for_servers = isinstance(given, dict) and given.get("kind") in list(ServerKind)
        model: type[Site | ServerSite] = ServerSite if for_servers else Site
        site = _model(model, ("sites", name), given, files, mistakes)
        if site is not None:
            sites[name] = site
    return sites


def _model(
    kind: type[_AModel], place: tuple[str, ...], value: object, files: list[_File], mistakes: list[str]
) -> _AModel | None:
    try:
        return kind.model_validate(value)
    except ValidationError as errors:
        for error in errors.errors():
            inner = tuple(str(part) for part in error["loc"] if part != "[key]")
            where = place if inner == ("name",) else place + inner
            mistakes.append(f"{_origin(files, where)}: {'.'.join(where)}: {explain(kind, error)}")
        return None


def _origin(files: list[_File], key: tuple[str, ...]) -> Path:
    """The file that says the most of *key*, the user's before the system's."""
    depths = [(_depth(file.table, key), order, file.path) for order, file in enumerate(files)]
    return max(depths)[2] if depths else Path("site.toml")


def _depth(table: object, key: tuple[str, ...]) -> int:
    for depth, part in enumerate(key):
        if not isinstance(table, dict) or part not in table:
            return depth
        table = table[part]
    return len(key)
