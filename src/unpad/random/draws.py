"""Draws from distributions, by Keras's names; on a Ragged each step, or each sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..core.lifting import lift
from ..docstrings import complete
from ..ops.kinds import of_batches
from ..ops.own_time import of_steps
from ..ops.types import as_type, tensor
from ..ragged import Ragged
from ..ragged.reductions import spread
from .seed_generator import generator_of

Shape = Sequence[int]


def _kind(dtype: Any) -> torch.dtype:
    return as_type(dtype, "random") or torch.get_default_dtype()


@of_steps
def normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draws from the normal distribution.

    Example:
        >>> torch.equal(normal((2, 3), seed=5), normal((2, 3), seed=5))
        True
    """
    return torch.normal(
        float(mean), float(stddev), tuple(shape), generator=generator_of(seed), dtype=_kind(dtype)
    )


@of_steps
def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draws from the normal distribution without what is two deviations or more from the mean."""
    drawn = normal((*shape, 4), dtype=dtype, seed=seed)
    # The first of four that lies within; that none does happens once in 200,000.
    within = (drawn.abs() < 2).to(torch.int8).argmax(-1, keepdim=True)
    return drawn.gather(-1, within).squeeze(-1) * stddev + mean


@of_steps
def uniform(
    shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draws between two numbers, the upper one never."""
    drawn = torch.rand(tuple(shape) or (1,), generator=generator_of(seed), dtype=_kind(dtype))
    drawn = (maxval - minval) * drawn + minval
    return drawn if len(shape) else drawn[0]


@of_steps
def randint(
    shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None
) -> Tensor:
    """Draws integers from minval to below maxval."""
    return torch.randint(
        int(minval), int(maxval), tuple(shape), generator=generator_of(seed), dtype=_kind(dtype)
    )


@of_batches
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Draws classes, each row of logits so many times; of a Ragged each step."""

    def drawn(rows: Tensor) -> Tensor:
        shares = torch.softmax(rows, -1)
        found = torch.multinomial(
            shares, num_samples, replacement=True, generator=generator_of(seed, rows.device)
        )
        return found.to(_kind(dtype))

    return lift(drawn, logits if isinstance(logits, Ragged) else tensor(logits))


@of_batches
def dropout(
    inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None
) -> Any:
    """The inputs with a share of 0, the others larger by as much."""
    if rate == 0:
        return inputs
    if not isinstance(inputs, Ragged):
        x = tensor(inputs)
        return _dropped(x, rate, _sizes(noise_shape, x.shape), seed)
    if noise_shape is None:
        return lift(lambda v: _dropped(v, rate, v.shape, seed), inputs)
    batch, time, *rest = _sizes(noise_shape, (len(inputs), -1, *inputs.feature))
    values = inputs.values
    if time == -1:
        return inputs.with_values(_dropped(values, rate, (len(values), *rest), seed))
    kept = _dropped(torch.ones(batch, *rest, dtype=values.dtype), rate, (batch, *rest), seed)
    return inputs.with_values(
        values * spread(kept.expand(len(inputs), *kept.shape[1:]), inputs.layout)
    )


def _sizes(noise_shape: Sequence[int | None] | None, full: Sequence[int]) -> Sequence[int]:
    if noise_shape is None:
        return full
    return [n if m is None else m for m, n in zip(noise_shape, full, strict=True)]


def _dropped(x: Tensor, rate: float, drawn: Sequence[int], seed: Any) -> Tensor:
    if rate == 1:
        return torch.zeros_like(x)
    if seed is None and tuple(drawn) == tuple(x.shape):
        return torch.nn.functional.dropout(x, rate)
    chance = torch.full(tuple(drawn), 1 - rate, device=x.device)
    kept = torch.bernoulli(chance, generator=generator_of(seed, x.device)).bool()
    return torch.where(kept, x / (1 - rate), 0)


@of_batches
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The entries of an axis in another order; of a Ragged its sequences, or with axis 1 the steps.

    Along a later axis each row has an order of its own.
    """
    if not isinstance(x, Ragged):
        x = tensor(x)
        lead = x.shape[: axis + 1]
        order = torch.rand(tuple(lead), generator=generator_of(seed)).argsort(axis)
        order = order.reshape(*lead, *(1,) * (x.ndim - axis - 1)).expand(x.shape)
        return x.gather(axis, order)
    if axis == 0:
        return x[torch.rand(len(x), generator=generator_of(seed)).argsort()]
    if axis == 1 and x.levels == 1:
        chance = torch.rand(len(x.values), generator=generator_of(seed), dtype=torch.float64)
        return x.with_values(x.values[(chance + x.sequence_ids).argsort()])
    raise ValueError(f"shuffle: expected axis 0 or 1 of a Ragged, got {axis}.")


def _sampled(made: Callable[[], torch.distributions.Distribution], dtype: Any, seed: Any) -> Tensor:
    """A draw of torch's distributions, which take no generator."""
    generator = generator_of(seed)
    with torch.random.fork_rng(devices=[], enabled=generator is not None):
        if generator is not None:
            torch.manual_seed(generator.initial_seed())
        return made().sample().to(_kind(dtype))


def _spread_over(shape: Shape, *xs: Any) -> list[Tensor]:
    return [tensor(x).to(torch.get_default_dtype()).expand(tuple(shape)) for x in xs]


@of_steps
def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draws from the gamma distribution of this shape parameter, and scale 1."""
    a, one = _spread_over(shape, alpha, 1.0)
    return _sampled(lambda: torch.distributions.Gamma(a, one), dtype, seed)


@of_steps
def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draws from the beta distribution."""
    a, b = _spread_over(shape, alpha, beta)
    return _sampled(lambda: torch.distributions.Beta(a, b), dtype, seed)


@of_steps
def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draws how many of so many trials succeed."""
    n, p = _spread_over(shape, counts, probabilities)
    return _sampled(lambda: torch.distributions.Binomial(n, p), dtype, seed)


_ARGUMENTS = {
    "mean": "of the distribution.",
    "stddev": "the standard deviation.",
    "logits": "(batch, classes), or sequences of classes.",
    "num_samples": "draws of a row.",
    "inputs": "a batch.",
    "rate": "the share, from 0 to 1.",
    "noise_shape": """what is drawn, counted as in the grid, and repeated along axes of size 1; None
        is the inputs' size. (None, 1, None) draws for a sequence's features, not its steps.""",
    "x": "a tensor, an array or a Ragged.",
    "axis": "along which parts are mixed.",
    "alpha": "the shape parameter, a number or a tensor.",
    "beta": "the other shape parameter.",
    "counts": "how many trials, a number or a tensor.",
    "probabilities": "of success.",
    "shape": """of what is drawn, a tuple of sizes; 0 is legal and gives nothing. That of a
        Ragged, ops.shape(x), gives a Ragged: a draw for each number of each step.""",
    "minval": "the least that is drawn.",
    "maxval": "what is drawn is below it.",
    "dtype": "of what is drawn; torch's default where None.",
    "seed": """a number, which draws the same at each call; a SeedGenerator, which goes on; None for
        keras.utils.set_random_seed's.""",
}
_RAISES = "ValueError: a seed, a type or a size that is none; the text says which."

for _function in (
    beta, binomial, categorical, dropout, gamma, normal, randint, shuffle, truncated_normal,
    uniform,
):  # fmt: skip
    complete(_function, _ARGUMENTS, raises=_RAISES)
