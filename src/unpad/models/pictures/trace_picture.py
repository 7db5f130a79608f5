"""A trace as a picture: a panel for each sequence, a row for each layer, a cell for each slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...formats.writing import written_in_place

if TYPE_CHECKING:
    from ..trace import Trace, Traced

# Inches. A cell shrinks where the grid is wide; a page is no wider than it can be read.
_CELL, _ROW, _PAGE = 0.18, 0.26, 11.0
_BEYOND, _OUT, _IN, _ONE, _SLOT = range(5)
_COLOURS = ["#ffffff", "#dfe3e8", "#2f6fb0", "#e0a030", "#a9c6e3"]
_WORDS = {
    _SLOT: "a slot of the grid",
    _IN: "a step that is in",
    _OUT: "a slot that is out",
    _ONE: "one row a sequence",
}


def draw(trace: Trace, path: Any) -> None:
    """See `Trace.plot`.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: no sequence was traced.
    """
    try:
        from matplotlib.colors import ListedColormap
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch
    except ImportError:
        raise ImportError(
            "Trace.plot needs matplotlib: pip install matplotlib. As text: print(trace)."
        ) from None
    rows, count = trace.rows, trace.sequences
    if not count:
        raise ValueError("Trace.plot: there is no sequence to draw.")
    slots = max([row.mask.shape[1] for row in rows if row.mask is not None], default=1)
    slots = max(slots, 1)
    label = 0.085 * max(len(row.layer) for row in rows) + 0.3
    width = min(max(_CELL * slots, 1.4), _PAGE - label)
    columns = max(1, min(count, int((_PAGE - label + 0.3) / (width + 0.3))))
    lines = -(-count // columns)
    high = _ROW * len(rows)
    size = (label + columns * (width + 0.3), lines * (high + 0.45) + 0.55)
    figure = Figure(figsize=size)
    colours = ListedColormap(_COLOURS)
    for i in range(trace.sequences):
        line, column = divmod(i, columns)
        left = label + column * (width + 0.3)
        bottom = size[1] - 0.3 - line * (high + 0.45) - high
        axes = figure.add_axes((left / size[0], bottom / size[1], width / size[0], high / size[1]))
        cells = [_cells(row, i, slots) for row in rows]
        edges = {"edgecolors": "white", "linewidth": 1.0} if width / slots > 0.08 else {}
        axes.pcolormesh(cells, cmap=colours, vmin=-0.5, vmax=4.5, **edges)
        axes.hlines(range(1, len(rows)), 0, slots, colors="white", linewidth=2)
        axes.invert_yaxis()
        _write_counts(axes, rows, i)
        axes.set_title(f"sequence {i}", fontsize=9, loc="left", pad=3)
        axes.set_xticks([])
        axes.set_yticks([k + 0.5 for k in range(len(rows))])
        names = [row.layer for row in rows] if column == 0 else []
        axes.set_yticklabels(names or [""] * len(rows), fontsize=9)
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
    seen = {cell for row in rows for i in range(trace.sequences) for cell in _cells(row, i, slots)}
    used = [kind for kind in _WORDS if kind in seen]
    figure.legend(
        handles=[Patch(color=_COLOURS[kind], label=_WORDS[kind]) for kind in used],
        loc="upper left",
        bbox_to_anchor=(0.02 / size[0], 0.22 / size[1]),
        ncols=len(used) if size[0] > 6 else 2,
        fontsize=9,
        frameon=False,
    )
    with written_in_place(path, "Trace.plot"):
        figure.savefig(path, dpi=150, bbox_inches="tight", facecolor="white")


def _cells(row: Traced, sequence: int, slots: int) -> list[int]:
    if row.mask is None:
        return [_ONE] + [_BEYOND] * (slots - 1)
    # What a door has yet to open: which of its slots are steps is told by the next row.
    held = _SLOT if row.effect == "a grid" else _IN
    found = [held if step else _OUT for step in row.mask[sequence].tolist()]
    return found + [_BEYOND] * (slots - len(found))


def _write_counts(axes: Any, rows: list[Traced], sequence: int) -> None:
    """The steps of each inner sequence, written into its cell."""
    for k, row in enumerate(rows):
        if row.inner is None or row.mask is None:
            continue
        places = row.mask[sequence].nonzero()[:, 0].tolist()
        for place, steps in zip(places, row.inner[sequence], strict=True):
            axes.text(
                place + 0.5, k + 0.5, str(steps), color="white", fontsize=8, ha="center",
                va="center",
            )  # fmt: skip
