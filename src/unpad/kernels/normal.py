"""Normalisation: numbers to mean 0 and variance 1, or to mean square 1, then scaled and shifted.

Statistics are over a group of a row's features (RMS normalisation, of one group), or over that
group in all rows of a sequence (group normalisation). Each way is one call of the library, where
torch goes through the values a dozen times for a sequence's groups, and five for a row's root mean
square.

Of layer normalisation torch goes once, too, on one thread within `fit`; the library has all of
them, and takes rows that are wide enough for it to pay (`layers.normalization.features`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ragged.own import Own
from . import around, checks
from .library import DTYPES, address, call
from .paths import Operator, Path, forced
from .structures import bits, words
from .threads import threads


def normalize(
    values: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    offsets: Tensor | None,
    groups: int,
    centred: bool,
    epsilon: float,
) -> Tensor:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta, differentiable, in the shape of values.

    Where the library serves, the bits of a row or sequence depend neither on the others nor on the
    number of threads. No rows give none.

    Args:
        values: (..., feature); with offsets (rows, feature).
        gamma: (feature,), or None for 1.
        beta: (feature,), or None for 0.
        offsets: (batch + 1,) of sequences of rows, each with statistics of its own; None where each
            row has.
        groups: of features, a divisor of their number.
        centred: False leaves the mean in, and divides by the root of the mean square.
        epsilon: added to the variance.

    Raises:
        ValueError: the sizes, types or devices do not go together.
    """
    given: Any = (values, gamma, beta, offsets, groups, centred, epsilon)
    if not around.recorded():
        return NORMALIZE.choose(values).direct(*given)
    if torch.compiler.is_exporting() or not (values.is_cpu and values.dtype in DTYPES):
        return _torch(*given)
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given[:3])
    shape = values.shape
    rows = values.reshape(math.prod(shape[:-1]), shape[-1])
    return NORMALIZE.op(rows, *given[1:], forced() or "", keep)[0].reshape(shape)


# --- in the library -------------------------------------------------------------------------------


def _packed(given: Sequence[Tensor | None], batch: int, groups: int, epsilon: float) -> bytes:
    """The structure of all tensors, in its order: `given` begins with values."""
    rows, width = given[0].shape  # pyright: ignore[reportOptionalMemberAccess]
    addresses = [address(t) for t in given]
    return words((*addresses, rows, batch, groups, width // groups, bits(epsilon)))


def _contiguous(tensors: Sequence[Tensor | None]) -> list[Any]:
    return [None if t is None else t.contiguous() for t in tensors]


def _forward(
    values: Tensor, gamma: Tensor | None, beta: Tensor | None, offsets: Tensor | None,
    groups: int, centred: bool, epsilon: float,
) -> tuple[Tensor, Tensor | None, Tensor]:  # fmt: skip
    """The outcome, and of each sequence's groups the mean, where it is taken off, and the scale."""
    with around.as_tensors():
        checks.normal(values, gamma, beta, offsets, groups)
        kept = (values.shape[0] if offsets is None else offsets.shape[0] - 1, groups)
        out = torch.empty_like(values, memory_format=torch.contiguous_format)
        mean, scale = values.new_empty(kept) if centred else None, values.new_empty(kept)
        held = _contiguous([values, gamma, beta, offsets])  # until the call is over
        packed = _packed([*held, out, mean, scale, *[None] * 4], kept[0], groups, epsilon)
        call("unpad_normal_forward", DTYPES[values.dtype], threads(), packed)
    return out, mean, scale


def _backward(
    d_out: Tensor, values: Tensor, gamma: Tensor | None, beta: Tensor | None,
    offsets: Tensor | None, groups: int, epsilon: float, mean: Tensor | None, scale: Tensor,
    wanted: Sequence[bool],
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """The gradients of values, gamma and beta, where they are wanted."""
    with around.as_tensors():
        checks.normal(values, gamma, beta, offsets, groups)
        kept = (values.shape[0] if offsets is None else offsets.shape[0] - 1, groups)
        checks.like("normalize", "gradients", d_out, tuple(values.shape), values)
        for name, told in (("means", mean), ("scales", scale)):
            if told is not None:
                checks.like("normalize", name, told, kept, values)
        held = _contiguous([values, gamma, beta, offsets, mean, scale, d_out])
        found = [
            values.new_empty(t.shape) if w and t is not None else None
            for t, w in zip((values, gamma, beta), wanted, strict=True)
        ]
        packed = _packed([*held[:4], None, *held[4:], *found], kept[0], groups, epsilon)
        call("unpad_normal_backward", DTYPES[values.dtype], threads(), packed)
    return tuple(found)


class _Normalized(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        values, gamma, beta, offsets, *options = given
        out, mean, scale = _forward(*given)
        ctx.save_for_backward(values, gamma, beta, offsets, mean, scale)
        ctx.options = options
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (d_out,) = gradients
        values, gamma, beta, offsets, mean, scale = ctx.saved_tensors
        groups, centred, epsilon = ctx.options
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # somebody differentiates it again
            found = _again(
                d_out, (values, gamma, beta), (offsets, groups, centred, epsilon), wanted
            )
        else:
            found = _backward(
                d_out, values, gamma, beta, offsets, groups, epsilon, mean, scale, wanted
            )
        return *found, None, None, None, None


def _again(
    d_out: Tensor, tensors: Sequence[Any], rest: Sequence[Any], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The gradients by torch's own operators, which can be differentiated."""
    asked = [t for t, w in zip(tensors, wanted, strict=True) if w and t is not None]
    found = iter(torch.autograd.grad(_torch(*tensors, *rest), asked, d_out, create_graph=True))
    return [
        next(found) if w and t is not None else None for t, w in zip(tensors, wanted, strict=True)
    ]


def _compiled(values: Tensor, *rest: Any) -> Tensor:
    shape, offsets = values.shape, rest[2]
    if offsets is None and len(shape) != 2:
        checks.normal(values, *rest[:4])
        rows = values.reshape(math.prod(shape[:-1]), shape[-1])
        return _compiled(rows, *rest).reshape(shape)
    return (
        _Normalized.apply(values, *rest) if torch.is_grad_enabled() else _forward(values, *rest)[0]
    )


def _run(*given: Any) -> tuple[Tensor, Tensor, Tensor]:
    *arguments, keep = given
    out, mean, scale = _forward(*arguments)
    if not keep:
        return out, scale.new_empty(0, scale.shape[1]), scale.new_empty(0, scale.shape[1])
    return out, torch.zeros_like(scale) if mean is None else mean, scale


def _back(
    gradients: Any, arguments: Any, results: Any, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """See `paths.Operator.backward`."""
    (d_out,), (_, mean, scale) = gradients, results
    values, gamma, beta, offsets, groups, centred, epsilon = arguments
    if d_out is None:
        return None, None, None
    kept = mean if centred else None
    return _backward(d_out, values, gamma, beta, offsets, groups, epsilon, kept, scale, wanted)


# --- by torch's operators -------------------------------------------------------------------------


def _torch(
    values: Tensor, gamma: Tensor | None, beta: Tensor | None, offsets: Tensor | None,
    groups: int, centred: bool, epsilon: float,
) -> Tensor:  # fmt: skip
    checks.normal(values, gamma, beta, offsets, groups)
    width = values.shape[-1]
    if offsets is None and groups == 1:
        if centred:
            return F.layer_norm(values, (width,), gamma, beta, epsilon)
        normal = F.rms_norm(values, (width,), gamma, epsilon)
        return normal if beta is None else normal + beta
    x = values.reshape(*values.shape[:-1], groups, width // groups)
    if offsets is None:
        mean_of = _means_of_rows
    else:
        mean_of = _means_of_sequences(offsets, values.shape[0])
    if centred:
        x = x - mean_of(x)
    normal = (x * torch.rsqrt(mean_of(x.square()) + epsilon)).reshape(values.shape)
    normal = normal if gamma is None else normal * gamma
    return normal if beta is None else normal + beta


def _means_of_rows(x: Tensor) -> Tensor:
    return x.mean(-1, keepdim=True)


def _means_of_sequences(offsets: Tensor, rows: int) -> Any:
    """Beside each row the means of its sequence: a function of (rows, groups, size)."""
    own = Own(offsets, None, None, steps=rows)

    def means(x: Tensor) -> Tensor:
        sums = x.new_zeros(own.batch, x.shape[1]).index_add(0, own.sequence_ids, x.sum(-1))
        counts = (own.lengths.clamp(min=1) * x.shape[2]).to(x.dtype)
        return (sums / counts.unsqueeze(1)).index_select(0, own.sequence_ids).unsqueeze(-1)

    return means


def _reference(
    values: Tensor, gamma: Tensor | None, beta: Tensor | None, offsets: Tensor | None,
    groups: int, centred: bool, epsilon: float,
) -> Tensor:  # fmt: skip
    """Each sequence, or row, and each of its groups by itself."""
    checks.normal(values, gamma, beta, offsets, groups)
    rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    bounds = range(len(rows) + 1) if offsets is None else offsets.tolist()
    found = [rows[:0]]
    for start, end in pairwise(bounds):
        parts = []
        for x in rows[start:end].chunk(groups, -1) if end > start else []:
            x = x - x.mean() if centred else x
            parts.append(x / torch.sqrt(x.square().mean() + epsilon))
        found += [torch.cat(parts, -1)] if parts else []
    normal = torch.cat(found).reshape(values.shape)
    normal = normal if gamma is None else normal * gamma
    return normal if beta is None else normal + beta


def _keeping_nothing(function: Any) -> Any:
    """As torch calls a path that torch differentiates."""

    def run(*given: Any) -> tuple[Tensor, Tensor, Tensor]:
        _, mean, scale = _shapes(*given)
        return function(*given[:-1]), mean.zero_(), scale.zero_()

    return run


def _shapes(values: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    offsets, groups, keep = rest[2], rest[3], rest[-1]
    batch = values.shape[0] if offsets is None else offsets.shape[0] - 1
    kept = (batch if keep else 0, groups)
    return values.new_empty(values.shape), values.new_empty(kept), values.new_empty(kept)


NORMALIZE = Operator(
    "normalize",
    [
        Path("compiled", around.values_refused, _run, _back, direct=_compiled),
        Path("torch", lambda values: None, _keeping_nothing(_torch), direct=_torch),
        Path("reference", lambda values: None, _keeping_nothing(_reference), direct=_reference),
    ],
    takes="Tensor values, Tensor? gamma, Tensor? beta, Tensor? offsets, int groups, bool centred, "
    "float epsilon",
    gives="(Tensor out, Tensor mean, Tensor scale)",
    shapes=_shapes,
    check=lambda values, gamma, beta, offsets, groups, *_: checks.normal(
        values, gamma, beta, offsets, groups
    ),
    followed=("values", "gamma", "beta"),
    kept=2,
)
