"""GroupNormalization: each sequence by its own steps, a group of features at a time."""

from __future__ import annotations

import math
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments
from ...arguments import NotNegative
from ...core.axes import axes_of
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.weight_options import weight_options
from ...ragged import Layout, Ragged
from ...ragged.reductions import in_another_s_hands, segment_mean, spread
from .features import Affine, in_float32, standardised

# Statistics are over what lies before, within and behind a group.
_WITHIN = (1, 3, 4)


class GroupNormalization(Affine):
    """Groups of features of each sequence to mean 0 and variance 1, then scaled and shifted.

    gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over all real steps of
    the sequence and the features of the group: what Keras computes on the sequence alone. (On a
    padded batch Keras's statistics count the padding.) Shapes stay as they are: Ragged (batch,
    steps*, *feature); dense (batch, ..., feature), where statistics are over a row. Empty
    sequences stay empty.

    Args:
        groups: into how many groups the features are divided; -1 is one for each feature.
        axis: the feature axis that is divided, as Keras counts: -1 the last, of a Ragged never 1.
        epsilon: added to the variance.
        center: whether there is `beta`.
        scale: whether there is `gamma`.
        beta_initializer: of `beta` (feature,).
        gamma_initializer: of `gamma` (feature,).
        beta_regularizer: a penalty on `beta`, as "l2".
        gamma_regularizer: a penalty on `gamma`.
        beta_constraint: applied to `beta` after every update.
        gamma_constraint: applied to `gamma` after every update.

    Raises:
        ValueError: the features cannot be divided into so many groups; the axis is the batch, a
            Ragged's time, outside of the input, or of no known size.

    From Wu and He (2018), Group Normalization.

    Example:
        >>> x = Ragged.from_list([[[0., 5.], [2., 7.]], [[9., 9.]]])
        >>> GroupNormalization(groups=2)(x).values.detach().round(decimals=2)
        tensor([[-1., -1.], [ 1.,  1.], [ 0.,  0.]])
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: NotNegative = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            center,
            scale,
            weight_options(locals(), "beta", "gamma"),
            **kwargs,
        )
        if groups != -1 and groups < 1:
            what = "a positive integer, or -1 for one group a feature"
            raise arguments.wrong(self.who, "groups", what, groups)
        self.groups, self.epsilon = groups, epsilon
        self.axis = axis

    def output_spec(self, spec: Spec) -> Spec:
        (size,) = self._sizes(spec)
        if self.groups != -1 and size % self.groups:
            raise ValueError(
                f"{self.who}: {size} features cannot be divided into {self.groups} groups of equal "
                "size. Choose groups so that it divides the features; -1 is one group a feature."
            )
        return spec

    def _axes(self, spec: Spec) -> list[int]:
        axes = axes_of(self.axis, spec, self.who)
        if axes[0] < (2 if spec.ragged else 1):
            raise ValueError(
                f"{self.who}: axis={self.axis} is no feature axis of {spec}. Use axis=-1 on inputs "
                "with a feature axis; sequences of numbers get one by x[..., None]."
            )
        return axes

    def build(self, spec: Spec) -> None:
        (self._at,) = self._from_last(spec)
        (size,) = self._sizes(spec)
        self._add_affine((size,))

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The inputs, normalised sequence by sequence."""
        values = inputs.values if isinstance(inputs, Ragged) else inputs
        at = values.ndim + self._at
        groups = values.shape[at] if self.groups == -1 else self.groups
        before, after = math.prod(values.shape[1:at]), math.prod(values.shape[at + 1 :])
        grouped = values.reshape(values.shape[0], before, groups, values.shape[at] // groups, after)
        layout = inputs.layout if isinstance(inputs, Ragged) else None
        normal = _normalised(grouped, layout, self.epsilon).reshape(values.shape)
        if self.gamma is not None:
            normal = normal * self._beside(self.gamma)
        if self.beta is not None:
            normal = normal + self._beside(self.beta)
        return inputs.with_values(normal) if isinstance(inputs, Ragged) else normal

    def _beside(self, weight: Tensor) -> Tensor:
        return weight.reshape(-1, *(1,) * (-self._at - 1))


def _normalised(x: Tensor, layout: Layout | None, epsilon: float) -> Tensor:
    """(rows, before, groups, size, after) by the mean and variance of each sequence's groups."""
    if layout is None:
        return standardised(x, _WITHIN, epsilon)
    x = in_float32(x)
    plain = type(x) in (Tensor, torch.nn.Parameter) and not in_another_s_hands()
    if plain and x.requires_grad and torch.is_grad_enabled():
        return _Normalised.apply(x, layout, epsilon)
    return _by_groups(x, layout, epsilon)[0]


def _by_groups(x: Tensor, layout: Layout, epsilon: float) -> tuple[Tensor, Tensor]:
    """The normalised values, and by what was divided."""
    x = x - _means(x, layout)
    scale = torch.rsqrt(_means(x * x, layout) + epsilon)
    return x * scale, scale


class _Normalised(torch.autograd.Function):
    """With the derivative in its own words: torch's takes twice the passes over the values."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layout: Layout, epsilon: float) -> Tensor:
        normal, scale = _by_groups(x, layout, epsilon)
        ctx.layout, ctx.epsilon = layout, epsilon
        ctx.save_for_backward(x, normal, scale)
        return normal

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        (d,), (x, normal, scale) = gradients, ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody differentiates it again
            again = _by_groups(x, ctx.layout, ctx.epsilon)[0]
            return torch.autograd.grad(again, x, d, create_graph=True)[0], None, None
        d = d.contiguous()
        shift, slope = _means(d, ctx.layout), _means(d * normal, ctx.layout)
        d = (d - shift).addcmul_(normal, slope, value=-1)
        return d.mul_(scale), None, None


def _means(x: Tensor, layout: Layout) -> Tensor:
    """The mean over each sequence's groups, beside every value of them."""
    # Over the steps first: then next to nothing is left to go through by small groups.
    rows = segment_mean(x, layout)
    return spread(rows.mean(_WITHIN, keepdim=True).expand(rows.shape).contiguous(), layout)
