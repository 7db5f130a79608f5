"""Conv1D, and what all convolutions share: options, the bias and the activation at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments, kernels
from ...arguments import Positive
from ...core.calls import Keeps
from ...core.channels import Channelled
from ...core.lengths import Rule, on_sequences, resized_spec
from ...core.lifting import lift
from ...core.options import LayerOptions, WithoutPenalty
from ...core.spec import Spec
from ...core.weight_options import WeightOptions, weight_options
from ...ragged import Layout, Ragged
from ...weights import activations
from .windows import Window


class Convolution(Keeps, Channelled):
    """A layer whose outputs each come of a window of steps.

    Args:
        kernel_size: slots of the window.
        strides: steps from one window to the next.
        padding: "valid", "same" or, in Conv1D, "causal".
        data_format: "channels_first" for grids (batch, feature, time).
        dilation_rate: steps from one slot of the window to the next.
        activation: a name, a callable, or None for none.
        use_bias: whether there is a bias.
        weights: what its weights are made with; those of `bias` among them.
    """

    takes = "one"
    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        kernel_size: int | tuple[int],
        strides: int | tuple[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | tuple[int],
        activation: str | Callable[[Tensor], Tensor] | None,
        use_bias: bool,
        weights: dict[str, WeightOptions],
        /,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size, self.strides, self.padding = kernel_size, strides, padding
        self.data_format = self.told_format(data_format)
        self.dilation_rate = dilation_rate
        self.activation = activations.get(activation, self.who)
        self.use_bias = use_bias
        self.keep_options(**weights)
        self.window = Window(
            one_number(kernel_size, "kernel_size", self.who),
            one_number(strides, "strides", self.who),
            one_number(dilation_rate, "dilation_rate", self.who),
            known_padding(padding, self.paddings, self.who),
        )

    # --- what a subclass says --------------------------------------------------------------------

    @property
    def rule(self) -> Rule:
        """The steps that come of n."""
        return self.window.count

    def features_out(self, features: int) -> int:
        """The size of the output's features."""
        raise NotImplementedError

    def convolve(self, values: Tensor, layout: Layout) -> tuple[Tensor, Layout]:
        """(steps, feature) to (new steps, features out) and their layout, the bias added."""
        raise NotImplementedError

    # ---------------------------------------------------------------------------------------------

    def add_bias(self, size: int) -> None:
        """Makes `bias`, the last of the weights; None without."""
        self.bias = self.add_kept("bias", (size,)) if self.use_bias else None

    def refuse_both(self) -> None:
        """Raises where both strides and dilation_rate are above 1, as Keras does."""
        stride, dilation = self.window.stride, self.window.dilation
        if stride > 1 and dilation > 1:
            raise ValueError(
                f"{self.who}: expected strides or dilation_rate as 1, got strides={stride} and "
                f"dilation_rate={dilation}."
            )

    def output_spec(self, spec: Spec) -> Spec:
        if len(spec.shape) != (1 if spec.ragged else 2) or spec.shape[-1] is None:
            raise ValueError(
                f"{self.who}: expected sequences of feature vectors, (batch, steps*, feature), got "
                f"{spec}. Ids go through Embedding first; one number a step needs x[..., None] and "
                "Input(shape=(None, 1))."
            )
        if self.built and spec.shape[-1] != self.features_in:
            raise ValueError(f"{self.who}: built for {self.features_in} features, got {spec}.")
        out = resized_spec(spec, self.rule, self.who)
        return out.with_last(self.features_out(spec.shape[-1])).with_dtype(self.dtype or spec.dtype)

    @property
    def tail(self) -> str | None:
        first = self.data_format == "channels_first"  # whose features are no last axis
        return None if first else activations.name_of(self.activation)

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return on_sequences(self.convolve, inputs, self.rule, self.who)

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """Convolves each sequence by itself."""
        return lift(self.activation, self.before_tail(inputs))


class Conv1D(Convolution):
    """A linear map of each window of steps, then an activation: activation(window W + b).

    Shapes: Ragged (batch, steps*, feature) to (batch, new steps*, filters); dense (batch, time,
    feature) to (batch, new time, filters). A sequence's ends are its own: what lies beyond is 0,
    never a neighbour's step. Of n steps come, with k for the reach of a window, (kernel_size - 1) *
    dilation_rate + 1:

        "valid"             floor((n - k) / strides) + 1, none where n is below k
        "same", "causal"    ceil(n / strides)

    A hole is no step: what stood on its sides are neighbours. Where lengths stay, holes come back
    at their places; new lengths have none. Empty sequences stay empty. Where the
    compiled kernels serve, a sequence's bits are the same alone and in company. Memory: the steps
    of all windows, kernel_size times the input.

    Args:
        filters: size of the output's features.
        kernel_size: slots of the window.
        strides: steps from one window to the next.
        padding: "valid", windows within the sequence; "same", windows around a step (of what is
            missing at the ends the odd one is at the end, as in TensorFlow); "causal", windows that
            end at a step.
        data_format: "channels_first" for grids (batch, feature, time).
        dilation_rate: steps from one slot of the window to the next.
        groups: the features and filters fall into as many groups, each with weights of its own.
        activation: a name, a callable, or None for none.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (kernel_size, feature / groups, filters).
        bias_initializer: of `bias` (filters,).
        kernel_regularizer: a penalty on `kernel`, as "l2".
        bias_regularizer: a penalty on `bias`.
        activity_regularizer: a penalty on what comes out, at real steps.
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        bias_constraint: applied to `bias` after every update.

    Raises:
        ValueError: the input is no sequence of feature vectors, groups do not divide the features
            or filters, or a dense batch is too short for a window.

    Example:
        >>> ragged = Ragged.from_list([[[1.], [2.], [3.]], [[4.]]])
        >>> Conv1D(2, 3)(ragged).lengths, Conv1D(2, 3, padding="same")(ragged).lengths
        (tensor([1, 0]), tensor([3, 1]))
    """

    paddings = ("valid", "same", "causal")

    def __init__(
        self,
        filters: Positive,
        kernel_size: int | tuple[int],
        strides: int | tuple[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int] = 1,
        groups: Positive = 1,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            weight_options(locals(), "kernel", "bias"),
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.filters = filters
        self.groups = groups
        self.refuse_both()
        self._divides(self.filters, "filters")

    def _divides(self, size: int, what: str) -> None:
        if size % self.groups:
            raise ValueError(f"{self.who}: groups={self.groups} do not divide {size} {what}.")

    def build(self, spec: Spec) -> None:
        assert spec.shape[-1] is not None
        self.features_in = spec.shape[-1]
        self.kernel = self.add_kept(
            "kernel", (self.window.size, self.features_in // self.groups, self.filters)
        )
        self.add_bias(self.filters)

    def features_out(self, features: int) -> int:
        self._divides(features, "features")
        return self.filters

    def convolve(self, values: Tensor, layout: Layout) -> tuple[Tensor, Layout]:
        windows = self.window.on(layout)
        held = windows.take(values)
        if self.groups == 1:
            kernel = self.kernel.flatten(0, 1)
            out = kernels.linear(held.flatten(1), kernel, self.bias, self.half_type)
            return out, windows.layout
        parts = zip(held.chunk(self.groups, -1), self.kernel.chunk(self.groups, -1), strict=True)
        products = [
            kernels.linear(h.flatten(1), k.flatten(0, 1), None, self.half_type) for h, k in parts
        ]
        out = torch.cat(products, -1)
        return out if self.bias is None else out + self.bias, windows.layout


# --- arguments -----------------------------------------------------------------------------------


def one_number(value: int | tuple[int] | list[int], what: str, who: str) -> int:
    """The positive integer, which Keras also takes as a tuple of one."""
    if isinstance(value, (tuple, list)) and len(value) == 1:
        (value,) = value
    return arguments.positive(who, what, value)


def known_padding(padding: str, known: tuple[str, ...], who: str) -> str:
    """The padding's name, if this layer has it."""
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in known:
        raise arguments.wrong(who, "padding", arguments.either(known), padding)
    return name


Convolution1D = Conv1D
