"""Dot: two inputs contracted along an axis of each."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ... import arguments, kernels
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, spec_of
from ...ragged import Ragged
from ...ragged.reductions import segment_sum, spread
from .pairs import check_agreement, dtype_of, listed, pair_specs

# Under the root of a norm, as Keras's.
_EPSILON = 1e-12


class Dot(Layer):
    """The sum of products of two inputs along an axis of each: of rows, of steps, of features.

    Shapes: a list of two inputs; axes are counted as Keras's, (batch, time, *feature). What is
    left of the first input is followed by what is left of the second.

    Over time (axes=1) of two Ragged of equal lengths: each sequence's own steps are contracted,
    (batch, steps*, *a) and (batch, steps*, *b) to dense (batch, *a, *b). It costs steps * a * b
    numbers of memory. An empty sequence gives 0.

    Over features of a Ragged and a dense row, or matrix, a sequence: Ragged (batch, steps*, a)
    and (batch, a) with axes=(2, 1) to Ragged (batch, steps*), a number a step. Empty sequences
    stay empty.

    Dense inputs are contracted as in Keras; two rows give (batch, 1).

    Args:
        axes: of both inputs, or a pair, one of each.
        normalize: whether both are divided by their norm along the axis, which gives the cosine.

    Raises:
        ValueError: sizes that differ; or two Ragged contracted over features: each step of the one
            would meet each step of the other, which is what Attention is for.

    Example:
        >>> weights = Ragged.from_list([[0.5, 0.5], [1.]])
        >>> steps = Ragged.from_list([[[2., 0.], [4., 2.]], [[7., 1.]]])
        >>> Dot(axes=1)([weights, steps]).tolist()
        [[3.0, 1.0], [7.0, 1.0]]
    """

    takes = "several"

    def __init__(
        self,
        axes: int | tuple[int, int] | list[int],
        normalize: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        for axis in axes if isinstance(axes, (list, tuple)) and len(axes) == 2 else [axes]:
            if not isinstance(axis, int) or isinstance(axis, bool):
                raise arguments.wrong(self.who, "axes", "an integer or two", axes)
        self.axes = axes
        self.normalize = normalize

    def _axes(self, ranks: list[int]) -> list[int]:
        given = [self.axes] * 2 if isinstance(self.axes, int) else list(self.axes)
        for i, (axis, rank) in enumerate(zip(given, ranks, strict=True)):
            if not -rank <= axis < rank or axis % rank == 0:
                what = "the batch" if axis in (0, -rank) else f"beyond its {rank} axes"
                raise ValueError(f"{self.who}: axis {axis} of input {i} is {what}.")
        return [axis % rank for axis, rank in zip(given, ranks, strict=True)]

    def output_spec(self, specs: list[Spec]) -> Spec:
        if len(listed(specs, self.who)) != 2:
            raise ValueError(f"{self.who}: expected two inputs, got {len(specs)}.")
        a, b = specs
        i, j = self._axes([len(a), len(b)])
        if a.ragged or b.ragged:
            self._check_sequences(a, b, i, j)
        if None not in (a[i], b[j]) and a[i] != b[j]:
            raise ValueError(
                f"{self.who}: expected equal sizes along axes {i} and {j}, got {a} and {b}."
            )
        left = [n for k, n in enumerate(a.full_shape) if k not in (0, i)]
        right = [n for k, n in enumerate(b.full_shape) if k not in (0, j)]
        like = a if a.ragged and i > 1 else b if b.ragged and j > 1 else None
        if like is not None:
            return like.with_shape(tuple([*left, *right][1:])).with_dtype(dtype_of(specs))
        return Spec(tuple([*left, *right] or [1]), dtype=dtype_of(specs))

    def _check_sequences(self, a: Spec, b: Spec, i: int, j: int) -> None:
        over_time = [axis == 1 for axis, spec in ((i, a), (j, b)) if spec.ragged]
        got = f"axes {i} and {j} of {a} and {b}"
        if a.ragged and b.ragged:
            if all(over_time):
                pair_specs([Spec((), True, lengths=s.lengths) for s in (a, b)], self.who)
                return
            if any(over_time):
                raise ValueError(
                    f"{self.who}: {got}: a sequence's steps have no partner among the other's "
                    "features. Over time: axes=1."
                )
            raise ValueError(
                f"{self.who}: {got} would leave a number for each pair of steps, and a Ragged has "
                "one time axis. Weights of one sequence for another: Attention()([query, value]). "
                "A number a step: (a * b).sum over features, as Lambda; over time: axes=1."
            )
        if over_time[0]:
            raise ValueError(
                f"{self.who}: {got}: the time of sequences has no partner in a dense tensor, whose "
                "slots may be padding. Give both as sequences: Ragged.from_padded(x, lengths=...)."
            )
        if b.ragged and len(a) > 2:
            raise ValueError(
                f"{self.who}: {got} would leave other axes before time. Swap the inputs."
            )

    def forward(self, inputs: list[Ragged | Tensor]) -> Ragged | Tensor:
        """The contraction, at real steps."""
        a, b = inputs
        i, j = self._axes([_rank(a), _rank(b)])
        if isinstance(a, Ragged) or isinstance(b, Ragged):
            self._check_sequences(spec_of(a), spec_of(b), i, j)
        if isinstance(a, Ragged) and isinstance(b, Ragged):
            return self._over_time(a, b)
        if isinstance(a, Ragged):
            assert isinstance(b, Tensor)
            self._check_rows(a, b, 0)
            x, y = self._scaled(a.values, i - 1), self._scaled(b, j)
            return a.with_values(_contract(x, i - 1, spread(y, a.layout), j))
        if isinstance(b, Ragged):
            self._check_rows(b, a, 1)
            x, y = self._scaled(a, i), self._scaled(b.values, j - 1)
            return b.with_values(_contract(spread(x, b.layout), i, y, j - 1))
        result = _contract(self._scaled(a, i), i, self._scaled(b, j), j)
        return result[:, None] if result.ndim == 1 else result

    def _check_rows(self, sequences: Ragged, rows: Tensor, i: int) -> None:
        if rows.shape[0] != sequences.batch:
            raise ValueError(
                f"{self.who}: input {i} has {sequences.batch} sequences, but input {1 - i} has "
                f"{rows.shape[0]} rows."
            )

    def _scaled(self, x: Tensor, axis: int) -> Tensor:
        if not self.normalize:
            return x
        return x * torch.rsqrt(x.square().sum(axis, keepdim=True).clamp(min=_EPSILON))

    def _over_time(self, a: Ragged, b: Ragged) -> Tensor:
        check_agreement(a, b, 0, 1, self.who)
        x, y, layout = a.values, b.values, a.layout
        if self.normalize:
            x, y = (
                v * spread(segment_sum(v.square(), layout).clamp(min=_EPSILON).rsqrt(), layout)
                for v in (x, y)
            )
        if x.ndim == 1 and y.ndim == 1:
            return segment_sum(x * y, layout)[:, None]
        left, right = x.shape[1:], y.shape[1:]
        x, y = x.reshape(x.shape[0], left.numel()), y.reshape(y.shape[0], right.numel())
        return kernels.contract(x, y, layout).reshape(-1, *left, *right)


def _rank(x: Ragged | Tensor) -> int:
    return len(x.feature) + 2 if isinstance(x, Ragged) else x.ndim


def _contract(x: Tensor, i: int, y: Tensor, j: int) -> Tensor:
    """(n, *a) and (n, *b), without the axes i and j that are summed over: (n, *a, *b)."""
    x, y = x.movedim(i, -1), y.movedim(j, 1)
    left, right, size = x.shape[1:-1], y.shape[2:], x.shape[-1]
    x = x.reshape(x.shape[0], left.numel(), size)
    y = y.reshape(y.shape[0], size, right.numel())
    return (x @ y).reshape(x.shape[0], *left, *right)


def dot(inputs: list[Any], axes: int | tuple[int, int] = -1, **kwargs: Unpack[LayerOptions]) -> Any:
    """`Dot(axes, **kwargs)(inputs)`: see `Dot`.

    Args:
        inputs: two tensors or of Ragged with equal lengths.
        axes: those that are summed over.
        kwargs: of the layer.
    """
    return Dot(axes=axes, **kwargs)(inputs)
