"""What is looked at when a hub starts: settings and site file. A hub with mistakes in them does not start."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import wraps
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets import HasTraits, TraitError
from traitlets.config import Config
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from ihpc_jupyter.hub import former

Configured = Mapping[str, tuple[str, object]]
"""A spawner's settings by name: the section that says it, and the value."""


def check_hub(kind: type[HasTraits]) -> None:
    """Look at the settings of the hub that starts in this process, if one does; *kind* is what our spawners are.

    Where it is named by its module, it is loaded while the hub reads its settings: they are looked at when it
    has them. Where it is installed, every hub loads it by its entry point, before it reads any.
    """
    if JupyterHub.initialized():
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_soon(_check, JupyterHub.instance(), kind)
    else:
        after("initialize", lambda hub: _check(hub, kind))


def after(step: str, act: Callable[[JupyterHub], None]) -> None:
    """Act when the hub of this process has done a step (`initialize`, `start`): nothing else tells a spawner's
    class of it, before a user asks for a server.
    """
    own = getattr(JupyterHub, step)

    @wraps(own)
    async def and_act(hub: JupyterHub, *args: object, **kwargs: object) -> None:
        await own(hub, *args, **kwargs)
        act(hub)

    setattr(JupyterHub, step, and_act)


def _check(hub: JupyterHub, kind: type[HasTraits]) -> None:
    """Ends the hub where something is wrong; a hub with another spawner is no matter of ours."""
    if not issubclass(hub.spawner_class, kind):
        return
    found = mistakes(hub.config, hub.spawner_class)
    if hub.internal_ssl:
        found.append("c.JupyterHub.internal_ssl cannot be kept: its keys are in files that jobs do not have.")
    if found:
        hub.log.critical("The hub does not start with these settings:\n%s", "\n".join(found))
        hub.exit(1)


def mistakes(config: Config, kind: type[Any]) -> list[str]:
    """What is wrong with the settings of a spawner's class and with the site file; one line each, by name."""
    configured: dict[str, tuple[str, object]] = {}
    for section in reversed([*(one.__name__ for one in kind.mro()), *former.SECTIONS]):
        configured |= {name: (section, value) for name, value in config.get(section, {}).items()}
    unfit = dict(_unfit(configured, kind))
    fit = {name: told for name, told in configured.items() if name not in unfit}
    return [*unfit.values(), *kind.find_mistakes(fit)]


def _unfit(configured: Configured, kind: type[Any]) -> Iterator[tuple[str, str]]:
    """Settings that the class does not take, by name: without this they would be told to each user at a start."""
    ours = {one.__name__ for one in kind.mro() if one.__module__.startswith("ihpc_jupyter.")}
    known = kind.class_trait_names(config=True)
    blank = HasTraits.__new__(kind)  # not made whole: a centre's own class may want a user for that
    for name, (section, value) in configured.items():
        if name in kind.instead:
            continue  # refused with a better word
        if isinstance(value, LazyConfigValue | DeferredConfig):
            continue  # what is added to a default, or stands on the command line, is not a value yet
        if name in known:
            try:
                setattr(blank, name, value)
            except TraitError as error:
                yield name, f"c.{section}.{name}: {error}"
        elif section in ours:
            near = "".join(f" There is {one}." for one in get_close_matches(name, known, 1))
            yield name, f"c.{section}.{name}: there is no such setting.{near}"
