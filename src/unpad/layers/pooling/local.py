"""MaxPooling1D and AveragePooling1D: one step for each window of steps."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from ... import kernels
from ...core.calls import Keeps
from ...core.channels import Channelled
from ...core.lengths import on_sequences, resized_spec
from ...core.options import WithoutName
from ...core.spec import Spec
from ...ragged import Layout, Ragged
from ..convolution.convolution import known_padding, one_number
from ..convolution.windows import Window


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
    largest = False  # the mean

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

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """One step for each window."""

        def pooled(values: Tensor, layout: Layout) -> tuple[Tensor, Layout]:
            new, (first, last) = self.window.bounds(layout)
            return kernels.pool(values, first, last, self.largest, self.window.size), new

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

    largest = True

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


MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
