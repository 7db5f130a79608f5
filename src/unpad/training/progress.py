"""What a person sees while a model trains: a bar in terminals and notebooks, else lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .notebook import NotebookBar

# A bar that is drawn more often than this only costs.
_SECONDS = 0.1

T = TypeVar("T")


class EpochProgress:
    """Shows one epoch, evaluation or prediction.

    Args:
        title: what is running, as "Epoch 1/3".
        steps: real steps that will be worked through; None where nobody knows.
        verbose: 0 shows nothing, 1 a bar where there is a terminal or a notebook and a line at the
            end, 2 only the line.
        world: processes that share the work, of which this one sees its part.
    """

    def __init__(self, title: str, steps: int | None, verbose: int, world: int = 1) -> None:
        self._title, self._steps, self._verbose = title, steps, verbose
        self._done, self._world = 0, world
        #: Seconds that went by until batches were there.
        self.waited = 0.0
        self._start = self._shown = time.perf_counter()
        self._console = Console(soft_wrap=True, highlight=False) if verbose else None
        self._bar: Progress | None = None
        self._notebook: NotebookBar | None = None
        if verbose != 1 or self._console is None:
            return
        if self._console.is_jupyter:
            self._notebook = NotebookBar(title, steps)
        elif self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(compact=True),
                TextColumn("left {task.fields[logs]}"),
                console=self._console,
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bar.add_task(
                title, total=None if steps is None else max(1, steps), rate="", logs=""
            )
            self._bar.start()

    @property
    def rate(self) -> float:
        """Real steps a second so far."""
        return self._done / max(1e-9, time.perf_counter() - self._start)

    @property
    def due(self) -> bool:
        """Whether the bar is to be drawn again: ask before working out what it shows."""
        shown = self._bar is not None or self._notebook is not None
        return shown and time.perf_counter() - self._shown >= _SECONDS

    def advance(self, steps: int) -> None:
        """Counts the steps of a batch; the other processes are taken to have as many."""
        self._done += steps * self._world

    def waiting_for(self, batches: Iterator[T]) -> Iterator[T]:
        """The same batches, with the time counted until each is there."""
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    def draw(self, logs: dict[str, float]) -> None:
        """Draws the bar with these numbers."""
        self._shown = time.perf_counter()
        rate = f"{self.rate:,.0f} steps/s"
        if self._notebook is not None:
            self._notebook.update(self._done, f"{rate}  {_text(logs)}")
        if self._bar is not None:
            fields: dict[str, Any] = {"rate": rate, "logs": _text(logs)}
            self._bar.update(self._task, completed=self._done, refresh=True, **fields)

    def stop(self) -> None:
        """Takes the bar of a terminal away; that of a notebook stays as it was drawn last."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def leave(self) -> None:
        """Takes the bar away; in a notebook, where its place stays, a line is left there."""
        self.stop()
        if self._notebook is not None:
            seconds = time.perf_counter() - self._start
            self._notebook.finish(f"{self._title}  {seconds:.1f} s  {self.rate:,.0f} steps/s")

    def finish(self, seconds: float, rate: float, logs: dict[str, float]) -> None:
        """Leaves the line in the bar's place."""
        self.stop()
        if self._console is None:
            return
        parts = [self._title, f"{seconds:.1f} s", f"{rate:,.0f} steps/s", _text(logs)]
        line = "  ".join(p for p in parts if p)
        if self._notebook is not None:
            self._notebook.finish(line)
        elif self._console.is_jupyter:
            print(line)  # rich would make a page of it
        else:
            self._console.print(line)


def _text(logs: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
