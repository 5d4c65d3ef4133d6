"""A backend for matplotlib, named by MPLBACKEND: Agg, whose `show` shows in the notebook."""

import contextlib
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

from ihpc_jupyter.driver.current import current
from ihpc_jupyter.driver.showing import show_figures

FigureCanvas = FigureCanvasAgg


def show(*_: Any, **__: Any) -> None:
    """``plt.show()``: the open figures, now; nothing in a worker's other threads, as Agg does."""
    with contextlib.suppress(LookupError):
        current()
        show_figures()
