"""Types, control flow, and entries of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.structure import flat
from ..core.symbol import Symbol
from ..data.source.words import Words, are_strings
from ..ragged import Ragged
from ..ragged.numbers import type_name
from ..signatures import of_numbers
from .joining import unstack
from .kinds import dense, elementwise
from .shapes import array, shape
from .types import as_type, tensor

_EACH = "Each step: x.map(function); each sequence: [function(part) for part in x]."


@of_numbers
def dtype(x: Any) -> str:
    """The name of the type of x: "float32"."""
    kind = x.dtype if hasattr(x, "dtype") else tensor(x).dtype
    return type_name(kind)


@elementwise
def cast(x: Any, dtype: Any) -> Any:
    """X as another type, "float32" or "bool"; the steps of a Ragged stay.

    Example:
        >>> cast(torch.tensor([[3, 0]]) > 0, "float32")
        tensor([[1., 0.]])
    """
    return tensor(x, dtype)


@elementwise
def saturate_cast(x: Any, dtype: Any) -> Any:
    """X as another type, the nearest of its numbers where it has not that many."""
    x, kind = tensor(x), as_type(dtype, "saturate_cast")
    assert kind is not None
    if kind == torch.bool:
        return x.to(kind)
    info: Any = (torch.finfo if kind.is_floating_point else torch.iinfo)(kind)
    mine: Any = None
    if x.dtype != torch.bool:
        mine = (torch.finfo if x.dtype.is_floating_point else torch.iinfo)(x.dtype)
    low = info.min if mine is None else max(info.min, mine.min)
    high = info.max if mine is None else min(info.max, mine.max)
    return (x if mine is None else x.clamp(low, high)).to(kind)


@of_numbers
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """X as a tensor; a Ragged and a symbol stay what they are, strings are an array of them.

    Raises:
        ValueError: a sparse tensor is asked for.
    """
    if sparse:
        raise ValueError("convert_to_tensor: sparse tensors are not here.")
    if are_strings(x):
        return np.asarray(x, dtype=object).view(Words)
    return array(x, dtype)


@of_numbers
def convert_to_numpy(x: Any) -> Any:
    """X as an array; a Ragged as a list of arrays."""
    if isinstance(x, Ragged):
        return [np.asarray(part) for part in x.detach().to_list()]
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)


@of_numbers
def is_tensor(x: Any) -> bool:
    """Whether it is a tensor, a Ragged or a symbol."""
    return isinstance(x, (Tensor, Ragged, Symbol))


@elementwise
def stop_gradient(variable: Any) -> Any:
    """X, through which no gradient flows back."""
    return tensor(variable).detach()


# --- control flow ------------------------------------------------------------------------------


@of_numbers
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """What the first function gives where `pred`, one number, is True, else the second."""
    return true_fn() if pred else false_fn()


@of_numbers
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """What the function of this number gives; the nearest, where there is none."""
    at = min(max(int(index), 0), len(branches) - 1)
    return branches[at](*operands)


@of_numbers
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:  # fmt: skip
    """The variables after `body` has been applied to them as long as `cond` says so."""
    several = isinstance(loop_vars, (tuple, list))
    now = tuple(array(x) for x in (loop_vars if several else (loop_vars,)))
    count = 0
    while cond(*now) and (maximum_iterations is None or count < maximum_iterations):
        found = body(*now)
        now = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        count += 1
    return now if several else now[0]


@of_numbers
def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """What `body_fun(i, value)` makes of a value, one number after the other."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def _leaves(structure: Any) -> list[Tensor]:
    return [tensor(leaf) for leaf in flat(structure)]


def _filled(structure: Any, leaves: Any) -> Any:
    """The structure with other leaves."""
    if isinstance(structure, dict):
        return {key: _filled(part, leaves) for key, part in structure.items()}
    if isinstance(structure, (tuple, list)):
        made = [_filled(part, leaves) for part in structure]
        return type(structure)(*made) if hasattr(structure, "_fields") else type(structure)(made)
    return next(leaves)


@dense(_EACH)
def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None,
    reverse: bool = False, unroll: int | bool = 1,
) -> Any:  # fmt: skip
    """What `f(carry, x) -> (carry, y)` makes of the rows of xs, one after the other.

    Args:
        f: of what is carried on and of a row.
        init: carried into the first.
        xs: tensors with as many rows, in any structure.
        length: how many steps, where there are no xs.
        reverse: whether the last row comes first.
        unroll: a way of computing, which changes no number.

    Returns:
        What was carried out of the last, and the ys as rows.
    """
    if xs is None and length is None:
        raise ValueError("scan: expected xs, or length.")
    leaves = [] if xs is None else _leaves(xs)
    count = len(leaves[0]) if length is None else int(length)
    carry, ys = init, []
    for i in reversed(range(count)) if reverse else range(count):
        x = None if xs is None else _filled(xs, iter([leaf[i] for leaf in leaves]))
        carry, y = f(carry, x)
        ys.append(y)
    ys = ys[::-1] if reverse else ys
    if not ys or ys[0] is None:
        return carry, None
    columns = zip(*[_leaves(y) for y in ys], strict=True)
    return carry, _filled(ys[0], iter([torch.stack(column) for column in columns]))


@dense(_EACH)
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """The function of each row, the results as rows."""
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


@dense(_EACH)
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """The function of each row, all at once."""
    return torch.vmap(function)(elements)


@dense("Over each sequence's own steps: cumsum and its like along axis=1.")
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All that an associative function makes of the entries of an axis up to each one.

    Args:
        f: of two structures of tensors, entry by entry along the axis.
        elems: tensors with as many entries, in any structure.
        reverse: whether it goes from the end.
        axis: along which.
    """
    parts = [leaf.flip(axis) if reverse else leaf for leaf in _leaves(elems)]
    count, apart = parts[0].shape[axis], 1
    while apart < count:  # each with what is `apart` before it, which covers as many (Hillis, 1986)
        early = [part.narrow(axis, 0, count - apart) for part in parts]
        late = [part.narrow(axis, apart, count - apart) for part in parts]
        both = _leaves(f(_filled(elems, iter(early)), _filled(elems, iter(late))))
        parts = [
            torch.cat([part.narrow(axis, 0, apart), more], axis)
            for part, more in zip(parts, both, strict=True)
        ]
        apart *= 2
    return _filled(elems, iter([part.flip(axis) if reverse else part for part in parts]))


class _WithGradient(torch.autograd.Function):
    """A function whose derivative is another."""

    @staticmethod
    def forward(ctx: Any, function: Any, *args: Any) -> Any:
        out, ctx.gradient = function(*args)
        ctx.save_for_backward(*args)
        return out

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> Any:
        found = ctx.gradient(*ctx.saved_tensors, upstream=upstream[0])
        return (None, *found) if isinstance(found, tuple) else (None, found)


@of_numbers
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors with a derivative of its own.

    Args:
        f: gives its result, and a function of its arguments and of `upstream` that gives the
            gradient of each.
    """
    return partial(_WithGradient.apply, f)


# --- entries -----------------------------------------------------------------------------------


@dense("Steps of each sequence: x[:, start:stop].")
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The block of this shape that starts at these places."""
    x = tensor(inputs)
    for axis, (start, size) in enumerate(zip(start_indices, shape, strict=True)):
        x = x.narrow(axis, int(start), x.shape[axis] - int(start) if int(size) == -1 else int(size))
    return x


@dense("Other values on the same steps: x.with_values(values).")
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """The tensor with another block at these places."""
    x, new = tensor(inputs).clone(), tensor(updates)
    block = x
    for axis, (start, size) in enumerate(zip(start_indices, new.shape, strict=True)):
        block = block.narrow(axis, int(start), size)
    block.copy_(new)
    return x


@dense("Other values on the same steps: x.with_values(values).")
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros of this shape with the values added at these places, one row of places each."""
    new = tensor(values)
    start = torch.zeros(tuple(shape), dtype=new.dtype)
    return scatter_update(start, tensor(indices).reshape(-1, tensor(indices).shape[-1]),
                          new.reshape(-1, *shape[tensor(indices).shape[-1]:]), "add")  # fmt: skip


@dense("Other values on the same steps: x.with_values(values).")
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """The tensor with updates at these places, one row of places each.

    Args:
        inputs: a tensor.
        indices: (updates, axes) places along its first axes.
        updates: what is put there.
        reduction: None, "add", "mul", "max" or "min", with what is there.
    """
    x = tensor(inputs).clone()
    at = tuple(tensor(indices).long().unbind(-1))
    new = tensor(updates, x.dtype)
    if reduction in (None, "add"):
        return x.index_put(at, new, accumulate=reduction == "add")
    ways = {"mul": "prod", "max": "amax", "min": "amin"}
    if reduction not in ways:
        raise ValueError(
            f"scatter_update: expected reduction 'add', 'mul', 'max' or 'min', got {reduction!r}."
        )
    strides = [int(np.prod(x.shape[i + 1 : len(at)])) for i in range(len(at))]
    rows = x.flatten(0, len(at) - 1)
    flat_at = sum(p % n * s for p, n, s in zip(at, x.shape, strides, strict=False))
    where = torch.as_tensor(flat_at).reshape(-1, *(1,) * (rows.ndim - 1)).expand_as(new)
    return rows.scatter_reduce(0, where, new, ways[reduction]).reshape(x.shape)


__all__ = [
    "associative_scan", "cast", "cond", "convert_to_numpy", "convert_to_tensor", "custom_gradient",
    "dtype", "fori_loop", "is_tensor", "map", "saturate_cast", "scan", "scatter", "scatter_update",
    "shape", "slice", "slice_update", "stop_gradient", "switch", "unstack", "vectorized_map",
    "while_loop",
]  # fmt: skip
