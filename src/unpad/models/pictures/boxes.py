"""What a picture of a model shows: boxes, and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Box:
    """A layer's call in a picture.

    Args:
        title: the layer's kind, and its name where wanted.
        does: "opens", "keeps", "changes", "reduces", "rows" or "input".
        lines: what stands below the title: a word and what it says.
        small: whether it is arithmetic, which needs no frame.
        inside: of a nested model that is drawn out.
    """

    title: str
    does: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    small: bool = False
    inside: Parts | None = None


@dataclass
class Parts:
    """The boxes of a picture, and its edges: from, to, and whether real steps alone run there."""

    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[int, int, bool]] = field(default_factory=list)
