"""How a Ragged looks in a notebook: what it is, its lengths as a strip, its first sequences."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .show import lines

if TYPE_CHECKING:
    from .ragged import Ragged

_COLUMNS = 120  # bars in a strip; beyond that each stands for a run of sequences
_HEIGHT = 40


def show_html(ragged: Ragged) -> str:
    """The lines of `show`, and between the first and the others a bar for each sequence.

    Colours are those of the page, whatever its theme.
    """
    head, *rest = lines(ragged)
    parts = [f"<div><code>{escape(head)}</code></div>"]
    if ragged.batch:
        parts.append(_strip(ragged.layout.own.lengths.tolist()))
    if rest:
        style = "margin:0;line-height:1.3;background:none"
        parts.append(f'<pre style="{style}">{escape(chr(10).join(rest))}</pre>')
    return f"<div>{''.join(parts)}</div>"


def _strip(lengths: list[int]) -> str:
    """An SVG with a bar a sequence, in their order; a run of them is as high as its longest."""
    run = -(-len(lengths) // _COLUMNS)
    bars = [lengths[i : i + run] for i in range(0, len(lengths), run)]
    longest = max(lengths)
    each = max(3, min(14, 480 // len(bars)))
    drawn = []
    for i, some in enumerate(bars):
        last = i * run + len(some) - 1
        which = f"sequence {last}" if len(some) == 1 else f"sequences {i * run} to {last}"
        n = f"{max(some)} steps" if len(some) == 1 else f"{min(some)} to {max(some)} steps"
        # An empty sequence is there too: a line on the ground.
        high = max(1, round(_HEIGHT * max(some) / longest)) if longest else 1
        drawn.append(
            f'<rect x="{i * each}" y="{_HEIGHT - high}" width="{each - 1}" height="{high}">'
            f"<title>{which}: {n}</title></rect>"
        )
    label = f"lengths of {len(lengths)} sequences, {min(lengths)} to {longest} steps"
    wide = each * len(bars)
    return (
        f'<svg role="img" aria-label="{label}" width="{wide}" height="{_HEIGHT}" '
        f'style="display:block;margin:4px 0" fill="currentColor" fill-opacity="0.55">'
        f"{''.join(drawn)}</svg>"
    )
