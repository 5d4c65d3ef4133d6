"""IPython's own `display`, where a cell or a module imports it, shows in the notebook, too."""

import sys
from typing import Any

_MODULE = "IPython.core.display_functions"


class _Finder:
    """Finds one module as everybody would, and gives it our functions once it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name != _MODULE:
            return None
        from importlib.machinery import PathFinder  # noqa: PLC0415 - only where IPython is imported at all

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_replace(module: Any) -> None:
                load(module)
                _replace(module)

            spec.loader.exec_module = load_and_replace  # type: ignore[method-assign]
        return spec


def _replace(module: Any) -> None:
    """Ours first; IPython's own where no run of ours is in this thread (another task of a worker)."""
    from ihpc_jupyter.driver import current, showing  # noqa: PLC0415

    def ours_or(name: str, theirs: Any) -> Any:
        def chosen(*values: Any, **options: Any) -> Any:
            try:
                current.current()
            except LookupError:
                return theirs(*values, **options)
            return getattr(showing, name)(*values, **options)

        return chosen

    for name in ("display", "update_display"):
        setattr(module, name, ours_or(name, getattr(module, name)))


def watch_imports() -> None:
    """From now on IPython's `display` is ours; once a process."""
    if _MODULE in sys.modules:
        module = sys.modules[_MODULE]
        if module.display.__module__ == _MODULE:
            _replace(module)
    elif _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
