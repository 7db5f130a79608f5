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
        self._shown.update(_page(html.escape(text)))

    def _page(self, done: int, text: str) -> Any:
        bar = ""
        if self._steps is not None:
            most = max(1, self._steps)
            bar = f' <progress value="{min(done, most)}" max="{most}"></progress>'
        return _page(f"{html.escape(self._title)}{bar} {html.escape(text)}")


def _page(inside: str) -> Any:
    from IPython.display import HTML  # pyright: ignore[reportMissingImports]

    return HTML(f'<code style="white-space: pre">{inside}</code>')
