"""Layer, RMS and unit normalisation: each step by its own features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import kernels
from ...arguments import NotNegative
from ...core.axes import Axes, axes_of, checked_axis
from ...core.options import LayerOptions
from ...core.precision import HALF
from ...core.spec import Spec
from ...core.token_wise import TokenWise
from ...core.weight_options import WeightOptions, weight_options

# From so many features on the library normalises rows; below, torch, as a derivative of one's own
# costs 40 us of Python. Of 1,024 rows of 512 features that no cache holds a training step takes .94
# of its time with torch's layer_norm on one thread, which is what that has within `fit`; of 256
# 1.04, of 128 .99, of 64 1.28 (two cores with AVX-512; of 512 that stay in the cache .6). The
# number of rows decides nothing: a row has the same bits alone.
_WIDE = 512


class OverFeatures(TokenWise):
    """A token-wise layer whose `axis` names features, counted as Keras counts them.

    Axis 0 is the batch, 1 the time of sequences, so features are 2, 3, ... or -1, -2, ...
    """

    axis: Axes

    def output_spec(self, spec: Spec) -> Spec:
        self._axes(spec)
        return spec

    def made_for(self, spec: Spec) -> Any:
        axes, sizes = self._from_last(spec), tuple(self._sizes(spec))
        return sizes[0] if axes == (-1,) else (sizes, axes)

    def _axes(self, spec: Spec) -> list[int]:
        """The axes, from 0, rising; refuses those that are no features."""
        axes = axes_of(self.axis, spec, self.who)
        for axis in axes:
            if axis == 0 or (spec.ragged and axis == 1):
                what = "one number a step" if spec.ragged and len(spec) == 2 else str(spec)
                name = ("the batch", "time")[axis]
                raise ValueError(
                    f"{self.who}: axis={self.axis} is over {name}, but it normalises within a "
                    f"step's features; got {what}. Use axis=-1 on inputs with a feature axis; over "
                    "a sequence's own steps: GroupNormalization."
                )
        return axes

    def _sizes(self, spec: Spec) -> list[int]:
        """The sizes of the axes, which the weights have."""
        sizes = [spec[axis] for axis in self._axes(spec)]
        if None in sizes:
            raise ValueError(
                f"{self.who}: expected a known size along axis={self.axis}, got {spec}."
            )
        return sizes

    def _from_last(self, spec: Spec) -> tuple[int, ...]:
        """The axes counted from the last, which are the same on values and on a dense batch."""
        return tuple(axis - len(spec) for axis in self._axes(spec))


def trailing(axes: tuple[int, ...]) -> bool:
    """Whether axes counted from the last are the last ones, as torch's fused functions need."""
    return axes == tuple(range(-len(axes), 0))


def standardised(values: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    """The values to mean 0 and variance 1 over these axes, in float32 at least."""
    values = in_float32(values)
    values = values - values.mean(axes, keepdim=True)
    # From the centred values: the mean square less the squared mean would lose digits.
    return values * torch.rsqrt(values.square().mean(axes, keepdim=True) + epsilon)


def in_float32(values: Tensor) -> Tensor:
    """Values whose statistics are taken: of half a type, as float32."""
    return values.float() if values.dtype in HALF else values


def beside(weight: Tensor, axes: tuple[int, ...]) -> Tensor:
    """A weight of the axes' shape, so that it is broadcast along the others."""
    shape = [1] * -axes[0]
    for axis, size in zip(axes, weight.shape, strict=True):
        shape[axis] = size
    return weight.reshape(shape)


class Affine(OverFeatures):
    """What normalisations with `gamma` and `beta` share: their arguments and weights."""

    def __init__(
        self,
        center: bool,
        scale: bool,
        weights: dict[str, WeightOptions],
        /,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.center, self.scale = center, scale
        self.keep_options(**weights)
        self.gamma: Tensor | None = None
        self.beta: Tensor | None = None

    def _add_affine(self, shape: Sequence[int]) -> None:
        if self.scale:
            self.gamma = self.add_kept("gamma", shape)
        if self.center:
            self.beta = self.add_kept("beta", shape)


class LayerNormalization(Affine):
    """Each step's features to mean 0 and variance 1, then scaled and shifted by weights.

    gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the features of one
    step. Shapes stay as they are: Ragged (batch, steps*, *feature), on real steps only; dense
    (batch, ..., feature). Empty sequences stay empty.

    Args:
        axis: the feature axis or axes, as Keras counts them: -1 the last, of a Ragged never 0 or 1.
        epsilon: added to the variance.
        center: whether there is `beta`.
        scale: whether there is `gamma`.
        beta_initializer: of `beta`, in the shape of the axes.
        gamma_initializer: of `gamma`, likewise.
        beta_regularizer: a penalty on `beta`, as "l2".
        gamma_regularizer: a penalty on `gamma`.
        beta_constraint: applied to `beta` after every update.
        gamma_constraint: applied to `gamma` after every update.
        rms_scaling: Keras's older word: features are divided by their deviation, but their mean is
            left in them, and there is `gamma` alone. Division by the root mean square is
            `RMSNormalization`'s.

    Raises:
        ValueError: an axis is the batch or a Ragged's time, outside of the input, or of no known
            size.

    From Ba et al. (2016), Layer Normalization.

    Example:
        >>> x = Ragged.from_list([[[1., 3.]], [[0., 8.], [5., 5.]]])
        >>> LayerNormalization()(x).values.detach().round(decimals=2)
        tensor([[-1.,  1.], [-1.,  1.], [ 0.,  0.]])
    """

    def __init__(
        self,
        axis: Axes = -1,
        epsilon: NotNegative = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            center,
            scale,
            weight_options(locals(), "beta", "gamma"),
            **kwargs,
        )
        self.axis = checked_axis(axis, self.who)
        self.epsilon = epsilon
        self.rms_scaling = rms_scaling

    def build(self, spec: Spec) -> None:
        self._over = self._from_last(spec)
        if self.rms_scaling:
            self.gamma = self.add_kept("gamma", self._sizes(spec))
        else:
            self._add_affine(self._sizes(spec))

    def on_values(self, values: Tensor) -> Tensor:
        over = self._over
        if self.rms_scaling and self.gamma is not None:
            values = in_float32(values)
            variance = values.var(over, correction=0, keepdim=True)
            return values * torch.rsqrt(variance + self.epsilon) * beside(self.gamma, over)
        if over == (-1,) and values.shape[-1] >= _WIDE:
            return kernels.normalize(values, self.gamma, self.beta, None, 1, True, self.epsilon)
        if trailing(over):
            sizes = values.shape[-len(over) :]
            return F.layer_norm(values, sizes, self.gamma, self.beta, self.epsilon)
        values = standardised(values, over, self.epsilon)
        if self.gamma is not None:
            values = values * beside(self.gamma, over)
        return values if self.beta is None else values + beside(self.beta, over)


class RMSNormalization(OverFeatures):
    """Each step's features divided by their root mean square, then scaled by a weight.

    scale x / sqrt(mean(x^2) + epsilon), over the features of one step. Shapes stay as they are:
    Ragged (batch, steps*, *feature), on real steps only; dense (batch, ..., feature). Empty
    sequences stay empty.

    Args:
        axis: the feature axis or axes, as LayerNormalization's.
        epsilon: added to the mean square.

    Raises:
        ValueError: as LayerNormalization.

    From Zhang and Sennrich (2019), Root Mean Square Layer Normalization.

    Example:
        >>> x = Ragged.from_list([[[3., 3.]], [[0., 4.], [1., -1.]]])
        >>> RMSNormalization()(x).values.detach().round(decimals=2)
        tensor([[ 1.0000,  1.0000], [ 0.0000,  1.4100], [ 1.0000, -1.0000]])
    """

    def __init__(
        self, axis: Axes = -1, epsilon: NotNegative = 1e-6, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.axis = checked_axis(axis, self.who)
        self.epsilon = epsilon

    def build(self, spec: Spec) -> None:
        self._over = self._from_last(spec)
        self.scale = self.add_weight("scale", self._sizes(spec), "ones")

    def on_values(self, values: Tensor) -> Tensor:
        over = self._over
        if over == (-1,):
            return kernels.normalize(values, self.scale, None, None, 1, False, self.epsilon)
        if trailing(over):
            return F.rms_norm(values, values.shape[-len(over) :], self.scale, self.epsilon)
        values = in_float32(values)
        square = values.square().mean(over, keepdim=True)
        return values * torch.rsqrt(square + self.epsilon) * beside(self.scale, over)


class UnitNormalization(OverFeatures):
    """Each step's features divided by their length, so that it is 1; zeros stay zeros.

    Shapes stay as they are: Ragged (batch, steps*, *feature), on real steps only; dense
    (batch, ..., feature). Empty sequences stay empty.

    Args:
        axis: the feature axis or axes, as LayerNormalization's.

    Raises:
        ValueError: as LayerNormalization.

    Example:
        >>> x = Ragged.from_list([[[3., 4.]], [[0., 0.], [5., 0.]]])
        >>> UnitNormalization()(x).values.tolist()
        [[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]]
    """

    def __init__(self, axis: Axes = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = checked_axis(axis, self.who)

    def build(self, spec: Spec) -> None:
        self._over = self._from_last(spec)

    def made_for(self, spec: Spec) -> Any:
        return self._from_last(spec)

    def on_values(self, values: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(values, dim=self._over, keepdim=True)
        return values / length.clamp_min(1e-12)
