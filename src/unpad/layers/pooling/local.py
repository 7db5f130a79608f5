"""MaxPooling1D and AveragePooling1D: one step for each window of steps."""

from __future__ import annotations

from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from ...core.calls import Keeps
from ...core.channels import Channelled
from ...core.lengths import on_sequences, resized_spec
from ...core.options import WithoutName
from ...core.spec import Spec
from ...ragged import Layout, Ragged
from ..convolution.convolution import known_padding, one_number
from ..convolution.windows import Window, Windows


class Pooling(Keeps, Channelled):
    """A layer that makes one step of each window of steps, feature by feature.

    Args:
        pool_size: slots of the window.
        strides: steps from one window to the next; None for pool_size.
        padding: "valid", windows within the sequence; "same", a window for each `strides` steps, of
            which those at the ends hold fewer steps.
        data_format: "channels_first" for grids (batch, feature, time).
        name: shown in summaries and errors.
    """

    takes = "one"

    def __init__(
        self,
        pool_size: int | tuple[int],
        strides: int | tuple[int] | None,
        padding: str,
        data_format: str | None,
        name: str | None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size, self.strides, self.padding = pool_size, strides, padding
        size = stride = one_number(pool_size, "pool_size", self.who)
        if strides is not None:
            stride = one_number(strides, "strides", self.who)
        self.data_format = self.told_format(data_format)
        self.window = Window(size, stride, 1, known_padding(padding, ("valid", "same"), self.who))

    def output_spec(self, spec: Spec) -> Spec:
        return resized_spec(of_sequences(spec, self.who), self.window.count, self.who)

    def pool(self, values: Tensor, windows: Windows) -> Tensor:
        """(steps, *feature) to (windows, *feature)."""
        raise NotImplementedError

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """One step for each window."""

        def pooled(values: Tensor, layout: Layout) -> tuple[Tensor, Layout]:
            windows = self.window.on(layout)
            return self.pool(values, windows), windows.layout

        return on_sequences(pooled, inputs, self.window.count, self.who)


class MaxPooling1D(Pooling):
    """The largest of each window of steps, feature by feature.

    Shapes: Ragged (batch, steps*, *feature) to (batch, new steps*, *feature); dense (batch, time,
    feature) to (batch, new time, feature). A window never reaches into a neighbour, and what lies
    beyond a sequence's ends is nothing. Of n steps come floor((n - pool_size) / strides) + 1 with
    "valid", none where n is below pool_size; ceil(n / strides) with "same".

    A hole is no step: what stood on its sides are neighbours. Empty sequences stay empty. Of equal
    steps the first takes the gradient.

    Args:
        pool_size: slots of the window.
        strides: steps from one window to the next; None for pool_size.
        padding: "valid", windows within the sequence; "same", a window for each `strides` steps, of
            which those at the ends hold fewer steps.
        data_format: "channels_first" for grids (batch, feature, time).
        name: shown in summaries and errors.

    Raises:
        ValueError: the input is no sequence, or a dense batch is too short for a window.

    Example:
        >>> ragged = Ragged.from_list([[1, 3, 2], [4]])
        >>> MaxPooling1D(2)(ragged).values, MaxPooling1D(2, padding="same")(ragged).values
        (tensor([3]), tensor([3, 2, 4]))
    """

    def __init__(
        self,
        pool_size: int | tuple[int] = 2,
        strides: int | tuple[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def pool(self, values: Tensor, windows: Windows) -> Tensor:
        held = windows.take(values, lowest(values.dtype) if windows.sticks_out else 0)
        # 600 steps of 100 features, size 3: forward 0.07 ms by amax, and forward and backward 0.62
        # by max_pool1d, by either the other 0.86 and 0.59. But amax shares the gradient out among
        # equal steps, of which relu leaves many; Keras gives it to the first.
        if not (held.requires_grad and torch.is_grad_enabled()) or not held.numel():
            return held.amax(1)
        flat = held.flatten(2) if held.ndim > 2 else held[..., None]
        return F.max_pool1d(flat.transpose(1, 2), self.window.size).reshape(-1, *values.shape[1:])


class AveragePooling1D(Pooling):
    """The mean of each window's steps, feature by feature.

    Shapes: Ragged (batch, steps*, *feature) to (batch, new steps*, *feature); dense (batch, time,
    feature) to (batch, new time, feature). Lengths, ends, holes and empty sequences as in
    `MaxPooling1D`. A window that sticks out at an end is divided by the steps that it holds, as in
    TensorFlow; Keras on torch counts the last step again where the padding is uneven.

    Args:
        pool_size: slots of the window.
        strides: steps from one window to the next; None for pool_size.
        padding: "valid", windows within the sequence; "same", a window for each `strides` steps, of
            which those at the ends hold fewer steps.
        data_format: "channels_first" for grids (batch, feature, time).
        name: shown in summaries and errors.

    Raises:
        ValueError: the input is no sequence, or a dense batch is too short for a window.

    Example:
        >>> AveragePooling1D(2, padding="same")(Ragged.from_list([[1, 3, 2], [4]])).values
        tensor([2., 2., 4.])
    """

    def __init__(
        self,
        pool_size: int | tuple[int],
        strides: int | tuple[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[WithoutName],
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def output_spec(self, spec: Spec) -> Spec:
        return mean_spec(super().output_spec(spec))

    def pool(self, values: Tensor, windows: Windows) -> Tensor:
        if not values.is_floating_point():
            values = values.to(torch.get_default_dtype())
        held = windows.take(values)
        if not windows.sticks_out or windows.index is None:
            return held.mean(1)
        counts = (windows.index < values.shape[0]).sum(1).to(values.dtype)
        return held.sum(1) / counts.reshape(-1, *(1,) * (values.ndim - 1))


def of_sequences(spec: Spec, who: str) -> Spec:
    """The spec, if it is of sequences.

    Raises:
        ValueError: it has no time.
    """
    if not spec.ragged and len(spec.shape) < 2:
        raise ValueError(
            f"{who}: expected sequences, (batch, steps*, feature) or (batch, time, feature), got "
            f"{spec}. One number a step needs x[..., None] and Input(shape=(None, 1))."
        )
    return spec


def mean_spec(spec: Spec) -> Spec:
    """The spec of a mean: of integers it is none."""
    return spec if spec.dtype.is_floating_point else spec.with_dtype(torch.get_default_dtype())


def lowest(dtype: torch.dtype) -> float:
    """What no number of this type is below."""
    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
