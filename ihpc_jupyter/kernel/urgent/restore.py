"""What a run brings back: names, changes in place, a value, an exception."""

import contextlib
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from ihpc_jupyter.driver.packet import Part
from ihpc_jupyter.driver.reading import read_packet
from ihpc_jupyter.errors import InvalidRequest, Unavailable
from ihpc_jupyter.kernel.urgent.filling import filled
from ihpc_jupyter.kernel.urgent.remote_error import RemoteError, with_frames
from ihpc_jupyter.model.mailbox import Mailbox

_LONGEST = 64 << 20
"""Bytes that the first line of a result may have."""


@dataclass(frozen=True)
class Failure:
    """What the user's code raised."""

    name: str
    message: str
    traceback: tuple[str, ...]
    frames: tuple[tuple[str, int, str], ...] = ()
    """File, line and function, from the outermost of the user's frames."""
    chained: bool = False
    begins: tuple[int, ...] = ()
    """The lines on which the functions of these frames begin, where the node told them."""


@dataclass(frozen=True)
class Result:
    """The first line of a result."""

    ok: bool
    attempt: int
    copy: int
    host: str
    seconds: float
    error: Failure | None
    exit: int | None
    names: tuple[str, ...]
    """Bound by the cell, and here."""
    changed: tuple[str, ...]
    """Changed in place, and here."""
    not_sent: dict[str, str]
    """Names that stayed behind, with why."""
    sha256: str = field(repr=False)
    size: int = 0


@dataclass(frozen=True)
class Restored:
    """What became of the names of a result."""

    bound: tuple[str, ...]
    changed: tuple[str, ...]
    conflicts: tuple[str, ...]
    """Bound to something else since the run began; untouched, unless they were to be overwritten."""
    not_sent: dict[str, str]


def read_header(mailbox: Mailbox) -> Result | None:
    """What came of the run; None: there is no result yet. Raises Unavailable for a broken one."""
    try:
        with mailbox.result.open("rb") as file:
            return _header(file.readline(_LONGEST))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(mailbox, error) from error


def _header(line: bytes) -> Result:
    told = json.loads(line)
    error = told["error"]
    failure = error and Failure(
        error["name"], error["message"], tuple(error["traceback"]),
        tuple((file, number, function) for file, number, function in error["frames"]), error["chained"],
        tuple(error.get("begins", ())),
    )  # fmt: skip
    lists = {name: tuple(told[name]) for name in ("names", "changed")}
    return Result(**{**told, **lists, "error": failure})


def _broken(mailbox: Mailbox, error: object) -> Unavailable:
    return Unavailable(f"The result in {mailbox.path} cannot be read: {error}.", "Run the cell again.")


def _opened(mailbox: Mailbox) -> tuple[Result, list[Part]]:
    """Header and parts, their hash verified before anything is unpickled. Raises Unavailable."""
    try:
        with mailbox.result.open("rb") as file:
            header = _header(file.readline(_LONGEST))
            parts, digest = read_packet(file) if header.size else ([], header.sha256)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(mailbox, error) from error
    if digest != header.sha256:
        raise _broken(mailbox, "its hash differs")
    return header, parts


def restore(
    mailbox: Mailbox,
    namespace: MutableMapping[str, Any],
    *,
    expected: Mapping[str, int] | None = None,
    overwrite: bool = False,
) -> Restored:
    """Bind the names of a result, and bring changes in place to the objects that were sent.

    *expected*: `Payload.fingerprints`; names that are bound to something else now are conflicts and stay as
    they are unless *overwrite*. Raises Unavailable for a broken result, with nothing changed.
    """
    header, parts = _opened(mailbox)
    return _Restoration(mailbox, namespace, expected, overwrite).run(header, parts)


class _Restoration:
    def __init__(
        self,
        mailbox: Mailbox,
        namespace: MutableMapping[str, Any],
        expected: Mapping[str, int] | None,
        overwrite: bool,
    ) -> None:
        self._mailbox = mailbox
        self._namespace = namespace
        self._space = namespace if isinstance(namespace, dict) else {}
        self._expected = expected
        self._overwrite = overwrite
        self._sent: dict[str, Any] | None = None
        self._not_sent: dict[str, str] = {}

    def run(self, header: Result, parts: list[Part]) -> Restored:
        """All is unpickled before anything is bound: references mean what was there before."""
        found: dict[tuple[str, str], Any] = {}
        for part in parts:
            if part.what in {"objects", "modules"}:
                found |= self._loaded(part)
        conflicts = {name for _, name in found if self._is_other(name)}
        kept = set() if self._overwrite else conflicts
        done: dict[str, list[str]] = {"changed": [], "value": []}
        for (what, name), value in sorted(found.items(), key=lambda item: item[0][0]):  # changes, then values
            if name not in kept and (what == "value" or self._filled(name, value)):
                if what == "value":
                    self._namespace[name] = value
                done[what].append(name)
        return Restored(
            tuple(done["value"]),
            tuple(done["changed"]),
            tuple(sorted(conflicts)),
            header.not_sent | self._not_sent,
        )

    def _filled(self, name: str, content: tuple[str, Any]) -> bool:
        """Bring a change to the object of that name; whether that was possible."""
        try:
            self._namespace[name] = filled(self._known(name), content)
        except Exception as error:  # noqa: BLE001 - classes of the user's may raise anything
            self._not_sent[name] = f"its changes cannot be taken over here: {error}"
            return False
        return True

    def _loaded(self, part: Part) -> dict[tuple[str, str], Any]:
        try:
            told = part.load(self._space, self._known)
        except Exception as error:  # noqa: BLE001 - classes of the user's may raise anything
            self._not_sent |= dict.fromkeys(part.names, f"it cannot be unpickled here: {error}")
            return {}
        return self._imported(*told) if part.what == "modules" else told

    def _imported(self, bound: dict[str, str], dotted: list[str]) -> dict[tuple[str, str], Any]:
        for module in dotted:
            with contextlib.suppress(ImportError):
                import_module(module)
        found: dict[tuple[str, str], Any] = {}
        for name, module in bound.items():
            try:
                found["value", name] = import_module(module)
            except Exception as error:  # noqa: BLE001 - modules may raise anything
                self._not_sent[name] = f"the module {module} cannot be imported here: {error}"
        return found

    def _is_other(self, name: str) -> bool:
        """Whether a name is bound to something else than when the run began."""
        if self._expected is None:
            return False
        now = id(self._namespace[name]) if name in self._namespace else 0
        return now != self._expected.get(name, 0)

    def _known(self, name: str) -> Any:
        """The object that was sent under that name: the notebook's, or where that is gone the payload's."""
        if name in self._namespace and not self._is_other(name):
            return self._namespace[name]
        if self._sent is None:
            with self._mailbox.payload.open("rb") as file:
                told, aliases = read_packet(file)[0][0].load_both({})
            self._sent = {**aliases, **told["names"]}
        return self._sent[name]


def value_of_call(mailbox: Mailbox) -> Any:
    """What the function returned. Raises Unavailable (broken), InvalidRequest (it could not be sent)."""
    header, parts = _opened(mailbox)
    for part in parts:
        if part.what == "objects":
            return part.load({}, None)["value", "return"]
    why = header.not_sent.get("return", "there is none")
    raise InvalidRequest(
        f"The function's value could not be sent back: {why}.", "Return data that can be pickled."
    )


def raise_error(mailbox: Mailbox) -> None:
    """Raise what the user's code raised, its traceback through the cell's lines; nothing where it succeeded.

    A class that cannot be had here becomes RemoteError. Raises Unavailable for a broken result.
    """
    header, parts = _opened(mailbox)
    if header.error is None:
        return
    told = header.error
    error = _unpickled(parts) or RemoteError(told.name, told.message, told.traceback)
    if told.chained or isinstance(error, RemoteError):
        error.add_note("\n".join(told.traceback))
    error.add_note(f"Raised on {header.host}, in attempt {header.attempt}.")
    raise with_frames(error, told.frames, told.begins)


def _unpickled(parts: list[Part]) -> BaseException | None:
    for part in parts:
        if part.what == "error":
            with contextlib.suppress(Exception):  # its class, which may be anything
                error = part.load({}, None)
                return error if isinstance(error, BaseException) else None
    return None
