"""BatchNormalization: each feature by its statistics over the batch's real steps."""

from __future__ import annotations

import math
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments
from ...arguments import NotNegative, Share
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.weight_options import weight_options
from ...errors import refuse, unknown
from ...ranks import Ranks, at_work
from ...weights import initializers
from .features import Affine, in_float32

_BOUNDS = ("rmin", "rmax", "dmax")


class BatchNormalization(Affine):
    """Each feature to mean 0 and variance 1 over the batch's real steps, then scaled and shifted.

    gamma (x - mean) / sqrt(variance + epsilon) + beta. In training mean and variance are those of
    all real steps of the batch, and moving averages of them are kept; else the moving averages are
    used, so that a prediction does not depend on the batch. Padding counts in neither. Where `fit`
    shares a batch among processes, they are those of the whole batch. Shapes stay as they are:
    Ragged (batch, steps*, *feature); dense (batch, ..., feature). Without any step nothing comes
    out, and the moving averages stay.

    With `trainable=False` it uses the moving averages in training too, as Keras does.

    Args:
        axis: the feature axis, as Keras counts: -1 the last, of a Ragged never 0 or 1.
        momentum: of the moving averages: the share that each batch leaves of them.
        epsilon: added to the variance.
        center: whether there is `beta`.
        scale: whether there is `gamma`.
        beta_initializer: of `beta` (feature,).
        gamma_initializer: of `gamma` (feature,).
        moving_mean_initializer: of `moving_mean` (feature,).
        moving_variance_initializer: of `moving_variance` (feature,).
        beta_regularizer: a penalty on `beta`, as "l2".
        gamma_regularizer: a penalty on `gamma`.
        beta_constraint: applied to `beta` after every update.
        gamma_constraint: applied to `gamma` after every update.
        renorm: whether training is corrected towards the moving statistics: what is normalised
            is multiplied by r and d is added, where r is the batch's deviation by the moving one,
            and d how far the batch's mean is from the moving one, in moving deviations; no gradient
            goes through them. The deviations' moving averages are `moving_stddev`, and those that
            correct `renorm_mean` and `renorm_stddev`, (feature,) each.
        renorm_clipping: the bounds of the correction, of r "rmin" and "rmax", of d's size "dmax",
            each where it is wanted; looked at with renorm.
        renorm_momentum: of the averages that correct, as `momentum`.
        synchronized: not supported: `fit` shares the statistics among processes by itself.

    Raises:
        ValueError: the axis is the batch, a Ragged's time, outside of the input, or of no known
            size.

    From Ioffe and Szegedy (2015), Batch Normalization; Ioffe (2017), Batch Renormalization.

    Example:
        >>> layer = BatchNormalization()
        >>> x = Ragged.from_list([[[0.], [4.]], [[2.]]])
        >>> layer(x, training=True).values.flatten().detach().round(decimals=2)
        tensor([-1.2200,  1.2200,  0.0000])
        >>> layer.moving_mean.numpy().round(2)
        array([0.02], dtype=float32)
    """

    moving_mean: Tensor
    moving_variance: Tensor
    moving_stddev: Tensor
    renorm_mean: Tensor
    renorm_stddev: Tensor

    def __init__(
        self,
        axis: int = -1,
        momentum: Share = 0.99,
        epsilon: NotNegative = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: Share = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            center,
            scale,
            weight_options(locals(), "beta", "gamma"),
            **kwargs,
        )
        refuse(self.who, synchronized=synchronized)
        self.synchronized = False
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = renorm_clipping
        self._clipping = _checked_clipping(self.who, renorm_clipping or {}) if renorm else {}
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, self.who)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer, self.who)

    def build(self, spec: Spec) -> None:
        (self._at,) = self._from_last(spec)
        (size,) = self._sizes(spec)
        self._add_affine((size,))
        # Of a half type a mean that moves by a hundredth would hardly move.
        dtype = torch.float32 if self.half_type else self.dtype or torch.get_default_dtype()
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.register_buffer("moving_mean", mean((size,), dtype))
        self.register_buffer("moving_variance", variance((size,), dtype))
        if self.renorm:
            self.register_buffer("moving_stddev", variance((size,), dtype).sqrt())
            self.register_buffer("renorm_mean", mean((size,), dtype))
            self.register_buffer("renorm_stddev", variance((size,), dtype).sqrt())

    def _weights_dtype(self) -> torch.dtype | None:
        mean = self._buffers.get("moving_mean")
        return self.dtype if mean is None else mean.dtype

    def on_values(self, values: Tensor) -> Tensor:
        # torch takes features from axis 1, and all others as one long axis of steps.
        if self._at == -1:
            flat = values.reshape(-1, values.shape[-1])
            return self._normalised(flat).reshape(values.shape)
        return self._normalised(values.movedim(self._at, 1)).movedim(1, self._at)

    def _normalised(self, x: Tensor) -> Tensor:
        """(rows, feature, ...) by the statistics of the batch, or by the moving ones."""
        gamma, beta = (None if w is None else w.to(x.dtype) for w in (self.gamma, self.beta))
        learns, ranks = self.training and self.trainable, at_work()
        if learns and (self.renorm or not ranks.alone):
            values = self._together(in_float32(x), ranks)
            if values is not None:
                shape = (-1, *(1 for _ in x.shape[2:]))
                values = values if gamma is None else values * gamma.view(shape)
                return (values if beta is None else values + beta.view(shape)).to(x.dtype)
        if not learns or not x.numel():
            mean, variance = self.moving_mean, self.moving_variance
            return torch.batch_norm(x, gamma, beta, mean, variance, False, 0.0, self.epsilon, False)
        # With a momentum of 1 torch leaves the batch's own statistics in these.
        mean, variance = torch.zeros_like(self.moving_mean), torch.zeros_like(self.moving_variance)
        x = torch.batch_norm(x, gamma, beta, mean, variance, True, 1.0, self.epsilon, False)
        count = x.numel() // x.shape[1]
        # torch's variance divides by one less than the count, Keras's by the count.
        variance = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
        self._keep(mean, variance)
        return x

    def _together(self, x: Tensor, ranks: Ranks) -> Tensor | None:
        """By the statistics of a batch, also where other processes have a part; None of none."""
        axes, shape = (0, *range(2, x.ndim)), (-1, *(1 for _ in x.shape[2:]))
        count = ranks.sums({"batch_normalization": x.numel() // x.shape[1]})["batch_normalization"]
        if not count:
            return None
        mean = ranks.summed(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = ranks.summed(centred.square().sum(axes)) / count
        values = centred * torch.rsqrt(variance + self.epsilon).view(shape)
        if self.renorm:
            r, d = self._correction(mean.detach(), variance.detach())
            values = values * r.view(shape) + d.view(shape)
        self._keep(mean.detach(), variance.detach())
        return values

    def _correction(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """What the batch's standardised values are multiplied by, and what is added."""
        usual = self.renorm_stddev.clamp_min(self.epsilon**0.5)
        r = (variance + self.epsilon).sqrt() / usual
        d = (mean - self.renorm_mean) / usual
        low, high, most = (self._clipping.get(name) for name in ("rmin", "rmax", "dmax"))
        if low is not None or high is not None:
            r = r.clamp(low, high)
        return r, d if most is None else d.clamp(-most, most)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        self.moving_mean.mul_(self.momentum).add_(mean, alpha=1 - self.momentum)
        if not self.renorm:
            self.moving_variance.mul_(self.momentum).add_(variance, alpha=1 - self.momentum)
            return
        deviation = (variance + self.epsilon).sqrt()
        self.renorm_mean.lerp_(mean, 1 - self.renorm_momentum)
        self.renorm_stddev.lerp_(deviation, 1 - self.renorm_momentum)
        self.moving_stddev.lerp_(deviation, 1 - self.momentum)
        self.moving_variance.copy_((self.moving_stddev**2 - self.epsilon).clamp_min(0))


def _checked_clipping(who: str, clipping: Any) -> dict[str, float]:
    """The bounds of a correction, which a typo would leave out."""
    bounds = {}
    for name, value in arguments.options(who, "renorm_clipping", clipping).items():
        if name not in _BOUNDS:
            raise unknown(f"{who}: renorm_clipping", "bound", name, _BOUNDS)
        if value is not None:
            bounds[name] = arguments.number(who, f"renorm_clipping[{name!r}]", value, 0)
    if bounds.get("rmin", 0) > bounds.get("rmax", math.inf):
        raise ValueError(
            f"{who}: renorm_clipping: rmin={bounds['rmin']:g} is above rmax={bounds['rmax']:g}."
        )
    return bounds
