"""Shapes and axes: a Ragged's batch and time stay, its features are moved as a tensor's axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import layers
from ..core.layer import lift
from ..core.symbol import Symbol
from ..ragged import Ragged
from ..ragged.batch import values_of
from .batches import axes_of, feature_axis, of_batches, rank_of


def ndim(x: Any) -> int:
    """The number of axes, batch and time included."""
    return rank_of(x)


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of the axes; None where a symbol's, or a Ragged's time, is not known.

    Example:
        >>> int_shape(Input((None, 5))), int_shape(torch.zeros(2, 3))
        ((None, None, 5), (2, 3))
    """
    if isinstance(x, Ragged):
        return (len(x), *(None,) * x.levels, *x.feature)
    return tuple(x.shape)


shape = int_shape


def is_keras_tensor(x: Any) -> bool:
    """Whether it is a symbol: what a graph is drawn from."""
    return isinstance(x, Symbol)


def is_tensor(x: Any) -> bool:
    """Whether it is a tensor, a Ragged or a symbol."""
    return isinstance(x, (Tensor, Ragged, Symbol))


@of_batches
def expand_dims(x: Any, axis: int = -1) -> Any:
    """X with another axis, of size 1.

    Example:
        >>> expand_dims(Ragged.from_list([[1, 2], [3]])).feature
        torch.Size([1])
    """
    instead = "An axis of a step's features: axis=-1."
    at = feature_axis(x, axis, "expand_dims", instead, new=True)
    return lift(lambda v: v.unsqueeze(at), x)


@of_batches
def squeeze(x: Any, axis: int) -> Any:
    """X without an axis of size 1."""
    at = feature_axis(x, axis, "squeeze", "One step of each sequence: x[:, 0].")
    size = values_of(x).shape[at]
    if size != 1:
        raise ValueError(f"squeeze: expected axis {axis} of size 1, got {size}.")
    return lift(lambda v: v.squeeze(at), x)


@of_batches
def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each entry of an axis `rep` times; along time (axis 1) each step.

    Example:
        >>> repeat_elements(torch.tensor([[1, 2]]), 2, axis=1)
        tensor([[1, 1, 2, 2]])
    """
    if isinstance(x, Ragged) and axes_of(axis, rank_of(x), "repeat_elements") == [1]:
        return layers.UpSampling1D(rep)(x)
    at = feature_axis(x, axis, "repeat_elements", "Along time: axis=1.")
    return lift(lambda v: v.repeat_interleave(rep, at), x)


@of_batches
def repeat(x: Any, n: int) -> Any:
    """(batch, feature) to (batch, n, feature): each row n times."""
    return layers.RepeatVector(n)(x)


@of_batches
def tile(x: Any, n: int | Sequence[int]) -> Any:
    """X set beside itself n times along each axis; a Ragged along its features."""
    times = [n] if isinstance(n, int) else list(n)
    times = [1] * (rank_of(x) - len(times)) + times
    if not isinstance(x, Ragged):
        return x.repeat(*times)
    if times[: 1 + x.levels] != [1] * (1 + x.levels):
        raise ValueError(
            f"tile: got n={n} for a Ragged, whose batch and time stay: (1, 1, ...). Each step "
            "several times: repeat_elements(x, n, axis=1)."
        )
    return lift(lambda v: v.repeat(1, *times[1 + x.levels :]), x)


@of_batches
def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Several side by side; see `layers.Concatenate`."""
    rank = rank_of(tensors[0])
    if axis % rank == 0 and not any(isinstance(t, Ragged) for t in tensors):
        return torch.cat(list(tensors))
    return layers.Concatenate(axis)(list(tensors))


@of_batches
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Several along an axis that is put in; of Ragged among the features."""
    if not any(isinstance(part, Ragged) for part in x):
        return torch.stack(list(x), axis)
    return concatenate([expand_dims(part, axis) for part in x], axis)


@of_batches
def reshape(x: Any, shape: Sequence[int]) -> Any:
    """X in another shape, the batch included; of a Ragged, batch and time stay: (-1, -1, ...)."""
    if not isinstance(x, Ragged):
        return x.reshape(tuple(-1 if n is None else int(n) for n in shape))
    return layers.Reshape((-1, *shape[2:]))(x) if len(shape) > 2 else layers.Reshape((-1,))(x)


def flatten(x: Tensor) -> Tensor:
    """All numbers of a tensor in a row."""
    return _dense(x, "flatten", "Its values: x.values.").reshape(-1)


@of_batches
def batch_flatten(x: Any) -> Any:
    """A row for each row of the batch."""
    x = _dense(x, "batch_flatten", "Lay it out with layers.Flatten(length=...).")
    return x.reshape(len(x), -1)


@of_batches
def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in another order, the batch included; a Ragged's batch and time stay in front."""
    if tuple(pattern[:1]) == (0,) and len(pattern) > 1:
        return layers.Permute(tuple(pattern[1:]))(x)
    return _dense(x, "permute_dimensions", "Keep the batch in front.").permute(*pattern)


def transpose(x: Tensor) -> Tensor:
    """The axes in the opposite order."""
    return _dense(x, "transpose", "Its features: permute_dimensions(x, (0, 1, ...)).").T


@of_batches
def reverse(x: Any, axes: int | Sequence[int]) -> Any:
    """X the other way round along axes; along time (axis 1) each sequence from its own end."""
    found = axes_of(axes, rank_of(x), "reverse")
    if not isinstance(x, Ragged):
        return x.flip(found)
    if 0 in found:
        raise ValueError("reverse: axis 0 of a Ragged is the batch: x[::-1] turns it round.")
    x = x.reversed() if 1 in found else x
    features = [a - 1 for a in found if a > 1]
    return x.map(lambda v: v.flip(features)) if features else x


@of_batches
def gather(reference: Any, indices: Any) -> Any:
    """The rows of a tensor at these places."""
    reference = _dense(reference, "gather", "Sequences are chosen as x[indices].")
    return lift(lambda i: reference[i.long()], indices)


@of_batches
def one_hot(indices: Any, num_classes: int) -> Any:
    """A row for each integer: 1 at its place, else 0; all 0 for what is no class."""

    def rows(values: Tensor) -> Tensor:
        classes = torch.arange(num_classes, device=values.device)
        return (values.unsqueeze(-1) == classes).to(torch.get_default_dtype())

    return lift(rows, indices)


@of_batches
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of x, on the steps of a Ragged."""
    return lift(lambda v: torch.zeros_like(v, dtype=dtype and getattr(torch, dtype)), x)


@of_batches
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of x, on the steps of a Ragged.

    Example:
        >>> unpad.backend.sum(ones_like(Ragged.from_list([[5, 6], []])), axis=1)
        tensor([2, 0])
    """
    return lift(lambda v: torch.ones_like(v, dtype=dtype and getattr(torch, dtype)), x)


@of_batches
def dot(x: Any, y: Any) -> Any:
    """The last axis of x with the one before the last of y; of a Ragged, each step by itself."""
    y = _dense(y, "dot", "Over each sequence's own steps: batch_dot(x, y, axes=1).")
    along: Any = max(y.ndim - 2, 0)
    return lift(lambda v: torch.tensordot(v, y, dims=([v.ndim - 1], [along])), x)  # pyright: ignore[reportArgumentType]


@of_batches
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """X and y of each row contracted along an axis of each; see `layers.Dot`."""
    if axes is None:
        axes = (rank_of(x) - 1, 1 if rank_of(y) == 2 else rank_of(y) - 2)
    return layers.Dot(axes)([x, y])


def _dense(x: Any, who: str, instead: str) -> Tensor:
    if isinstance(x, Ragged):
        raise ValueError(f"{who}: got a Ragged, whose sequences have different lengths. {instead}")
    return x
