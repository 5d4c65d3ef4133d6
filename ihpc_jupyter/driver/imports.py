"""What is done to a module once somebody imports it, so that the driver need not."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Action = Callable[[Any], object]

_DISPLAY = "IPython.core.display_functions"
_waiting: dict[str, list[Action]] = {}


def once_imported(name: str, action: Action) -> None:
    """Do that to a module now, where it is imported already, or as soon as it is."""
    if name in sys.modules:
        action(sys.modules[name])
        return
    _waiting.setdefault(name, []).append(action)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


class _Finder:
    """Finds a module as everybody would, and acts once it is loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name not in _waiting:
            return None
        others = (finder for finder in sys.meta_path if finder is not _Finder)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_act(module: Any) -> None:
                load(module)
                for action in _waiting.pop(name, []):
                    action(module)

            spec.loader.exec_module = load_and_act  # type: ignore[method-assign]
        return spec


def watch_display() -> None:
    """IPython's own `display`, where a cell or a module imports it, shows in the notebook, too; once a process."""
    if _DISPLAY not in _waiting and getattr(sys.modules.get(_DISPLAY), "ihpc", None) is None:
        once_imported(_DISPLAY, _show_ours)


def _show_ours(module: Any) -> None:
    """Ours first; IPython's own where no run of ours is in this thread (another task of a worker)."""
    from ihpc_jupyter.driver import current, showing

    def ours_or(name: str, theirs: Any) -> Any:
        def chosen(*values: Any, **options: Any) -> Any:
            try:
                current.current()
            except LookupError:
                return theirs(*values, **options)
            return getattr(showing, name)(*values, **options)

        return chosen

    module.ihpc = True
    for name in ("display", "update_display", "clear_output"):
        setattr(module, name, ours_or(name, getattr(module, name)))
