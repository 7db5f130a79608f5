"""GroupNormalization: each sequence by its own steps, a group of features at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments, kernels
from ...arguments import NotNegative
from ...core.axes import axes_of
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.weight_options import weight_options
from ...ragged import Layout, Ragged
from ...ragged.reductions import (
    in_another_s_hands,
    segment_mean,
    segment_sum,
    spread,
)
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
        if isinstance(inputs, Ragged) and values.ndim == 2 and kernels.serves(values):
            # The library goes through a sequence's steps three times, while they are in the cache.
            offsets = inputs.layout.own.offsets
            return inputs.with_values(
                kernels.normalize(
                    values, self.gamma, self.beta, offsets, groups, True, self.epsilon
                )
            )
        before, after = math.prod(values.shape[1:at]), math.prod(values.shape[at + 1 :])
        grouped = values.reshape(values.shape[0], before, groups, values.shape[at] // groups, after)
        layout = inputs.layout if isinstance(inputs, Ragged) else None
        gamma, beta = (
            None if w is None else w.reshape(1, groups, -1, 1) for w in (self.gamma, self.beta)
        )
        normal = _normalised(grouped, layout, self.epsilon, gamma, beta).reshape(values.shape)
        return inputs.with_values(normal) if isinstance(inputs, Ragged) else normal


def _normalised(
    x: Tensor, layout: Layout | None, epsilon: float, gamma: Tensor | None, beta: Tensor | None
) -> Tensor:
    """(rows, before, groups, size, after) by the mean and variance of each sequence's groups.

    gamma and beta are (1, groups, size, 1).
    """
    if layout is None:
        return _affine(standardised(x, _WITHIN, epsilon), gamma, beta)
    x = in_float32(x)
    given = (x, gamma, beta)
    plain = type(x) in (Tensor, torch.nn.Parameter) and not in_another_s_hands()
    asked = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given)
    if plain and asked and all(t is None or t.dtype is x.dtype for t in given):
        return _Normalised.apply(x, layout, epsilon, gamma, beta)
    return _affine(_by_groups(x, layout, epsilon)[0], gamma, beta)


def _affine(normal: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
    if gamma is not None:
        normal = normal * gamma
    return normal if beta is None else normal + beta


def _by_groups(x: Tensor, layout: Layout, epsilon: float) -> tuple[Tensor, Tensor]:
    """The normalised values, and what each sequence's were multiplied by."""
    x = _with(torch.sub, x, _means(segment_mean(x, layout)), layout)
    scale = torch.rsqrt(_means(segment_mean(x * x, layout)) + epsilon)
    return _with(torch.mul, x, scale, layout), scale


class _Normalised(torch.autograd.Function):
    """With the derivative in its own words: torch's takes three times the passes over the values.

    What flows to gamma and beta are the sums that the values' gradient needs anyway.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, layout: Layout, epsilon: float, gamma: Tensor | None,
        beta: Tensor | None,
    ) -> Tensor:  # fmt: skip
        normal, scale = _by_groups(x, layout, epsilon)
        ctx.layout, ctx.epsilon = layout, epsilon
        ctx.save_for_backward(x, gamma, beta, normal, scale)
        return _affine(normal, gamma, beta)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (d,), layout = gradients, ctx.layout
        x, gamma, beta, normal, scale = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[i] for i in (0, 3, 4)]
        if torch.is_grad_enabled():  # somebody differentiates it again
            again = _affine(_by_groups(x, layout, ctx.epsilon)[0], gamma, beta)
            asked = [t for t, w in zip((x, gamma, beta), wanted, strict=True) if w]
            found = iter(torch.autograd.grad(again, asked, d, create_graph=True))
            of_x, of_gamma, of_beta = (next(found) if w else None for w in wanted)
            return of_x, None, None, of_gamma, of_beta
        d = d.contiguous()
        sums, with_normal = segment_sum(d, layout), segment_sum(d * normal, layout)
        over = (0, 1, 4)  # what gamma and beta are the same for
        of_gamma = with_normal.sum(over).reshape(gamma.shape) if wanted[1] else None
        of_beta = sums.sum(over).reshape(beta.shape) if wanted[2] else None
        if not wanted[0]:
            return None, None, None, of_gamma, of_beta
        counts = layout.own.lengths.clamp(min=1).to(d.dtype).reshape(-1, 1, 1, 1, 1)
        slope = scale
        if gamma is not None:
            sums, with_normal, slope = sums * gamma, with_normal * gamma, scale * gamma
        shift, turn = (_means(s / counts) * scale for s in (sums, with_normal))
        d = _with(torch.mul, d, slope, layout)
        d = _with(Tensor.sub_, d, shift, layout).sub_(_with(torch.mul, normal, turn, layout))
        return d, None, None, of_gamma, of_beta


def _means(rows: Tensor) -> Tensor:
    """The mean over each group, beside every one of its values: (batch, ...) as it is."""
    # Of sums over the steps: next to nothing is left to go through by small groups.
    return rows.mean(_WITHIN, keepdim=True).expand(rows.shape).contiguous()


def _with(
    function: Callable[[Tensor, Tensor], Tensor], x: Tensor, rows: Tensor, layout: Layout
) -> Tensor:
    """A function of the steps and of the row of the sequence that each belongs to."""
    equal = layout.own.equal
    if not equal:
        return function(x, spread(rows, layout))
    # The same numbers, and nobody writes a row down for each step.
    grid = x.reshape(layout.batch, equal, *x.shape[1:])
    return function(grid, rows.unsqueeze(1)).reshape(x.shape)
