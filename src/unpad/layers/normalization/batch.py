"""BatchNormalization: each feature by its statistics over the batch's real steps."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import NotNegative, Share
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.weight_options import weight_options
from ...errors import refuse
from ...ranks import Ranks, at_work
from ...weights import initializers
from .features import Affine, in_float32


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
        renorm: not supported.
        renorm_clipping: not supported.
        renorm_momentum: goes with renorm, hence not supported either.
        synchronized: not supported.

    Raises:
        ValueError: the axis is the batch, a Ragged's time, outside of the input, or of no known
            size.

    From Ioffe and Szegedy (2015), Batch Normalization.

    Example:
        >>> layer = BatchNormalization()
        >>> x = Ragged.from_list([[[0.], [4.]], [[2.]]])
        >>> layer(x, training=True).values.flatten().detach().round(decimals=2)
        tensor([-1.2200,  1.2200,  0.0000])
        >>> layer.moving_mean
        tensor([0.0200])
    """

    moving_mean: Tensor
    moving_variance: Tensor

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
        renorm_clipping: Any = None,
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
        refuse(
            self.who,
            renorm=renorm,
            renorm_clipping=renorm_clipping,
            renorm_momentum=None if renorm_momentum == 0.99 else renorm_momentum,
            synchronized=synchronized,
        )
        self.renorm, self.renorm_clipping, self.renorm_momentum = False, None, 0.99
        self.synchronized = False
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, self.who)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer, self.who)

    def build(self, spec: Spec) -> None:
        (self._at,) = self._from_last(spec)
        (size,) = self._sizes(spec)
        self._add_affine((size,))
        # Of a half type a mean that moves by a hundredth would hardly move.
        dtype = torch.float32 if self.half_type else self.dtype or torch.get_default_dtype()
        self.register_buffer("moving_mean", self.moving_mean_initializer((size,), dtype))
        self.register_buffer("moving_variance", self.moving_variance_initializer((size,), dtype))

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
        if learns and not ranks.alone:
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
        """By the statistics of a batch of which other processes have the rest; None of none."""
        axes, shape = (0, *range(2, x.ndim)), (-1, *(1 for _ in x.shape[2:]))
        count = ranks.sums({"batch_normalization": x.numel() // x.shape[1]})["batch_normalization"]
        if not count:
            return None
        mean = ranks.summed(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = ranks.summed(centred.square().sum(axes)) / count
        self._keep(mean.detach(), variance.detach())
        return centred * torch.rsqrt(variance + self.epsilon).view(shape)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        self.moving_mean.mul_(self.momentum).add_(mean, alpha=1 - self.momentum)
        self.moving_variance.mul_(self.momentum).add_(variance, alpha=1 - self.momentum)
