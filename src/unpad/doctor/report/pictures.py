"""Pictures of a report's numbers as inline SVG, each with a text for those who do not see it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from .asked import Asked

_WIDTH = 640
_PARTS = {
    "its own steps": "own",
    "padding": "padding",
    "other sequences": "mates",
    "later steps": "later",
}


def shares(evidence: Mapping[str, float]) -> str:
    """Where an output's gradient falls, as one bar; nothing where it was not asked."""
    found = [
        (name, evidence[f"gradient on {name}"])
        for name in _PARTS
        if f"gradient on {name}" in evidence
    ]
    if not found:
        return ""
    said = "Of an output's gradient " + ", ".join(f"{v:.1%} on {n}" for n, v in found)
    bars, legend, x = [], [], 0.0
    for i, (name, value) in enumerate(found):
        width = max(0.0, value) * _WIDTH
        kind = _PARTS[name]
        bars.append(f'<rect class="{kind}" x="{x:.1f}" y="0" width="{width:.1f}" height="24"/>')
        at = i * _WIDTH / len(found)
        legend.append(
            f'<rect class="{kind}" x="{at:.0f}" y="36" width="12" height="12"/>'
            f'<text x="{at + 18:.0f}" y="47">{escape(name)} {value:.1%}</text>'
        )
        x += width
    return _svg(said, 54, "".join(bars + legend))


def laws(asked: Sequence[Asked], threshold: float = 1e-3) -> str:
    """How far answers moved under each law, on a scale of powers of ten; nothing without laws."""
    found = [a for a in asked if a.number is not None]
    if not found:
        return ""
    low, high, left = -8.0, 2.0, 220

    def place(value: float) -> float:
        power = math.log10(max(value, 1e-8)) if math.isfinite(value) else high
        return left + (min(power, high) - low) / (high - low) * (_WIDTH - left)

    rows, said = [], []
    for i, a in enumerate(found):
        value, y = a.number or 0.0, 24 + 26 * i
        kind = "padding" if a.answer != "holds" else "own"
        width = max(2.0, place(value) - left)
        rows.append(
            f'<text x="0" y="{y + 13}">{escape(a.name)}</text>'
            f'<rect class="{kind}" x="{left}" y="{y}" width="{width:.1f}" height="16"/>'
        )
        said.append(f"{a.name} {value:.2g}")
    line = place(threshold)
    height = 24 + 26 * len(found)
    rows.append(
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="18" y2="{height}" class="rule"/>'
        f'<text x="{line:.1f}" y="12" text-anchor="middle">{threshold:g} of the spread</text>'
    )
    return _svg("Outputs moved: " + "; ".join(said), height + 6, "".join(rows))


def _svg(said: str, height: int, inside: str) -> str:
    label = escape(said, quote=True)
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {height}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(said)}</title>{inside}</svg>'
    )
