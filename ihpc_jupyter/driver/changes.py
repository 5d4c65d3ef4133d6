"""Which objects a cell changed in place: their fingerprints before and after it.

In a process of its own the fingerprints before are taken by a forked child, which sees memory as it was
at the fork, while the user's code already runs.
"""

from __future__ import annotations

import os
import types
from _weakref import ref  # built in

from ihpc_jupyter.driver.packet import Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ATOMS = (type(None), bool, int, float, complex, str, bytes, range, type(...))
"""Types whose values cannot change and need no identity."""
_UNCHANGING = (*ATOMS, type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_SIZE = 32
"""Bytes of a fingerprint."""
_NONE = bytes(_SIZE)
"""In place of a fingerprint: it cannot be pickled."""


def may_change(value: Any) -> bool:
    """Whether an object has content of its own that code may change."""
    return not isinstance(value, _UNCHANGING)


class _Hashed(Sink):
    """Keeps a hash instead of what is written."""

    def __init__(self) -> None:
        import hashlib  # in the child, or once the user's code has run

        self.digest = hashlib.sha256()
        super().__init__(keep=self.digest.update)


def fingerprint(value: Any, space: dict[str, Any]) -> bytes:
    """A hash of all that pickling reaches; zeros where it cannot be pickled."""
    from ihpc_jupyter.driver.pickling import dump  # only where something may change

    try:
        sink = dump(value, _Hashed, space, {})
    except Exception:  # noqa: BLE001 - the user's own classes may raise anything
        return _NONE
    digest = sink.digest
    for buffer in sink.buffers:
        digest.update(buffer)
    return digest.digest()


class Origin:
    """A namespace as it was before the user's code: what is still alive of it."""

    def __init__(self, space: dict[str, Any]) -> None:
        self._held = {name: _held(value) for name, value in space.items()}

    def alive(self) -> dict[str, Any]:
        """The objects by their first name."""
        objects = ((name, held()) for name, held in self._held.items())
        return {name: value for name, value in objects if value is not _GONE}

    def bound(self, space: dict[str, Any]) -> dict[str, Any]:
        """What a namespace binds now that it did not bind then."""
        before = self.alive()
        return {name: value for name, value in space.items() if before.get(name, _GONE) is not value}


_GONE = object()


def _held(value: Any) -> Callable[[], Any]:
    """Arrays weakly, for their memory's sake: a cell may bind their names to something else."""
    if hasattr(value, "nbytes"):
        try:
            reference = ref(value)
        except TypeError:
            return lambda: value
        return lambda: _GONE if (found := reference()) is None else found
    return lambda: value


class Baseline:
    """The fingerprints of an origin's objects as they were when this was made."""

    def __init__(self, origin: Origin, space: dict[str, Any], *, fork: bool) -> None:
        self._origin = origin
        self._space = space
        self._names = [name for name, value in origin.alive().items() if may_change(value)]
        self._child = 0
        self._before = b""
        if fork and self._names:
            self._start()
        else:
            self._before = b"".join(self._now().values())

    def _now(self) -> dict[str, bytes]:
        objects = self._origin.alive()
        return {name: fingerprint(objects[name], self._space) for name in self._names if name in objects}

    def _start(self) -> None:
        self._pipe, told = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(told)
            return
        try:
            os.write(told, b"".join(self._now().values()))
        finally:
            os._exit(0)

    def changed(self) -> dict[str, Any]:
        """The objects that are other than they were, by name; those of which nothing is known, too."""
        if self._child:
            self._collect()
        objects, now = self._origin.alive(), self._now()
        before = {name: self._before[i * _SIZE : (i + 1) * _SIZE] for i, name in enumerate(self._names)}
        return {name: objects[name] for name, digest in now.items() if digest != before[name]}

    def _collect(self) -> None:
        with open(self._pipe, "rb") as told:  # a descriptor
            self._before = told.read()
        try:  # noqa: SIM105 - `contextlib` is dear before the user's first line
            os.waitpid(self._child, 0)
        except ChildProcessError:  # the user's code waited for all children
            pass
