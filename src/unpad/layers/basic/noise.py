"""Noise in training: GaussianNoise, GaussianDropout and AlphaDropout."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Unpack

from torch import Tensor

from ...arguments import Rate, Seed, Share
from ...core.lifting import lift
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.token_wise import TokenWise
from ...ragged import Ragged
from ...ragged.batch import values_of
from . import noise_shape as shapes
from .dropout import Draw


class GaussianNoise(TokenWise):
    """In training, adds normal noise to every entry of every real step; else does nothing.

    Shapes stay as they are; empty sequences stay empty. Padding changes no draw.

    Args:
        stddev: standard deviation of the noise, from 0 to 1.
        seed: of a generator of the layer's own; by default torch's.

    Raises:
        ValueError: stddev is not from 0 to 1.

    Example:
        >>> x = Ragged.from_list([[[1.], [2.]], [[3.]]])
        >>> noisy = GaussianNoise(0.1)(x, training=True)
        >>> bool(((noisy - x).values != 0).all())
        True
    """

    def __init__(self, stddev: Share, seed: Seed = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed
        self._draw = Draw(seed)

    def on_values(self, values: Tensor) -> Tensor:
        if not self.training or self.stddev == 0:
            return values
        return values + self._draw.normal(tuple(values.shape), 0.0, self.stddev, values)


class GaussianDropout(TokenWise):
    """In training, multiplies every entry by normal noise around 1; else does nothing.

    The noise has the variance of Dropout's, rate / (1 - rate). Shapes stay as they are; empty
    sequences stay empty. Padding changes no draw.

    Args:
        rate: as Dropout's, from 0 and below 1, where the variance would be infinite.
        seed: of a generator of the layer's own; by default torch's.

    Raises:
        ValueError: the rate is none.

    From Srivastava et al. (2014), Dropout, section 10.

    Example:
        >>> x = Ragged.from_list([[[1.], [2.]], [[3.]]])
        >>> GaussianDropout(0.5)(x, training=False).values.flatten().tolist()
        [1.0, 2.0, 3.0]
    """

    def __init__(self, rate: Rate, seed: Seed = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self._draw = Draw(seed)

    def on_values(self, values: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return values
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return values * self._draw.normal(tuple(values.shape), 1.0, stddev, values)


# What `selu` tends to far below 0: -alpha * scale, from Klambauer et al. (2017).
_FLOOR = -1.6732632423543772 * 1.0507009873554805


class AlphaDropout(TokenWise):
    """In training, sets entries to what `selu` tends to, and keeps mean 0 and variance 1.

    Dropout for networks of `selu`: dropped entries become -1.7581, and all are shifted and scaled
    so that inputs of mean 0 and variance 1 stay such. Shapes stay as they are; empty sequences
    stay empty. Padding changes no draw.

    Args:
        rate: share of the entries that are dropped, from 0 and below 1.
        noise_shape: which entries share one draw, as Dropout's.
        seed: of a generator of the layer's own; by default torch's.

    Raises:
        ValueError: the rate is none; noise_shape does not fit the inputs.

    From Klambauer et al. (2017), Self-Normalizing Neural Networks.

    Example:
        >>> x = Ragged.from_list([[[1.], [2.]], [[3.]]])
        >>> AlphaDropout(0.5)(x, training=False).values.flatten().tolist()
        [1.0, 2.0, 3.0]
    """

    def __init__(
        self, rate: Rate, noise_shape: Any = None, seed: Seed = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = shapes.checked(noise_shape, self.who)
        self.seed = seed
        self._draw = Draw(seed)

    def output_spec(self, spec: Spec) -> Spec:
        shapes.check_spec(self.noise_shape, spec, self.who)
        return spec

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The inputs, in training with some entries at selu's floor."""
        if not self.training or self.rate == 0:
            return inputs
        like, rate = values_of(inputs), self.rate
        draw = partial(self._draw.kept, rate=rate, like=like)
        kept = shapes.drawn(self.noise_shape, inputs, draw, self.who)
        # scale * (values where they are kept, else the floor) + shift, without flags: a choice by
        # flags takes six times as long as a product.
        scale = ((1 - rate) * (1 + rate * _FLOOR**2)) ** -0.5
        shift = -scale * _FLOOR * rate
        added = kept * (-scale * _FLOOR) + (scale * _FLOOR + shift)
        factors = kept * scale
        return lift(lambda values: values * factors + added, inputs)
