"""Keras's initialisers, by name or as objects: called with a shape, they give a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import look_up

_Initializer = Callable[[Sequence[int], torch.dtype], Tensor]


class Initializer:
    """Fills a tensor of a given shape. With a seed, each call gives the same numbers."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of this shape and type."""
        generator = None
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            tensor = torch.empty(*shape, dtype=dtype or torch.get_default_dtype())
            return self.fill(tensor, generator)

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        """Fills the tensor in place and gives it back."""
        raise NotImplementedError

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({options})"


class Constant(Initializer):
    """Every entry is `value`."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = value

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        return tensor.fill_(self.value)


class Zeros(Constant):
    """Every entry is 0."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Every entry is 1."""

    def __init__(self) -> None:
        super().__init__(1.0)


class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        return tensor.uniform_(self.minval, self.maxval, generator=generator)


class RandomNormal(Initializer):
    """Normal with this mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        return tensor.normal_(self.mean, self.stddev, generator=generator)


class TruncatedNormal(RandomNormal):
    """Normal, drawn again beyond two standard deviations."""

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        low, high = self.mean - 2 * self.stddev, self.mean + 2 * self.stddev
        return torch.nn.init.trunc_normal_(
            tensor, self.mean, self.stddev, low, high, generator=generator
        )


class VarianceScaling(Initializer):
    """Random with a variance of `scale` over the fan, as Keras computes the fan from (in, out).

    Glorot and Bengio (2010), He et al. (2015) and LeCun et al. (1998) are settings of it.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        look_up("VarianceScaling", "mode", mode, _FANS)
        look_up("VarianceScaling", "distribution", distribution, dict.fromkeys(_DISTRIBUTIONS))
        self.distribution = distribution

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        scale = self.scale / max(1.0, _FANS[self.mode](*_fans(tensor.shape)))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return tensor.uniform_(-limit, limit, generator=generator)
        if self.distribution == "untruncated_normal":
            return tensor.normal_(0.0, math.sqrt(scale), generator=generator)
        # A normal cut at two standard deviations has .8796 of the spread; made up for, as in Keras.
        spread = math.sqrt(scale) / 0.87962566103423978
        return TruncatedNormal(0.0, spread).fill(tensor, generator)


_FANS: dict[str, Callable[[float, float], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}


_DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")


def _fans(shape: Sequence[int]) -> tuple[float, float]:
    if len(shape) < 2:
        n = float(shape[0]) if shape else 1.0
        return n, n
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)


class GlorotUniform(VarianceScaling):
    """Glorot and Bengio (2010): uniform, by the mean of both fans."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Glorot and Bengio (2010): normal, by the mean of both fans."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """He et al. (2015): uniform, by the fan in."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """He et al. (2015): normal, by the fan in."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """LeCun et al. (1998): uniform, by the fan in."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """LeCun et al. (1998): normal, by the fan in."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class Orthogonal(Initializer):
    """A random orthogonal matrix times `gain`: Saxe et al. (2013)."""

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        # Keras takes all axes but the last as rows; torch would take the first alone.
        torch.nn.init.orthogonal_(tensor.view(-1, tensor.shape[-1]), self.gain, generator=generator)
        return tensor


class Identity(Initializer):
    """The identity matrix times `gain`."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.nn.init.eye_(tensor).mul_(self.gain)


_BY_NAME: dict[str, Callable[[], Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "uniform": RandomUniform,
    "random_uniform": RandomUniform,
    "normal": RandomNormal,
    "random_normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
    "identity": Identity,
}


def get(initializer: Any, who: str = "initializers.get") -> _Initializer:
    """The initialiser of this name, or the one given: any callable of (shape, dtype).

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if isinstance(initializer, str):
        return look_up(who, "initializer", initializer, _BY_NAME)()
    if isinstance(initializer, type) and issubclass(initializer, Initializer):
        return initializer()
    if not callable(initializer):
        raise ValueError(f"{who}: expected an initializer's name or callable, got {initializer!r}.")
    return cast(_Initializer, initializer)
