"""Keras's initialisers, by name or as objects: called with a shape, they give a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from .. import arguments
from ..arguments import AboveZero, NotNegative, Seed
from ..configured import Configured, from_dict
from ..errors import look_up
from ..kernels import own_threads
from ..ragged.numbers import HALF, as_tensor

_Initializer = Callable[[Sequence[int], torch.dtype], Tensor]


class Initializer(Configured):
    """Fills a tensor of a given shape. With a seed, each call gives the same numbers.

    Attributes are the arguments, so that one can be pickled, shown and made again. A class of
    one's own overrides `fill`, or, as in Keras, `__call__`.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
    """

    def __init__(self, seed: Seed = None) -> None:
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of this shape and type."""
        generator = None
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            dtype = dtype or torch.get_default_dtype()
            # Half precision is drawn in float32: the same numbers, rounded, of every distribution.
            drawn = torch.float32 if dtype in HALF else dtype
            return self.fill(torch.empty(tuple(shape), dtype=drawn), generator).to(dtype)

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        """Fills the tensor in place and gives it back."""
        raise NotImplementedError

    def clone(self) -> Initializer:
        """The same initialiser made anew, by way of `get_config`."""
        return self.from_config(self.get_config())


class Constant(Initializer):
    """Every entry is `value`; or the entries are those of `value`, an array: a table of vectors.

    Args:
        value: a number, or an array that the shape asked for can hold.

    Example:
        >>> table = np.array([[0., 0.], [.5, 1.]])
        >>> layer = unpad.layers.Embedding(2, 2, unpad.initializers.Constant(table))
        >>> layer(torch.tensor([[1]]))
        tensor([[[0.5000, 1.0000]]], grad_fn=<EmbeddingBackward0>)
    """

    def __init__(self, value: Any = 0.0) -> None:
        super().__init__()
        self.value = value

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        value = as_tensor(self.value, "Constant")
        try:
            return tensor.copy_(value)
        except RuntimeError:
            raise ValueError(
                f"Constant: expected an array of the weight's shape {tuple(tensor.shape)}, got "
                f"{tuple(value.shape)}."
            ) from None


class Zeros(Constant):
    """Every entry is 0."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Every entry is 1."""

    def __init__(self) -> None:
        super().__init__(1.0)


class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`.

    Args:
        minval: the least that is drawn.
        maxval: what is drawn is below it.
        seed: of the numbers that are drawn; None draws from torch's generator.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        if minval > maxval:
            what = f"a number from minval, which is {minval}"
            raise arguments.wrong("RandomUniform", "maxval", what, maxval)
        self.minval, self.maxval = minval, maxval

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        return tensor.uniform_(self.minval, self.maxval, generator=generator)


class RandomNormal(Initializer):
    """Normal with this mean and standard deviation.

    Args:
        mean: of what is drawn.
        stddev: the standard deviation.
        seed: of the numbers that are drawn; None draws from torch's generator.
    """

    def __init__(self, mean: float = 0.0, stddev: NotNegative = 0.05, seed: Seed = None) -> None:
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

    Args:
        scale: of the variance.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: each call gives the same numbers.
        input_axes: the weight's axes that make up the fan in; by default all but the last, as in
            a convolution's kernel.
        output_axes: those that make up the fan out. Both are given, or neither.
    """

    def __init__(
        self,
        scale: AboveZero = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        who = type(self).__name__
        self.input_axes = arguments.axes(who, "input_axes", input_axes, or_none=True)
        self.output_axes = arguments.axes(who, "output_axes", output_axes, or_none=True)
        look_up("VarianceScaling", "mode", mode, _FANS)
        look_up("VarianceScaling", "distribution", distribution, dict.fromkeys(_DISTRIBUTIONS))
        self.distribution = distribution

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        scale = self.scale / max(1.0, _FANS[self.mode](*self._fans(tensor.shape)))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return tensor.uniform_(-limit, limit, generator=generator)
        if self.distribution == "untruncated_normal":
            return tensor.normal_(0.0, math.sqrt(scale), generator=generator)
        # A normal cut at two standard deviations has .8796 of the spread; made up for, as in Keras.
        spread = math.sqrt(scale) / 0.87962566103423978
        return TruncatedNormal(0.0, spread).fill(tensor, generator)

    def _fans(self, shape: Sequence[int]) -> tuple[float, float]:
        if self.input_axes is None or self.output_axes is None:
            return _fans(shape)
        fan_in, fan_out = (
            math.prod(shape[a] for a in axes) for axes in (self.input_axes, self.output_axes)
        )
        return float(fan_in), float(fan_out)


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
    """Glorot and Bengio (2010): uniform, by the mean of both fans.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
        input_axes: axes whose sizes are the fan in; by default the last but one, and a window's.
        output_axes: axes whose sizes are the fan out; by default the last, and a window's.
    """

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Glorot and Bengio (2010): normal, by the mean of both fans.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
        input_axes: axes whose sizes are the fan in; by default the last but one, and a window's.
        output_axes: axes whose sizes are the fan out; by default the last, and a window's.
    """

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """He et al. (2015): uniform, by the fan in.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
        input_axes: axes whose sizes are the fan in; by default the last but one, and a window's.
        output_axes: axes whose sizes are the fan out; by default the last, and a window's.
    """

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """He et al. (2015): normal, by the fan in.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
        input_axes: axes whose sizes are the fan in; by default the last but one, and a window's.
        output_axes: axes whose sizes are the fan out; by default the last, and a window's.
    """

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """LeCun et al. (1998): uniform, by the fan in.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
        input_axes: axes whose sizes are the fan in; by default the last but one, and a window's.
        output_axes: axes whose sizes are the fan out; by default the last, and a window's.
    """

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """LeCun et al. (1998): normal, by the fan in.

    Args:
        seed: of the numbers that are drawn; None draws from torch's generator.
        input_axes: axes whose sizes are the fan in; by default the last but one, and a window's.
        output_axes: axes whose sizes are the fan out; by default the last, and a window's.
    """

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class Orthogonal(Initializer):
    """A random orthogonal matrix times `gain`: Saxe et al. (2013).

    Args:
        gain: what the matrix is multiplied by.
        seed: of the numbers that are drawn; None draws from torch's generator.
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        if tensor.ndim < 2:
            raise ValueError(
                f"Orthogonal: expected a weight of two axes or more, got {tuple(tensor.shape)}."
            )
        # Keras takes all axes but the last as rows; torch would take the first alone.
        rows = tensor.view(-1, tensor.shape[-1])
        # The last bits of torch's QR depend on how many threads it has.
        with own_threads():
            torch.nn.init.orthogonal_(rows, self.gain, generator=generator)
        return tensor


class Identity(Initializer):
    """The identity matrix times `gain`.

    Args:
        gain: what the matrix is multiplied by.
    """

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> Tensor:
        if tensor.ndim != 2:
            raise ValueError(f"Identity: expected a matrix, got {tuple(tensor.shape)}.")
        return torch.nn.init.eye_(tensor).mul_(self.gain)


#: Keras's names in lower case.
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
variance_scaling, orthogonal = VarianceScaling, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

_BY_NAME: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "random_uniform": RandomUniform,
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
# The class's own name works as well, and what older scripts say.
_BY_NAME |= {made.__name__: made for made in _BY_NAME.values()}
_BY_NAME |= {
    "zero": Zeros,
    "one": Ones,
    "uniform": RandomUniform,
    "normal": RandomNormal,
    "OrthogonalInitializer": Orthogonal,
    "IdentityInitializer": Identity,
}


def get(initializer: Any, who: str = "initializers.get") -> _Initializer:
    """The initialiser of this name, or the one given: any callable of (shape, dtype).

    Args:
        initializer: a name, an initialiser, its class, a callable, an array that holds the
            weight's first value, or Keras's {"class_name": ..., "config": {...}}.
        who: named in errors.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if (described := from_dict(who, "initializer", initializer, _BY_NAME)) is not None:
        return described
    if isinstance(initializer, str):
        return look_up(who, "initializer", initializer, _BY_NAME)()
    if isinstance(initializer, type) and issubclass(initializer, Initializer):
        return initializer()
    if isinstance(initializer, (Tensor, np.ndarray)):
        return Constant(initializer)
    if not callable(initializer):
        raise ValueError(f"{who}: expected an initializer's name or callable, got {initializer!r}.")
    return cast(_Initializer, initializer)
