"""What a run takes along: a cell with the variables that it reads, a call, or a script."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ihpc_jupyter.driver.changes import may_change
from ihpc_jupyter.driver.lines import as_line
from ihpc_jupyter.driver.packet import PLAIN, Buffer, Sink, TooLarge, is_plain, packed
from ihpc_jupyter.errors import InvalidRequest, Unavailable
from ihpc_jupyter.kernel.urgent.files import size_text
from ihpc_jupyter.kernel.urgent.names import names_of
from ihpc_jupyter.kernel.urgent.sending import culprits, dump_travelling, known_size, too_large
from ihpc_jupyter.model.mailbox import FORMAT, Mailbox

LIMIT = 1 << 30
"""Bytes that a payload may have."""
TITLE = 200
"""Characters of a title."""
_INTERPRETER = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+-]{0,254}")
_IPYTHONS = {"In", "Out", "exit", "quit", "display", "open", "_", "__", "___", "_ih", "_oh", "_dh"}


@dataclass(frozen=True)
class Payload:
    """What goes into a mailbox. The data refers to the variables' own memory: write it before they change."""

    order: dict[str, object]
    data: tuple[Buffer, ...] = field(repr=False)
    title: str
    """The first line of code."""
    captured: tuple[str, ...] = ()
    """Names whose objects travel, those included that functions read or that are inside others."""
    wants: tuple[str, ...] = ()
    """Names that the cell's top level binds."""
    fingerprints: dict[str, int] = field(default_factory=dict)
    """The `id` of what each of these names was bound to; 0: nothing."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(memoryview(chunk).nbytes for chunk in self.data)

    def write(self, mailbox: Mailbox) -> None:
        """The payload first, then the order. Raises Unavailable where the spool takes no more."""
        draft = mailbox.path / ".order"
        try:
            with open(mailbox.payload, "wb", opener=_private) as file:
                file.writelines(self.data)
            with open(draft, "w", opener=_private) as text:
                json.dump(self.order, text)
            draft.replace(mailbox.order)
        except OSError as error:
            for path in (mailbox.payload, draft):
                path.unlink(missing_ok=True)
            raise Unavailable(
                f"The variables ({size_text(self.size)}) could not be written to the spool: {error.strerror}.",
                f"Make room in {mailbox.path.parent}, or send less.",
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def capture_cell(source: str, namespace: Mapping[str, Any], *, filename: str, limit: int = LIMIT) -> Payload:
    """A cell and the variables of *namespace* that it reads; *filename* as the kernel knows the cell.

    Raises InvalidRequest, in one sentence, for what cannot run or travel.
    """
    names = names_of(source, filename, namespace)
    values = {name: namespace[name] for name in names.reads if _is_the_users(name, namespace)}
    imports = {name: value.__name__ for name, value in values.items() if _is_importable(value)}
    values = {name: value for name, value in values.items() if name not in imports}
    space = namespace if isinstance(namespace, dict) else dict(namespace)
    told = {
        "source": source, "filename": filename, "quiet": names.quiet, "names": values, "imports": imports,
        "wants": list(names.binds), "modules": list(names.modules),
    }  # fmt: skip
    aliases: dict[str, Any] = {}

    def found(inside: Container[int]) -> dict[str, Any]:
        aliases.clear()
        aliases.update(_aliases(namespace, values, inside))
        return aliases

    read: set[str] = set()
    if plain := all(is_plain(value) for value in values.values()):
        sink = _written(told, values, limit)
    else:
        sink, read = _dumped(told, values, space, limit, found)
    captured = tuple(sorted({*values, *imports, *aliases, *(read & namespace.keys())}))
    data = tuple(packed([(PLAIN if plain else "cell", list(values), sink)]))
    return Payload(
        order=_order("cell", data),
        data=data,
        title=_title(source),
        captured=captured,
        wants=names.binds,
        fingerprints={name: _identity(name, namespace) for name in (*captured, *names.binds)},
    )


def capture_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, limit: int = LIMIT
) -> Payload:
    """A call and its arguments. Raises InvalidRequest, in one sentence, for what cannot travel."""
    if not callable(function):
        raise InvalidRequest(f"{function!r} is not a function.", "Hand over a function and its arguments.")
    title = getattr(function, "__name__", type(function).__name__)
    values = {title: function, **{f"argument {i}": value for i, value in enumerate(args, 1)}, **kwargs}
    space = sys.modules["__main__"].__dict__
    sink, _ = _dumped((function, args, dict(kwargs)), values, space, limit)
    data = tuple(packed([("call", [], sink)]))
    return Payload(order=_order("call", data), data=data, title=_title(f"{title}(…)"))


def capture_script(text: str, interpreter: str) -> Payload:
    """A script for *interpreter*, a program's name or path. Raises InvalidRequest for anything else."""
    if not _INTERPRETER.fullmatch(interpreter):
        raise InvalidRequest(
            f"{interpreter[:80]!r} is not the name of a program.",
            "Say --script bash, or the path of an interpreter.",
        )
    if not text.strip():
        raise InvalidRequest("The script is empty.", "Write it below the %%urgent line.")
    data = (text.encode(errors="surrogateescape"),)
    return Payload(order={**_order("script", data), "interpreter": interpreter}, data=data, title=_title(text))


def _aliases(namespace: Mapping[str, Any], values: Mapping[str, Any], inside: Container[int]) -> dict[str, Any]:
    """Further variables whose objects travel anyway, inside others: so they stay the same objects."""
    return {
        name: value
        for name, value in namespace.items()
        if id(value) in inside and name not in values and not name.startswith("_") and may_change(value)
    }


def _written(told: dict[str, Any], values: Mapping[str, Any], limit: int) -> Sink:
    """As JSON: the driver need not load Python's pickling before the first line."""
    sink = Sink(limit)
    try:
        sink.write(as_line({PLAIN: told}))
    except TooLarge:
        raise too_large(values, {}, limit) from None
    return sink


def _dumped(
    told: Any,
    values: Mapping[str, Any],
    space: dict[str, Any],
    limit: int,
    after: Callable[[Container[int]], Any] | None = None,
) -> tuple[Sink, set[str]]:
    """All in one pickle: what is shared stays shared. Says which variable it is that cannot be sent."""
    try:
        if any(_surely_larger(value, limit) for value in values.values()):
            raise TooLarge
        return dump_travelling(told, lambda: Sink(limit), space, values.values(), after)
    except TooLarge:
        raise too_large(values, space, limit) from None
    except Exception as error:
        raise culprits(values, space, error) from error


def _surely_larger(value: Any, limit: int) -> bool:
    """What is known without pickling: some would have to be copied first."""
    return (known_size(value) or 0) > limit


def _order(kind: str, data: tuple[Buffer, ...]) -> dict[str, object]:
    digest = hashlib.sha256()
    for chunk in data:
        digest.update(chunk)
    try:
        directory = str(Path.cwd())
    except FileNotFoundError:
        directory = str(Path.home())
    return {
        "format": FORMAT, "kind": kind, "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "sha256": digest.hexdigest(), "interpreter": None, "directory": directory, "path": list(sys.path),
        "argv": list(sys.argv), "tasks": 1, "files": False, "cluster": None,
    }  # fmt: skip


def _title(source: str) -> str:
    lines = (line.strip() for line in source.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return "".join(letter if letter.isprintable() else " " for letter in first)[:TITLE].strip()


def _identity(name: str, namespace: Mapping[str, Any]) -> int:
    return id(namespace[name]) if name in namespace else 0


def _is_importable(value: Any) -> bool:
    return (
        isinstance(value, ModuleType) and sys.modules.get(value.__name__) is value and value.__name__ != "__main__"
    )


def _is_the_users(name: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a name is there, and not what IPython itself puts there."""
    if name not in namespace:
        return False
    value, outputs = namespace[name], namespace.get("_oh", {})
    if name not in _IPYTHONS:
        return True
    if name in {"_ih", "_oh", "_dh"}:
        return False
    told = (namespace.get("_ih"), outputs, *(outputs.values() if isinstance(outputs, dict) else ()), "")
    if any(value is other for other in told if other is not None):
        return False
    return not getattr(value, "__module__", type(value).__module__ or "").startswith(("IPython.", "_sitebuiltins"))
