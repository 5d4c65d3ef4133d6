"""The user's code: a cell or a call, prepared and run."""

from __future__ import annotations

import sys
from types import ModuleType

from ihpc_jupyter.driver.current import current
from ihpc_jupyter.driver.imports import once_imported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from ihpc_jupyter.driver.packet import Part

_TREE = 0x400
"""`compile` gives the tree (`ast.PyCF_ONLY_AST`); the module `ast` itself is not needed for that."""


class Cell:
    """A cell in a namespace of its own."""

    def __init__(self, part: Part) -> None:
        self.module = _new_module()
        self.space = self.module.__dict__
        self.modules: list[str] = []
        self._part: Part | None = part
        self._wants: list[str] = []
        self._source = self._filename = ""
        self._quiet = False
        self._ours: dict[str, Any] = {"display": _display}

    def load(self, cluster: dict[str, str] | None) -> None:
        """Unpickle what the cell reads; with a client, where the run has workers of its own."""
        part, self._part = self._part, None
        told, aliases = part.load_both(self.space) if part else ({}, {})
        if cluster is not None:
            from ihpc_jupyter.driver.dask_client import connect  # imports Dask

            self._ours["client"] = connect(cluster)
        imported = {name: _imported(module) for name, module in told["imports"].items()}
        self.space.update({**self._ours, **imported, **aliases, **told["names"]})
        self.modules, self._wants, self._quiet = told["modules"], told["wants"], told["quiet"]
        self._source, self._filename = told["source"], told["filename"]

    def run(self) -> None:
        """Execute; show the last expression's value and the figures that are open."""
        _remember(self._filename, self._source)
        tree: Any = compile(self._source, self._filename, "exec", _TREE, dont_inherit=True)
        import _ast  # built in

        last = tree.body.pop() if not self._quiet and isinstance(tree.body[-1], _ast.Expr) else None
        exec(compile(tree, self._filename, "exec", dont_inherit=True), self.space)  # noqa: S102 - what we are for
        if last is not None:
            expression = compile(_ast.Expression(last.value), self._filename, "eval", dont_inherit=True)
            _show_value(eval(expression, self.space))  # noqa: S307
        if "matplotlib.pyplot" in sys.modules:
            from ihpc_jupyter.driver.showing import show_figures

            show_figures()

    def values(self) -> dict[str, Any]:
        """What the namespace binds, without what Python or the driver put there."""
        return {
            name: value
            for name, value in self.space.items()
            if self._ours.get(name, self) is not value
            and (name in self._wants or not (name.startswith("__") and name.endswith("__")))
        }


class Call:
    """A function, its arguments, and what it returned."""

    modules: ClassVar[list[str]] = []

    def __init__(self, part: Part) -> None:
        self.module = _new_module()
        self._part: Part | None = part
        self._told: Any = ()
        self._value: dict[str, Any] = {}

    def load(self, cluster: dict[str, str] | None) -> None:
        """Unpickle function and arguments."""
        part, self._part = self._part, None
        space = self.module.__dict__
        if cluster is not None:
            from ihpc_jupyter.driver.dask_client import connect  # imports Dask

            space["client"] = connect(cluster)
        self._told = part.load(space) if part else ()

    def run(self) -> None:
        """Call."""
        function, arguments, keywords = self._told
        self._value = {"return": function(*arguments, **keywords)}

    def values(self) -> dict[str, Any]:
        """Its value, once there is one."""
        return self._value


def _show_value(value: Any) -> None:
    if value is not None:
        from ihpc_jupyter.driver.showing import bundle  # once the code has run

        data, metadata = bundle(value)
        current().show("value", data=data, metadata=metadata)


def _remember(filename: str, source: str) -> None:
    """Tracebacks show the cell's lines, also those that the user's code prints itself."""
    lines = source.splitlines(keepends=True)
    entry = (len(source), None, lines, filename)
    once_imported("linecache", lambda module: module.cache.update({filename: entry}))


def _new_module() -> ModuleType:
    """`__main__` by name: so what is defined in it is pickled by value."""
    module = ModuleType("__main__")
    module.__dict__.update({"__builtins__": __builtins__, "display": _display})
    return module


def _display(*values: Any, **options: Any) -> Any:
    from ihpc_jupyter.driver.showing import display  # only for a cell that shows something

    return display(*values, **options)


def _imported(name: str) -> ModuleType:
    """As `importlib.import_module`, which itself has to be imported."""
    __import__(name)
    return sys.modules[name]
