"""The picture of a model, drawn with matplotlib: boxes, edges, and what the colours say."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import look_up
from ...formats.writing import written_in_place
from .boxes import Box, Parts
from .places import Point, Size, place

_INK = "#24292f"
_FAINT = "#6b7280"
_MARGIN = 14.0
_PAD = 8.0
_ROW = 13.0
_HEAD = 16.0
_KEY = 25.0  # from a colour to what it says
_FRAME = 12.0  # around a nested model that is drawn out


class _Look(NamedTuple):
    """How a box is painted, its title in `ink`, and what that says."""

    fill: str
    rim: str
    ink: str
    says: str


_LOOKS = {
    "input": _Look("#ffffff", "#57606a", "#3b424c", "what comes in"),
    "opens": _Look("#d8f0df", "#237a46", "#1a5e36", "opens: from here on only real steps"),
    "keeps": _Look("#dde9f8", "#2f66a8", "#234d80", "keeps every step"),
    "changes": _Look("#fdecc8", "#b0760a", "#7d5407", "changes the lengths"),
    "reduces": _Look("#ebdff5", "#7a46a3", "#5e347f", "reduces each sequence to one row"),
    "rows": _Look("#eeeeef", "#7d828a", "#3b424c", "grids or rows, no sequences"),
}
_Z = 2  # of everything, so that what is painted later lies above
_STEPS, _ROWS = ("#2f66a8", 2.6), ("#8b9199", 1.2)
_TITLE, _SMALL, _TEXT = ("bold", 10.0), ("normal", 8.5), ("normal", 8.5)


class Picture:
    """A model's picture.

    Args:
        parts: its boxes and edges.
        title: written above.
        rankdir: the direction of the edges.
    """

    def __init__(self, parts: Parts, title: str, rankdir: str = "TB") -> None:
        self._turn = look_up("plot_model", "rankdir", rankdir, _TURNS)
        self.title = title
        self._drawn = _Drawn(parts, self._turn)
        self._kinds = _kinds(parts)
        self.figure = self._draw()

    def save(self, path: str | Path, dpi: int = 200) -> None:
        """Writes the picture to a file, its kind by the ending.

        Raises:
            ValueError: matplotlib writes no such files.
        """
        known = self.figure.canvas.get_supported_filetypes()
        look_up("plot_model", "kind of file", Path(path).suffix.removeprefix("."), known)
        # A picture of the same model has the same bytes.
        none = {"metadata": {"Date": None}} if Path(path).suffix == ".svg" else {}
        with _plain_style(), written_in_place(path, "plot_model"):
            self.figure.savefig(path, dpi=dpi, **none)

    def _repr_svg_(self) -> str:
        text = io.StringIO()
        with _plain_style():
            self.figure.savefig(text, format="svg")
        return text.getvalue()

    def __repr__(self) -> str:
        return f"<Picture of {self.title}>"

    def _draw(self) -> Any:
        figure_class = _matplotlib().figure.Figure
        width, height = self._drawn.size
        head = _measure(self.title, *_TITLE)[0]
        legend = _Legend(self._kinds, max(width, head, 330.0))
        whole = max(width, head, legend.size[0]) + 2 * _MARGIN
        top = _MARGIN + 24
        tall = top + height + 18 + legend.size[1] + _MARGIN
        figure = figure_class(figsize=(whole / 72, tall / 72), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, whole), ylim=(tall, 0))
        axes.axis("off")
        _write(axes, (_MARGIN, _MARGIN + 7), self.title, *_TITLE, colour=_INK)
        self._drawn.paint(axes, ((whole - width) / 2, top))
        legend.paint(axes, (_MARGIN, top + height + 18))
        return figure


class _Drawn:
    """Boxes and edges with their places, from (0, 0) on."""

    def __init__(self, parts: Parts, turn: tuple[bool, bool]) -> None:
        self._parts, (sideways, backwards) = parts, turn
        self._inside = [None if b.inside is None else _Drawn(b.inside, turn) for b in parts.boxes]
        pairs = zip(parts.boxes, self._inside, strict=True)
        self._sizes = [_size(box, inside) for box, inside in pairs]
        turned = [(h, w) if sideways else (w, h) for w, h in self._sizes]
        places = place(turned, [(a, b) for a, b, _ in parts.edges])
        long = places.size[1]

        def real(point: Point) -> Point:
            across, along = point[0], long - point[1] if backwards else point[1]
            return (along, across) if sideways else (across, along)

        self._middles = [real(p) for p in places.boxes]
        self._routes = [[real(p) for p in route] for route in places.edges]
        self._sideways = sideways
        self.size: Size = (places.size[1], places.size[0]) if sideways else places.size

    def paint(self, axes: Any, corner: Point) -> None:
        """Paints it with its upper left corner there, over all that is painted already."""
        for (_, _, ragged), route in zip(self._parts.edges, self._routes, strict=True):
            points = [(x + corner[0], y + corner[1]) for x, y in route]
            _edge(axes, points, ragged, self._sideways)
        for i, box in enumerate(self._parts.boxes):
            x, y = self._middles[i]
            _paint_box(axes, box, self._sizes[i], (x + corner[0], y + corner[1]), self._inside[i])


def _size(box: Box, inside: _Drawn | None) -> Size:
    if box.small and not box.lines:
        width = _measure(box.title, *_SMALL)[0] + 2 * _PAD
        return (max(width, 26.0), 20.0)
    title = _measure(box.title, *(_SMALL if box.small else _TITLE))[0]
    widths = [title, *(_gap(box) + _measure(text, *_TEXT)[0] for _, text in box.lines)]
    size = (max(widths) + 2 * _PAD, _HEAD + _ROW * len(box.lines) + 2 * _PAD - 4)
    if inside is None:
        return size
    width = max(size[0], inside.size[0] + 2 * _FRAME)
    return (width, size[1] + inside.size[1] + 2 * _FRAME)


def _gap(box: Box) -> float:
    """The width of the words in front of shapes."""
    return max((_measure(word, *_TEXT)[0] + 7 for word, _ in box.lines if word), default=0.0)


def _paint_box(axes: Any, box: Box, size: Size, middle: Point, inside: _Drawn | None) -> None:
    look = _LOOKS[box.does]
    left, top = middle[0] - size[0] / 2, middle[1] - size[1] / 2
    round_ = size[1] / 2 if box.small and not box.lines else 5
    patches = _matplotlib().patches
    fill = "#fbfbfc" if inside is not None else look.fill
    shape = patches.FancyBboxPatch(
        (left, top), *size, boxstyle=f"round,pad=0,rounding_size={round_}", facecolor=fill,
        edgecolor=look.rim, linewidth=1.3, linestyle="--" if inside is not None else "-", zorder=_Z,
    )  # fmt: skip
    axes.add_patch(shape)
    if box.small and not box.lines:
        _write(axes, middle, box.title, *_SMALL, colour=_INK, middle=True)
        return
    style = _SMALL if box.small else _TITLE
    y = top + _PAD + 5
    _write(axes, (left + _PAD, y), box.title, *style, colour=look.ink)
    for word, text in box.lines:
        y += _ROW
        _write(axes, (left + _PAD, y + 1), word, *_TEXT, colour=_FAINT)
        _write(axes, (left + _PAD + _gap(box), y + 1), text, *_TEXT, colour=_INK)
    if inside is not None:
        inner = left + (size[0] - inside.size[0]) / 2
        inside.paint(axes, (inner, top + size[1] - inside.size[1] - _FRAME))


def _edge(axes: Any, points: list[Point], ragged: bool, sideways: bool) -> None:
    mpl = _matplotlib()
    colour, width = _STEPS if ragged else _ROWS
    head = 7.0
    (x0, y0), (x1, y1) = points[-2:]
    # The line ends where its head begins; the last stretch may have no length.
    ahead = (points[-1][0] > points[0][0]) if sideways else (points[-1][1] > points[0][1])
    back = head if ahead else -head
    end = (x1 - back, y1) if sideways else (x1, y1 - back)
    path = [points[0]]
    codes = [mpl.path.Path.MOVETO]
    stops = [*points[1:-1], end]
    if abs(x1 - x0) + abs(y1 - y0) < head:
        stops = [*points[1:-2], end]
    for stop in stops:
        here = path[-1]
        if sideways:
            half = (here[0] + stop[0]) / 2
            path += [(half, here[1]), (half, stop[1]), stop]
        else:
            half = (here[1] + stop[1]) / 2
            path += [(here[0], half), (stop[0], half), stop]
        codes += [mpl.path.Path.CURVE4] * 3
    line = mpl.patches.PathPatch(
        mpl.path.Path(path, codes), facecolor="none", edgecolor=colour, linewidth=width, zorder=_Z,
        capstyle="butt",
    )  # fmt: skip
    axes.add_patch(line)
    wing = 3.6 if ragged else 3.0
    if sideways:
        corners = [(x1, y1), (x1 - back, y1 - wing), (x1 - back, y1 + wing)]
    else:
        corners = [(x1, y1), (x1 - wing, y1 - back), (x1 + wing, y1 - back)]
    axes.add_patch(mpl.patches.Polygon(corners, closed=True, color=colour, linewidth=0, zorder=_Z))


class _Legend:
    """What the colours and lines of a picture say, in rows that are not wider than it."""

    def __init__(self, kinds: list[str], width: float) -> None:
        self._entries: list[tuple[str, str, Point]] = []
        x = y = 0.0
        for kind in kinds:
            says = _SAYS[kind] if kind in _SAYS else _LOOKS[kind].says
            wide = (0 if kind == "star" else _KEY) + _measure(says, *_TEXT)[0] + 16
            if x and x + wide > width:
                x, y = 0.0, y + 16
            self._entries.append((kind, says, (x, y)))
            x += wide
        ends = [p[0] + _KEY + _measure(says, *_TEXT)[0] for _, says, p in self._entries]
        self.size: Size = (max(ends, default=0.0), y + 16)

    def paint(self, axes: Any, corner: Point) -> None:
        """Paints it with its upper left corner there."""
        patches = _matplotlib().patches
        for kind, says, (x, y) in self._entries:
            left, middle = corner[0] + x, corner[1] + y + 8
            if kind in _LOOKS:
                look = _LOOKS[kind]
                chip = patches.FancyBboxPatch(
                    (left, middle - 5), 18, 10, boxstyle="round,pad=0,rounding_size=2.5",
                    facecolor=look.fill, edgecolor=look.rim, linewidth=1.1,
                )  # fmt: skip
                axes.add_patch(chip)
            elif kind in ("steps line", "rows line"):
                colour, width = _STEPS if kind == "steps line" else _ROWS
                axes.plot([left, left + 18], [middle, middle], color=colour, linewidth=width)
            indent = 0 if kind == "star" else _KEY
            _write(axes, (left + indent, middle), says, *_TEXT, colour=_FAINT)


_SAYS = {
    "steps line": "real steps only",
    "rows line": "a grid, or rows",
    "star": "steps*: the real steps of each sequence",
}
_TURNS = {"TB": (False, False), "BT": (False, True), "LR": (True, False), "RL": (True, True)}


def _kinds(parts: Parts) -> list[str]:
    """What occurs in a picture and needs saying."""
    found: set[str] = set()
    waiting = [parts]
    while waiting:
        part = waiting.pop()
        found |= {box.does for box in part.boxes}
        found |= {"steps line" if ragged else "rows line" for _, _, ragged in part.edges}
        if any("steps*" in text for box in part.boxes for _, text in box.lines):
            found.add("star")
        waiting += [box.inside for box in part.boxes if box.inside is not None]
    order = [*_LOOKS, *_SAYS]
    return [kind for kind in order if kind in found and kind != "input"]


@functools.cache
def _measure(text: str, weight: str, points: float) -> Size:
    """The width and height of a line of text, in points."""
    mpl = _matplotlib()
    font = mpl.font_manager.FontProperties(family="DejaVu Sans", weight=weight, size=points)
    width, height, _ = mpl.textpath.TextToPath().get_text_width_height_descent(text, font, False)
    return (width, height)


def _write(
    axes: Any, at: Point, text: str, weight: str, points: float, colour: str, middle: bool = False
) -> None:
    axes.text(
        *at, text, fontsize=points, fontweight=weight, color=colour, va="center_baseline",
        ha="center" if middle else "left", family="DejaVu Sans", zorder=_Z, parse_math=False,
    )  # fmt: skip


def _plain_style() -> Any:
    """What a style of the user's own would change of the picture; and its marks are fixed."""
    rc = {"savefig.bbox": None, "savefig.facecolor": "white", "svg.hashsalt": "unpad"}
    return _matplotlib().rc_context(rc)


def _matplotlib() -> Any:
    try:
        import matplotlib
        import matplotlib.figure
        import matplotlib.font_manager
        import matplotlib.patches
        import matplotlib.path
        import matplotlib.textpath
    except ImportError:
        raise ImportError(
            "plot_model: matplotlib is not installed. Install it: pip install 'unpad[plot]'."
        ) from None
    return matplotlib
