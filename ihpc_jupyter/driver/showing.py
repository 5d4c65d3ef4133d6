"""Objects shown as MIME bundles, as a notebook shows them."""

from __future__ import annotations

import io
import itertools
import os
import sys
from binascii import b2a_base64

from ihpc_jupyter.driver.current import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
}
_numbers = itertools.count()


def bundle(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Data and metadata by MIME type; text last resort, a method that raises is as good as none."""
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    if not isinstance(value, type):
        told = _asked(value, "_repr_mimebundle_", include=None, exclude=None)
        more, about = told if isinstance(told, tuple) else (told, {})
        data.update(more or {})
        metadata.update(about or {})
        for method, mime in _METHODS.items():
            if mime not in data and (shown := _asked(value, method)) is not None:
                data[mime], about = shown if isinstance(shown, tuple) else (shown, None)
                metadata.update({mime: about} if about else {})
        if _is_figure(value):
            data["image/png"] = png(value)
    data.setdefault("text/plain", _plain(value))
    return {mime: _printable(part) for mime, part in data.items()}, metadata


def _asked(value: Any, method: str, **arguments: Any) -> Any:
    if not callable(getattr(type(value), method, None)):
        return None
    try:
        return getattr(value, method)(**arguments)
    except Exception:  # noqa: BLE001 - the user's own class; the others still show something
        return None


def _plain(value: Any) -> str:
    if isinstance(value, list | dict | tuple | set | frozenset):
        from pprint import pformat  # only for what may have many lines

        return pformat(value, width=79, compact=True, sort_dicts=False)
    return repr(value)


def _printable(part: Any) -> Any:
    return b2a_base64(part, newline=False).decode() if isinstance(part, bytes) else part


def _is_figure(value: Any) -> bool:
    figure = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def png(figure: Any) -> bytes:
    """A matplotlib figure as a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    return file.getvalue()


def show_figures() -> None:
    """Show the figures that are open, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not hasattr(pyplot, "get_fignums"):
        return
    for number in pyplot.get_fignums():
        display(pyplot.figure(number))
    pyplot.close("all")


def clear_output(wait: bool = False) -> None:
    """Nothing: what was shown stays."""


class Handle:
    """What `display` returns for an identity: shows something else in the same place."""

    def __init__(self, display_id: str) -> None:
        self.display_id = display_id

    def display(self, value: Any, **options: Any) -> None:
        """Show once more, in a further place."""
        display(value, display_id=self.display_id, **options)

    def update(self, value: Any, **options: Any) -> None:
        """Replace what is shown."""
        update_display(value, display_id=self.display_id, **options)


def display(
    *values: Any,
    raw: bool = False,
    metadata: dict[str, Any] | None = None,
    display_id: str | bool | None = None,
    update: bool = False,
    **_: Any,
) -> Handle | None:
    """Show objects in the notebook that asked; with `display_id`, returns a handle for updates."""
    if display_id is True:
        display_id = f"{os.getpid():x}-{next(_numbers):x}"
    for value in values:
        data, about = (dict(value), {}) if raw else bundle(value)
        identity = {"id": display_id, "update": update} if display_id else {}
        current().show("display", data=data, metadata={**about, **(metadata or {})}, **identity)
    return Handle(str(display_id)) if display_id else None


def update_display(value: Any, *, display_id: str, **options: Any) -> None:
    """Replace what is shown in the place of that identity."""
    display(value, display_id=display_id, update=True, **options)
