"""A bar in a notebook, which changes in place."""

from __future__ import annotations

import html
from typing import Any


class NotebookBar:
    """One output of a cell, drawn anew with each call; IPython is there wherever a notebook is.

    Args:
        title: what is running.
        steps: that will be done; None where nobody knows: then there is no bar, only the numbers.
    """

    def __init__(self, title: str, steps: int | None) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        self._title, self._steps = title, steps
        self._shown: Any = display(self._page(0, ""), display_id=True)

    def update(self, done: int, text: str) -> None:
        """Shows how far it is.

        Args:
            done: steps so far.
            text: behind the bar.
        """
        self._shown.update(self._page(done, text))

    def finish(self, text: str) -> None:
        """Leaves this line in the bar's place."""
        self._shown.update(_Page(text, html.escape(text)))

    def _page(self, done: int, text: str) -> _Page:
        bar = share = ""
        if self._steps is not None:
            most = max(1, self._steps)
            bar = f' <progress value="{min(done, most)}" max="{most}"></progress>'
            share = f" {min(1, done / most):.0%}"
        return _Page(
            f"{self._title}{share} {text}", f"{html.escape(self._title)}{bar} {html.escape(text)}"
        )


class _Page:
    """What is shown: as a page, and as words where no pages are shown."""

    def __init__(self, text: str, inside: str) -> None:
        self._text, self._inside = text, inside

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f'<code style="white-space: pre">{self._inside}</code>'
