"""UpSampling1D, ZeroPadding1D and Cropping1D: steps repeated, added and left out."""

from __future__ import annotations

from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import arguments
from ...arguments import Positive
from ...core.calls import Keeps
from ...core.channels import Channelled
from ...core.layer import Layer
from ...core.lengths import Rule, on_sequences, resized, resized_spec
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...ragged import Layout, Ragged
from ..pooling.local import of_sequences


class Resampling(Keeps, Layer):
    """A layer whose steps are those of its input, more of them or fewer."""

    takes = "one"

    @property
    def rule(self) -> Rule:
        """The steps that come of n."""
        raise NotImplementedError

    def moved(self, values: Tensor, old: Layout, new: Layout) -> Tensor:
        """The values of the new steps."""
        raise NotImplementedError

    def output_spec(self, spec: Spec) -> Spec:
        return resized_spec(of_sequences(spec, self.who), self.rule, self.who)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The new steps of each sequence."""

        def moved(values: Tensor, layout: Layout) -> tuple[Tensor, Layout]:
            new = resized(layout, self.rule)
            return values if new is layout else self.moved(values, layout, new), new

        return on_sequences(moved, inputs, self.rule, self.who)


class UpSampling1D(Resampling):
    """Each step `size` times.

    Shapes: Ragged (batch, steps*, *feature) to (batch, new steps*, *feature), of n steps size * n;
    dense (batch, time, feature) likewise. Empty sequences stay empty.

    Args:
        size: how often each step comes.

    Raises:
        ValueError: the input is no sequence.

    Example:
        >>> UpSampling1D(2)(Ragged.from_list([[1, 2], [3]])).values
        tensor([1, 1, 2, 2, 3, 3])
    """

    def __init__(self, size: Positive = 2, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.size = size

    @property
    def rule(self) -> Rule:
        return lambda n: n * self.size

    def moved(self, values: Tensor, old: Layout, new: Layout) -> Tensor:
        return values[:, None].expand(-1, self.size, *values.shape[1:]).flatten(0, 1)


class ZeroPadding1D(Resampling, Channelled):
    """Steps of zeros before each sequence's first and after its last.

    These are steps: every layer after this one computes on them, and a mean counts them. To lay
    sequences of different lengths into a grid nothing is needed: `Ragged.to_padded`.

    Shapes: Ragged (batch, steps*, *feature) to (batch, new steps*, *feature), each sequence longer
    by `padding`; dense (batch, time, feature) likewise. An empty sequence becomes one of zeros, as
    in Keras; `Cropping1D` by as much takes them off again.

    Args:
        padding: how many at either end, or (at the start, at the end).
        data_format: "channels_first" for grids (batch, feature, time).

    Raises:
        ValueError: the input is no sequence.

    Example:
        >>> ZeroPadding1D((0, 1))(Ragged.from_list([[1, 2], [3]])).values
        tensor([1, 2, 0, 3, 0])
    """

    def __init__(
        self,
        padding: int | tuple[int, int] = 1,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.padding, self._ends = padding, two_numbers(padding, "padding", self.who)
        self.data_format = self.told_format(data_format)

    @property
    def rule(self) -> Rule:
        return lambda n: n + sum(self._ends)

    def moved(self, values: Tensor, old: Layout, new: Layout) -> Tensor:
        start, more = self._ends[0], sum(self._ends)
        if equal := old.own.equal:
            beside = (0, 0) * (values.ndim - 1)
            return F.pad(values.unflatten(0, (-1, equal)), (*beside, *self._ends)).flatten(0, 1)
        places = torch.arange(old.steps, device=old.device) + old.own.sequence_ids * more + start
        return values.new_zeros(new.steps, *values.shape[1:]).index_copy(0, places, values)


class Cropping1D(Resampling):
    """Each sequence without its first and its last steps.

    Shapes: Ragged (batch, steps*, *feature) to (batch, new steps*, *feature), each sequence shorter
    by `cropping`; dense (batch, time, feature) likewise. A sequence of no more steps than that
    becomes empty.

    Args:
        cropping: how many at either end, or (at the start, at the end).

    Raises:
        ValueError: the input is no sequence, or nothing would be left of a dense batch.

    Example:
        >>> cropped = Cropping1D((1, 0))(Ragged.from_list([[1, 2, 3], [4]]))
        >>> cropped.values, cropped.lengths
        (tensor([2, 3]), tensor([2, 0]))
    """

    def __init__(
        self, cropping: int | tuple[int, int] = (1, 1), **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.cropping, self._ends = cropping, two_numbers(cropping, "cropping", self.who)

    @property
    def rule(self) -> Rule:
        less = sum(self._ends)
        return lambda n: (n > less) * (n - less)

    def moved(self, values: Tensor, old: Layout, new: Layout) -> Tensor:
        if equal := old.own.equal:
            start, end = self._ends
            return values.unflatten(0, (-1, equal))[:, start : max(equal - end, start)].flatten(
                0, 1
            )
        shift = (old.own.offsets - new.own.offsets)[:-1] + self._ends[0]
        steps = torch.arange(new.steps, device=new.device) + shift[new.own.sequence_ids]
        return values.index_select(0, steps)


def two_numbers(value: int | tuple[int, int] | list[int], what: str, who: str) -> tuple[int, int]:
    """(at the start, at the end): both given, or one for both."""
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    whole = [hasattr(n, "__index__") and not isinstance(n, bool) and n >= 0 for n in pair]
    if len(pair) != 2 or not all(whole):
        kind = "an integer, or two as (at the start, at the end), none negative"
        raise arguments.wrong(who, what, kind, value)
    return pair[0].__index__(), pair[1].__index__()
