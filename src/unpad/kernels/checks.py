"""What is compared before a kernel starts: nothing a caller passes may reach foreign memory.

Whoever hands addresses to the library asks here first. These are comparisons of integers, some
0.3 us a tensor, made at every call: a weight may have changed since the last. What arrays of
indices hold the library itself looks at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import around
from .cells import CELLS

_KINDS = ("kernels", "recurrent_kernels", "biases", "recurrent_biases")


def like(who: str, name: str, tensor: Any, shape: tuple[int, ...], values: Tensor) -> None:
    """Compares a tensor's shape, and its type and device with those of the values.

    Raises:
        ValueError: they differ; the text says who expected what.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{who}: expected {name} as a tensor, got {type(tensor).__name__}.")
    if tensor.shape != shape:
        raise ValueError(f"{who}: expected {name} {shape}, got {tuple(tensor.shape)}.")
    if tensor.dtype is not values.dtype or tensor.device != values.device:
        raise ValueError(
            f"{who}: {name} are {tensor.dtype} on {tensor.device}, values {values.dtype} on "
            f"{values.device}."
        )


def indices(
    who: str, name: str, tensor: Any, shape: tuple[int, ...], device: torch.device | None = None
) -> None:
    """Compares the shape, type and device of integers that point into other arrays.

    Raises:
        ValueError: they differ.
    """
    where = torch.device("cpu") if device is None else device
    fits = isinstance(tensor, Tensor) and tensor.shape == shape and tensor.dtype is torch.int64
    if not fits or tensor.device != where:
        got = type(tensor).__name__
        if isinstance(tensor, Tensor):
            got = f"{tuple(tensor.shape)} {tensor.dtype} on {tensor.device}"
        raise ValueError(f"{who}: expected {name} {shape} int64 on {where}, got {got}.")


# --- recurrent ------------------------------------------------------------------------------------


def check(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    ids: Tensor | None,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    reverse: Sequence[bool],
) -> None:
    """Checks what `sizes` does, how many weights there are, and that the offsets fit the values.

    Offsets start at 0, never fall and end at the number of steps: on a GPU that reads them back.

    Raises:
        ValueError: something does not fit; the text says what was expected.
    """
    directions = len(reverse)
    if directions not in (1, 2):
        raise ValueError(f"recurrent: expected 1 or 2 directions, got {directions}.")
    given = (kernels, recurrent_kernels, biases, recurrent_biases)
    for name, some in zip(_KINDS, given, strict=True):
        if some or name in _KINDS[:2]:
            _count(name, len(some), directions)
    weights = [some[d] if some else None for d in range(directions) for some in given]
    sizes(cell, values, offsets, ids, weights, h0, c0, mask, directions)
    _rise(offsets, values)


def sizes(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    ids: Tensor | None,
    weights: Sequence[Tensor | None],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    directions: int,
) -> None:
    """Compares the shapes, types and devices of a recurrent call.

    The weights are kernel, recurrent kernel, bias and recurrent bias of each direction in turn.

    Raises:
        ValueError: something does not fit; the text says what was expected.
    """
    record = CELLS.get(cell)
    if record is None:
        raise ValueError(f"recurrent: expected cell as one of {', '.join(CELLS)}, got {cell!r}.")
    gates = record.gates
    try:
        (steps, feature), (hidden, _) = values.shape, weights[1].shape  # pyright: ignore
    except (ValueError, AttributeError):
        raise _no_matrix(values, weights[1]) from None
    columns, dtype, cpu = gates * hidden, values.dtype, values.is_cpu
    # Not by `like`: a call a weight would double what this costs, 4 us for two directions.
    shapes = ((feature, columns), (hidden, columns), (columns,), (columns,))
    for weight, shape in zip(weights, shapes * directions, strict=False):
        if weight is not None and (
            weight.shape != shape or weight.dtype is not dtype or weight.is_cpu is not cpu
        ):
            _explain(weights, shapes, values)
    if directions == 2:
        uneven = len(weights) != 8 or _uneven(weights)
    else:
        uneven = weights[0] is None or (len(weights) > 4 and not _none(*weights[4:]))
    if uneven:
        _count_all(weights, directions)
    if weights[3] is not None and not record.recurrent_biases:
        raise ValueError(f"recurrent: {cell} has no recurrent biases; gru has.")
    if not cpu:
        _explain(weights, shapes, values)  # on which of the GPUs
    elsewhere = not offsets.is_cpu if cpu else offsets.device != values.device
    if offsets.dtype is not torch.int64 or offsets.ndim != 1 or elsewhere:
        raise ValueError(
            f"recurrent: expected offsets (batch + 1,) int64 on {values.device}, got "
            f"{tuple(offsets.shape)} {offsets.dtype} on {offsets.device}."
        )
    if h0 is not None or c0 is not None or mask is not None:
        batch = offsets.numel() - 1
        for name, state in (("h0", h0), ("c0", c0)):
            if state is not None:
                like("recurrent", name, state, (directions, batch, hidden), values)
        if mask is not None:
            parts = mask.size(2) if mask.ndim == 4 and mask.size(2) in (1, gates) else gates
            like("recurrent", "mask", mask, (directions, batch, parts, hidden), values)
    if ids is not None:
        indices("recurrent", "ids", ids, (steps,), values.device)


def followed(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    weights: Sequence[Tensor | None],
    directions: int,
    d_outputs: Tensor | None,
    d_h: Tensor | None,
    d_c: Tensor | None,
    outputs: Tensor,
    gates: Tensor | None,
    saved: Tensor | None,
) -> None:
    """Compares, beside `sizes`, what only the backward pass of a recurrent call is given.

    Raises:
        ValueError: something does not fit.
    """
    steps, batch, kernel = values.shape[0], offsets.numel() - 1, weights[1]
    assert kernel is not None
    hidden = kernel.shape[0]
    record = CELLS[cell]
    whole, state = (steps, directions * hidden), (directions, batch, hidden)
    if d_outputs is not None:
        like("recurrent", "d_outputs", d_outputs, whole, values)
    for name, gradient in (("d_h", d_h), ("d_c", d_c if record.states == 2 else None)):
        if gradient is not None:
            like("recurrent", name, gradient, state, values)
    like("recurrent", "outputs", outputs, whole, values)
    if record.keeps:
        like("recurrent", "gates", gates, (directions, steps, record.gates * hidden), values)
        like("recurrent", "saved", saved, (directions, steps, hidden), values)


def _no_matrix(values: Tensor, kernel: Any) -> ValueError:
    if values.ndim != 2:
        return ValueError(
            f"recurrent: expected values (steps, feature), got {tuple(values.shape)}."
        )
    got = "none" if kernel is None else tuple(kernel.shape)
    return ValueError(f"recurrent: expected recurrent_kernels (hidden, columns), got {got}.")


def _explain(weights: Sequence[Any], shapes: Sequence[Any], values: Tensor) -> None:
    for i, weight in enumerate(weights):
        if weight is not None:
            like("recurrent", _KINDS[i % 4], weight, shapes[i % 4], values)


def _none(a: Any, b: Any = None, c: Any = None, d: Any = None) -> bool:
    return a is b is c is d is None


def _uneven(weights: Sequence[Any]) -> bool:
    """Whether the second direction has what the first one has not, or the other way round."""
    return (
        weights[0] is None
        or weights[4] is None
        or weights[5] is None
        or (weights[2] is None) is not (weights[6] is None)
        or (weights[3] is None) is not (weights[7] is None)
    )


def _count_all(weights: Sequence[Any], directions: int) -> None:
    for kind, name in enumerate(_KINDS):
        _count(name, sum(w is not None for w in weights[kind::4]), directions)
    raise ValueError("recurrent: the weights of a direction are missing.")


def _count(name: str, got: int, directions: int) -> None:
    if got != directions:
        raise ValueError(f"recurrent: expected {directions} {name}, one a direction, got {got}.")


def _rise(offsets: Tensor, values: Tensor) -> None:
    if around.recorded():
        return  # a traced graph cannot branch on what offsets hold
    falls = len(offsets) == 0 or bool((offsets.diff() < 0).any())
    if falls or int(offsets[0]) != 0 or int(offsets[-1]) != len(values):
        raise ValueError(
            f"recurrent: offsets run from 0 to the number of steps, {len(values)}, and never fall; "
            f"got {offsets[:6].tolist()}{'...' if len(offsets) > 6 else ''}."
        )


# --- products -------------------------------------------------------------------------------------


def linear(values: Tensor, kernel: Tensor, bias: Tensor | None) -> None:
    """Compares what `products.linear` is given.

    Raises:
        ValueError: it does not go together.
    """
    if kernel.ndim != 2:
        raise ValueError(f"linear: expected kernel (feature, units), got {tuple(kernel.shape)}.")
    feature, units = kernel.shape
    if values.ndim == 0 or values.size(-1) != feature:
        raise ValueError(
            f"linear: expected values (rows, {feature}) for a kernel {(feature, units)}, got "
            f"{tuple(values.shape)}."
        )
    if kernel.dtype is not values.dtype or kernel.device != values.device:
        like("linear", "kernel", kernel, (feature, units), values)
    if bias is not None:
        like("linear", "bias", bias, (units,), values)


def product(
    out: Tensor,
    a: Tensor,
    b: Tensor,
    bias: Tensor | None,
    sums: Tensor | None,
    a_transposed: bool,
    b_transposed: bool,
) -> tuple[int, int, int, int, int, int]:
    """Compares the arrays of one product, and gives what was looked at.

    Returns:
        m, n, k; elements from row to row of a, b and out.

    Raises:
        ValueError: their shapes, types or devices do not go together, or rows are not contiguous.
    """
    try:
        (m, n), (rows, k), (inner, columns) = shapes = out.shape, a.shape, b.shape
    except ValueError:
        raise ValueError("product: expected three matrices.") from None
    steps = (
        _row("a", rows, k, a.stride()),
        _row("b", inner, columns, b.stride()),
        _row("out", m, n, out.stride()),
    )
    if a_transposed:
        rows, k = k, rows
    if b_transposed:
        inner, columns = columns, inner
    if rows != m or inner != k or columns != n:
        raise ValueError(f"product: ({rows}, {k}) @ ({inner}, {columns}) is not ({m}, {n}).")
    dtype = out.dtype
    if a.dtype is not dtype or b.dtype is not dtype or not (a.is_cpu and b.is_cpu):
        like("product", "a", a, tuple(shapes[1]), out)
        like("product", "b", b, tuple(shapes[2]), out)
    for name, vector in (("bias", bias), ("sums", sums)):
        if vector is not None and (
            vector.shape != (n,)
            or vector.dtype is not dtype
            or not (vector.is_cpu and vector.is_contiguous())
        ):
            like("product", name, vector, (n,), out)
            raise ValueError(f"product: {name} is not contiguous.")
    return m, n, k, *steps


def _row(name: str, rows: int, columns: int, strides: tuple[int, ...]) -> int:
    """Elements from row to row: a matrix may be some columns of another."""
    row, column = strides
    if column == 1 and row >= columns:
        return row
    # torch's strides along axes of size 1 or 0 mean nothing.
    if rows * columns and ((columns > 1 and column != 1) or (rows > 1 and row < columns)):
        raise ValueError(f"product: the rows of {name} are not contiguous.")
    return max(row, columns)


def normal(
    values: Tensor, gamma: Tensor | None, beta: Tensor | None, offsets: Tensor | None, groups: int
) -> None:
    """Compares what `normal.normalize` is given.

    Raises:
        ValueError: it does not go together.
    """
    width = values.shape[-1] if values.ndim else 0
    if values.ndim != 2 and (offsets is not None or not values.ndim):
        raise ValueError(f"normalize: expected values (rows, feature), got {tuple(values.shape)}.")
    if groups < 1 or width % groups:
        raise ValueError(f"normalize: {width} features cannot be divided into {groups} groups.")
    for name, weight in (("gamma", gamma), ("beta", beta)):
        if weight is not None and (
            weight.shape != (width,)
            or weight.dtype is not values.dtype
            or not (weight.is_cpu and values.is_cpu)
        ):
            like("normalize", name, weight, (width,), values)
    if offsets is not None:
        indices("normalize", "offsets", offsets, (max(offsets.numel(), 1),), values.device)


def activation(kind: str, known: Iterable[str]) -> None:
    """Looks for the name of an activation among those that are known.

    Raises:
        ValueError: it is none of them.
    """
    if kind not in known:
        raise ValueError(f"activate: expected one of {', '.join(known)}, got {kind!r}.")


def contract(x: Tensor, y: Tensor, offsets: Tensor) -> None:
    """Compares what the operator `contract` is given.

    Raises:
        ValueError: it does not go together.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[0] != y.shape[0] or x.device != y.device:
        raise ValueError(
            f"contract: expected x (steps, m) and y (steps, n), got {tuple(x.shape)} on {x.device} "
            f"and {tuple(y.shape)} on {y.device}."
        )
    indices("contract", "offsets", offsets, (max(offsets.numel(), 1),), x.device)
    lengths = offsets.diff()
    if bool((lengths < 0).any()) or int(offsets[0]) or int(offsets[-1]) != x.shape[0]:
        raise ValueError(
            f"contract: expected offsets that rise from 0 to {x.shape[0]}, got {offsets.tolist()}."
        )


def pool(values: Tensor, first: Tensor, last: Tensor) -> None:
    """Compares what `pooling.pool` is given.

    Raises:
        ValueError: it does not go together.
    """
    if not values.ndim:
        raise ValueError("pool: expected values (rows, *feature), got ().")
    indices("pool", "first", first, (first.numel(),), values.device)
    indices("pool", "last", last, (first.numel(),), values.device)


# --- slots and updates ----------------------------------------------------------------------------


def slots(
    values: Tensor,
    offsets: Tensor,
    sequence_ids: Tensor,
    places: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
) -> None:
    """Compares what `slots.linear` is given.

    Raises:
        ValueError: it does not go together.
    """
    if values.ndim != 2 or kernel.ndim != 2:
        raise ValueError(
            "slots.linear: expected values (steps, feature) and kernel (slots * feature, units), "
            f"got {tuple(values.shape)} and {tuple(kernel.shape)}."
        )
    (steps, feature), (rows, units) = values.shape, kernel.shape
    if rows % feature if feature else rows:
        raise ValueError(
            f"slots.linear: expected kernel (slots * {feature}, units), got {(rows, units)}."
        )
    like("slots.linear", "kernel", kernel, (rows, units), values)
    if bias is not None:
        like("slots.linear", "bias", bias, (units,), values)
    indices("slots.linear", "sequence_ids", sequence_ids, (steps,), values.device)
    indices("slots.linear", "slots", places, (steps,), values.device)
    indices("slots.linear", "offsets", offsets, (max(offsets.numel(), 1),), values.device)


def update(number: int, parties: Sequence[Tensor]) -> None:
    """Says which of a weight's gradient, mean and square is not of its shape.

    Raises:
        ValueError: one is not; the text names the weight and both shapes.
    """
    weight = parties[0]
    for name, tensor in zip(("gradient", "mean", "square"), parties[1:], strict=True):
        if tensor.shape != weight.shape:
            raise ValueError(
                f"Adam: weight {number} is {tuple(weight.shape)}, its {name} "
                f"{tuple(tensor.shape)}. A weight that changes its size needs a new optimizer, or "
                "a state of its size."
            )
