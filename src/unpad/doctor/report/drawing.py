"""What every picture is made of: a figure with its words, a picture, its key, bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

#: Of a picture, in its own units: so few that a phone can show its words.
WIDTH = 480


def figure(
    said: str,
    inside: str,
    height: float,
    legend: Iterable[tuple[str, str]] = (),
    above: str | None = None,
) -> str:
    """A picture, named for those who do not see it; its key stands beneath as text.

    Args:
        said: what it shows, in a sentence.
        inside: the picture.
        height: of it, in units of which it is `WIDTH` wide.
        legend: (class, name) of each colour.
        above: what stands above it; by default what it shows.
    """
    label = escape(said, quote=True)
    key = "".join(f'<li><span class="key {c}"></span>{escape(name)}</li>' for c, name in legend)
    below = f'<ul class="legend">{key}</ul>' if key else ""
    return (
        f"<figure><figcaption>{escape(said if above is None else above)}</figcaption>"
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg">{inside}</svg>{below}</figure>'
    )


def box(kind: str, x: float, y: float, width: float, height: float, opacity: float = 1) -> str:
    """A rectangle of a class."""
    faint = "" if opacity >= 1 else f' fill-opacity="{opacity:.2f}"'
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}"{faint}/>'
    )


def words(text: str, x: float, y: float, anchor: str = "start") -> str:
    """A text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, float, str]]]]) -> tuple[str, float]:
    """Named rows of bars, the longest as long as there is room.

    Args:
        rows: a name, and for each bar its class, its number and what is written behind it.

    Returns:
        The picture and its height.
    """
    most = max((abs(v) for _, parts in rows for _, v, _ in parts), default=0) or 1.0
    drawn, y, room = [], 2.0, WIDTH - 90
    for name, parts in rows:
        drawn.append(words(name, 0, y + 15))
        y += 20
        for kind, value, said in parts:
            long = max(1.0, abs(value) / most * room)
            drawn += [box(kind, 0, y, long, 16), words(said, long + 6, y + 13)]
            y += 19
        y += 6
    return "".join(drawn), y
