"""The batches of each epoch, whatever they come from: one interface for the loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from .loader import Loader
from .source import Batch, Source


class Feed(Protocol):
    """The batches of each epoch, which a loop asks for one after another.

    An epoch can be begun at a later batch, as one that was interrupted: `batches(3, 17)` gives what
    `batches(3)` gives from batch 17 on.
    """

    @property
    def steps(self) -> int | None:
        """Real steps in an epoch; None where they are not known beforehand."""
        ...

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch, counted from 0; None where it is not known."""
        ...

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on, on the device.

        Args:
            epoch: counted from 0.
            start: the first batch that is given, counted from 0.
            apart: whether each is made when it is asked for, and not before.
        """
        ...


class Drawn:
    """The batches of a source that lies in memory, in the order that was drawn for the epoch.

    Args:
        source: to take sequences from.
        draw: gives the sequences of each batch of an epoch.
        device: where they are wanted.
    """

    def __init__(
        self, source: Source, draw: Callable[[int], list[Tensor]], device: torch.device
    ) -> None:
        self._draw, self._loader = draw, Loader(source, device)
        self._last: tuple[int, list[Tensor]] | None = None
        self.steps: int | None = source.steps

    def drawn(self, epoch: int) -> list[Tensor]:
        """The sequences of each batch of an epoch."""
        if self._last is None or self._last[0] != epoch:
            self._last = epoch, self._draw(epoch)
        return self._last[1]

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch."""
        return len(self.drawn(epoch))

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on; see `Feed.batches`."""
        return self._loader.batches(self.drawn(epoch)[start:], apart)
