"""What each part of Ragged may rely on: values and a layout, and how others are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .layout import Layout
from .parts import Parts

if TYPE_CHECKING:
    from typing import Self

    Output = Tensor | np.ndarray


class Sequences:
    """The ground of Ragged; its operators, reductions and the rest are classes above this one."""

    __slots__ = ()

    _values: Any
    _layout: Layout
    _numpy: bool

    @property
    def values(self) -> Any:
        """(steps, *feature): every real step, end to end; of sequences of sequences a Ragged."""
        return self._values

    @property
    def levels(self) -> int:
        """1 for sequences of steps, 2 for sequences of sequences of steps."""
        return 1 + (self._values.levels if isinstance(self._values, Sequences) else 0)

    @property
    def layout(self) -> Layout:
        """Where each sequence starts and ends."""
        return self._layout

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return self._layout.own.batch

    @property
    def steps(self) -> int:
        """The number of steps of the whole batch."""
        values = self._values
        return values.batch if isinstance(values, Sequences) else values.shape[0]

    @property
    def feature(self) -> torch.Size:
        """The shape of one step, of the innermost where there are several levels."""
        values = self._values
        while isinstance(values, Sequences):
            values = values._values
        return values.shape[1:]

    @property
    def dtype(self) -> torch.dtype:
        """The type of the values."""
        return self._values.dtype

    @property
    def device(self) -> torch.device:
        """Where the values are."""
        return self._values.device

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows through the values."""
        return self._values.requires_grad

    @classmethod
    def _of(cls, parts: Parts) -> Self:
        """The value that a door's parts make, all levels of it."""
        raise NotImplementedError

    def with_values(self, values: Any, layout: Layout | None = None) -> Self:
        """Other values on the same layout.

        Raises:
            ValueError: the values have another number of steps.
        """
        raise NotImplementedError

    def _out(self, tensor: Any) -> Any:
        """What the caller is handed."""
        raise NotImplementedError
