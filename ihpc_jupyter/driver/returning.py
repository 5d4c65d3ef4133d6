"""What goes back to the notebook: names bound by the cell, objects changed in place, an exception."""

from __future__ import annotations

import copyreg
from types import ModuleType

from ihpc_jupyter.driver.changes import ATOMS, Origin, may_change
from ihpc_jupyter.driver.packet import Part, Sink
from ihpc_jupyter.driver.pickling import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ihpc_jupyter.driver.pickling import Known

    Key = tuple[str, str]
    """What an object is (`value`: bound by the cell, `changed`: in place), and its name."""

_CONTAINERS = (list, dict, set, bytearray)
_COLLECTIONS = {"deque", "defaultdict", "OrderedDict", "Counter"}


class Returned:
    """The parts of a result, and what could not become one: names with why."""

    def __init__(self, space: dict[str, Any], origin: Origin) -> None:
        self.parts: list[tuple[str, list[str], Sink]] = []
        self.not_sent: dict[str, str] = {}
        self.names: list[str] = []
        self.changed: list[str] = []
        self._space = space
        alive = origin.alive()
        self._known = {id(value): name for name, value in alive.items() if _has_identity(value)}

    def add(self, values: dict[str, Any], changed: dict[str, Any], modules: list[str]) -> None:
        """Pickle names apart, but together where they share objects; modules go by name."""
        bound = {name: value.__name__ for name, value in values.items() if isinstance(value, ModuleType)}
        if bound or modules:
            self.parts.append(("modules", list(bound), dump((bound, modules), Sink, self._space, {})))
        wanted: dict[Key, Any] = {("changed", name): _content(value) for name, value in changed.items()}
        wanted |= {("value", name): value for name, value in values.items() if name not in bound}
        sinks = {key: sink for key, value in wanted.items() if (sink := self._tried(key, value))}
        for keys in _sharing(sinks):
            sink = sinks[keys[0]] if len(keys) == 1 else self._dumped({key: wanted[key] for key in keys})
            self.parts.append(("objects", [name for _, name in keys], sink))
        self.names = [*bound, *(name for what, name in sinks if what == "value")]
        self.changed = [name for what, name in sinks if what == "changed"]

    def add_exception(self, error: BaseException) -> None:
        """The exception itself, where the other side can make one of it."""
        try:
            sink = dump(error, Sink, self._space, {})
            Part("error", [], sink.stream, sink.buffers).load(self._space)
        except Exception:  # noqa: BLE001 - the user's class: its words are in the header
            return
        self.parts.append(("error", [], sink))

    def _tried(self, key: Key, value: Any) -> Sink | None:
        try:
            return self._dumped({key: value})
        except Exception as error:  # noqa: BLE001 - the user's classes may raise anything
            self.not_sent[key[1]] = f"{type(value).__name__}: {error}"
            return None

    def _dumped(self, values: dict[Key, Any]) -> Sink:
        whole = {id(value[1]) for (what, _), value in values.items() if what == "changed" and value[0] == "whole"}
        known: Known = {key: name for key, name in self._known.items() if key not in whole}
        return dump(values, Sink, self._space, known)


def _has_identity(value: Any) -> bool:
    return not isinstance(value, (*ATOMS, ModuleType))


def _content(value: Any) -> tuple[str, Any]:
    """What the notebook's own object is filled with, so that all who hold it see the change."""
    if type(value) in _CONTAINERS or _is_of_collections(type(value)):
        return "content", value.copy()
    try:
        reduced = value.__reduce_ex__(5)
    except Exception:  # noqa: BLE001 - the user's class: pickled, or refused, as a whole
        return "whole", value
    if isinstance(reduced, tuple) and len(reduced) >= 3 and not any(reduced[3:]):
        make, arguments, state = reduced[:3]
        if make is copyreg.__newobj__ and arguments == (type(value),) and state:  # type: ignore[attr-defined]
            return "state", (type(value), state)
    return "whole", value


def _is_of_collections(kind: type) -> bool:
    """Those that are filled as lists and dicts are; by name, as the module need not have been imported."""
    return kind.__module__ == "collections" and kind.__name__ in _COLLECTIONS


def _sharing(sinks: dict[Key, Sink]) -> list[list[Key]]:
    """Keys in groups: who shares an object with whom."""
    groups: list[tuple[list[Key], set[int]]] = []
    for key, sink in sinks.items():
        keys, met = [key], _met(sink.memo) if len(sinks) > 1 else set()
        apart = []
        for others, theirs in groups:
            if met.isdisjoint(theirs):
                apart.append((others, theirs))
            else:
                keys, met = [*others, *keys], met | theirs
        groups = [*apart, (keys, met)]
    return [keys for keys, _ in groups]


def _met(memo: Callable[[], dict[int, tuple[int, Any]]]) -> set[int]:
    return {key for key, (_, value) in memo().items() if may_change(value) and not isinstance(value, tuple)}
