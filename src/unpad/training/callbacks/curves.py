"""The numbers of a history as curves over the epochs."""

from __future__ import annotations

import math
import os
from functools import cache
from io import BytesIO
from typing import Any

from ...formats.writing import written_in_place

_TRAINED, _HELD_OUT, _INK, _FAINT = "#2f66a8", "#b0760a", "#24292f", "#d8dce1"
_ACROSS = 3


def drawn(epochs: list[int], history: dict[str, list[float]], to_file: Any = None) -> Any:
    """A panel for each number, held-out data beside what was trained on.

    Args:
        epochs: counted from 0.
        history: of each number its value in these epochs; in the last ones, if there are fewer.
        to_file: where the picture goes; None for nowhere.

    Raises:
        ValueError: there is no epoch.
        ImportError: matplotlib is not installed.
    """
    if not epochs:
        raise ValueError("History.plot: no epoch is finished: there is nothing to draw.")
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        raise ImportError(
            "History.plot needs matplotlib: pip install unpad[plot]. As numbers: history.history."
        ) from None
    names = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    across = min(_ACROSS, len(names))
    down = math.ceil(len(names) / across)
    figure = _shown_by_notebooks(Figure)(
        figsize=(0.6 + 3.6 * across, 0.3 + 2.6 * down), layout="constrained"
    )
    panels = figure.subplots(down, across, squeeze=False).reshape(-1)
    for panel in panels[len(names) :]:
        panel.remove()
    for name, panel in zip(names, panels, strict=False):
        for key, colour, told in (
            (name, _TRAINED, "training"),
            (f"val_{name}", _HELD_OUT, "held out"),
        ):
            values = history.get(key, [])
            if values:
                # Epochs are counted from 1 where people read them, as in the lines of progress.
                at = [epoch + 1 for epoch in epochs[-len(values) :]]
                panel.plot(at, values, color=colour, marker="o", markersize=3, label=told)
        panel.set_title(name, loc="left", color=_INK, fontsize=10, fontweight="bold")
        panel.set_xlabel("epoch", color=_INK, fontsize=9)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.grid(color=_FAINT, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8, colors=_INK)
        if len(panel.lines) > 1:
            panel.legend(frameon=False, fontsize=8)
    if to_file is not None:
        with written_in_place(to_file, "History.plot"):
            figure.savefig(os.fspath(to_file), dpi=150)
    return figure


@cache
def _shown_by_notebooks(figure: Any) -> Any:
    """Figures that a notebook shows as pictures, where nobody has imported pyplot too."""

    class Curves(figure):
        def _repr_png_(self) -> bytes:
            picture = BytesIO()
            self.savefig(picture, format="png", dpi=100)
            return picture.getvalue()

    return Curves
