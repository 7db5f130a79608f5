"""Activations that are layers of their own: ReLU, LeakyReLU, PReLU, ELU and Softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import arguments
from ...arguments import Bound, NotNegative
from ...core.axes import axes_of, checked_axis
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.token_wise import TokenWise
from ...core.weight_options import weight_options
from ...ragged import Ragged
from ...ragged.numbers import as_tensor
from ...ragged.reductions import segment_max, segment_sum, spread
from ...weights import activations


class ReLU(TokenWise):
    """x above the threshold and at most `max_value`, else negative_slope * (x - threshold).

    Shapes stay as they are; empty sequences stay empty.

    Args:
        max_value: the largest value that comes out; None is no bound.
        negative_slope: of what is below the threshold.
        threshold: what is not above it is damped, or 0.

    Raises:
        ValueError: one of them is negative.

    Example:
        >>> ReLU(max_value=6, negative_slope=0.5)(torch.tensor([-2.0, 3.0, 9.0]))
        tensor([-1.,  3.,  6.])
    """

    def __init__(
        self,
        max_value: Bound | None = None,
        negative_slope: NotNegative = 0.0,
        threshold: NotNegative = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = arguments.number(
            self.who, "max_value", max_value, 0, infinite=True, or_none=True
        )
        self.negative_slope = negative_slope
        self.threshold = threshold

    def on_values(self, values: Tensor) -> Tensor:
        return activations.relu(values, self.negative_slope, self.max_value, self.threshold)


class _OlderSlope(LayerOptions, total=False):
    alpha: float  # what Keras 2 called it


class LeakyReLU(TokenWise):
    """x where positive, else negative_slope * x.

    Shapes stay as they are; empty sequences stay empty. `alpha=`, as older scripts spell the
    slope, works too.

    Args:
        negative_slope: of what is below 0.

    Raises:
        ValueError: the slope is negative.

    From Maas et al. (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models.

    Example:
        >>> LeakyReLU(0.5)(torch.tensor([-2.0, 3.0]))
        tensor([-1.,  3.])
    """

    def __init__(self, negative_slope: NotNegative = 0.3, **kwargs: Unpack[_OlderSlope]) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = negative_slope

    def on_values(self, values: Tensor) -> Tensor:
        return F.leaky_relu(values, self.negative_slope)


class ELU(TokenWise):
    """x where positive, else alpha (exp(x) - 1).

    Shapes stay as they are; empty sequences stay empty.

    Args:
        alpha: what it falls to is -alpha.

    From Clevert et al. (2016), Exponential Linear Units.

    Example:
        >>> ELU()(torch.tensor([-50.0, 3.0]))
        tensor([-1.,  3.])
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def on_values(self, values: Tensor) -> Tensor:
        return activations.elu(values, self.alpha)


class PReLU(TokenWise):
    """x where positive, else alpha x, with a learned alpha for each feature.

    Shapes stay as they are; empty sequences stay empty. On a Ragged the slopes are shared over
    time, as there is no length that all sequences have: `alpha` is (1, *feature), what Keras makes
    with shared_axes=[1] (and what it needs where the time is not known). On dense inputs it has
    the shape of a row, with 1 along the shared axes.

    Args:
        alpha_initializer: of `alpha`.
        alpha_regularizer: a penalty on `alpha`, as "l2".
        alpha_constraint: applied to `alpha` after every update.
        shared_axes: axes with one slope for all, counted as Keras counts: 1 is time, 2 the first
            of the features.

    Raises:
        ValueError: an axis is the batch or outside of the input; a size is not known whose axis is
            not shared.

    From He et al. (2015), Delving Deep into Rectifiers.

    Example:
        >>> layer = PReLU("ones")
        >>> layer(Ragged.from_list([[[-2.], [3.]], [[-1.]]])).values.flatten().tolist()
        [-2.0, 3.0, -1.0]
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.keep_options(**weight_options(locals(), "alpha"))
        self.shared_axes = arguments.axes(self.who, "shared_axes", shared_axes, or_none=True)

    def _shape(self, spec: Spec) -> tuple[int | None, ...]:
        shared = axes_of(self.shared_axes, spec, self.who) if self.shared_axes is not None else []
        if 0 in shared:
            raise ValueError(
                f"{self.who}: shared_axes={self.shared_axes} names the batch, over which slopes "
                "are always shared. Time is 1, features are 2, 3, ..."
            )
        shared = {*shared, *([1] if spec.ragged else [])}
        return tuple(1 if a in shared else spec[a] for a in range(1, len(spec)))

    def output_spec(self, spec: Spec) -> Spec:
        shape = self._shape(spec)
        if None in shape:
            axis = shape.index(None) + 1
            raise ValueError(
                f"{self.who}: expected a known size along axis {axis}, got {spec}. Share the "
                f"slopes along it: PReLU(shared_axes=[{axis}])."
            )
        return spec

    def made_for(self, spec: Spec) -> Any:
        return self._shape(spec)

    def build(self, spec: Spec) -> None:
        self.alpha = self.add_kept("alpha", self._shape(spec))

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The inputs, with what is negative multiplied by alpha."""
        if isinstance(inputs, Ragged):
            return inputs.with_values(_prelu(inputs.values, self.alpha[0]))
        return _prelu(inputs, self.alpha)


def _prelu(x: Tensor, alpha: Tensor) -> Tensor:
    return torch.relu(x) - alpha * torch.relu(-x)


class Softmax(TokenWise):
    """exp(x) / sum(exp(x)), over a step's features, or over each sequence's own steps.

    Shapes stay as they are; empty sequences stay empty. Axes are Keras's: over (batch, time,
    feature) -1 is over the features of a step, and 1 over time, which for a Ragged means the
    sequence's own steps; missing ones get nothing. Several axes share one sum. Steps that are
    numbers, (batch, time), have time as their last axis: weights of attention.

    Args:
        axis: an axis, or a list of them.

    Raises:
        ValueError: the axis is the batch, outside of the input, or named twice.

    Example:
        >>> scores = Ragged.from_list([[0., 0., 0., 0.], [3.]])
        >>> Softmax()(scores).values.tolist()
        [0.25, 0.25, 0.25, 0.25, 1.0]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = checked_axis(axis, self.who)

    def output_spec(self, spec: Spec, mask: Any = None) -> Spec:
        if axes_of(self.axis, spec, self.who)[0] == 0:
            raise ValueError(
                f"{self.who}: axis={self.axis} is over the batch of {spec}: what comes out would "
                "depend on what else is in it. Time is axis 1, the last features -1."
            )
        if spec.ragged and mask is not None:
            raise ValueError(
                f"{self.who}: got a mask for {spec}, which has real steps only. Leave it out; to "
                "drop more steps: ragged.keep(...)."
            )
        return spec

    def build(self, spec: Spec, mask: Any = None) -> None:
        """Nothing to make."""

    @property
    def tail(self) -> str | None:
        return "softmax" if self.axis in (-1, [-1]) else None

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return inputs

    def forward(self, inputs: Ragged | Tensor, mask: Tensor | None = None) -> Ragged | Tensor:
        """The softmax of the inputs.

        Args:
            inputs: Ragged or dense.
            mask: with dense inputs, of a shape that can be broadcast to theirs: True where an
                entry counts; the others get 0.
        """
        if isinstance(inputs, Ragged):
            return self._of_sequences(inputs)
        axes = self._axes(inputs.ndim)
        if mask is None:
            return _softmax(inputs, axes)
        mask = self._mask(mask, inputs)
        # A finite number: where nothing counts, minus infinity would give NaN.
        lowest = torch.finfo(inputs.dtype).min
        return _softmax(inputs.masked_fill(~mask, lowest), axes).masked_fill(~mask, 0)

    def _mask(self, mask: Any, inputs: Tensor) -> Tensor:
        """The mask as bool, if it can be broadcast to the inputs."""
        mask = as_tensor(mask, f"{self.who}: mask", inputs.device)
        pairs = zip(reversed(mask.shape), reversed(inputs.shape), strict=False)
        if mask.ndim > inputs.ndim or any(n not in (1, m) for n, m in pairs):
            raise ValueError(
                f"{self.who}: expected a mask that must not have more dimensions than the inputs "
                f"and is broadcastable to them, {tuple(inputs.shape)}, got {tuple(mask.shape)}."
            )
        return mask if mask.dtype == torch.bool else mask > 0.5

    def _axes(self, ndim: int) -> list[int]:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return sorted(a % ndim for a in axes)

    def _of_sequences(self, inputs: Ragged) -> Ragged:
        features = [a - 1 for a in self._axes(inputs.values.ndim + 1) if a > 1]
        over_time = 1 in self._axes(inputs.values.ndim + 1)
        if not over_time:
            return inputs.map(lambda values: _softmax(values, features))
        if not features:
            return inputs.softmax()
        # One sum over a sequence's steps and these features.
        values, layout = inputs.values, inputs.layout
        highest = segment_max(values.detach().amax(features, keepdim=True), layout)
        weights = (values - spread(highest, layout)).exp()
        total = segment_sum(weights.sum(features, keepdim=True), layout)
        return inputs.with_values(weights / spread(total, layout))


def _softmax(x: Tensor, axes: list[int]) -> Tensor:
    if len(axes) == 1:
        return torch.softmax(x, axes[0])
    return (x - torch.logsumexp(x, axes, keepdim=True)).exp()
