"""Two tensors of one place in a model, from two calls: what belongs to the same real steps."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .laid import Laid
from .subject import Pair


def difference(a: Tensor, b: Tensor) -> float:
    """The largest difference; infinite where one is finite and the other is not."""
    if a.numel() == 0:
        return 0.0
    same = (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(same, 0.0, (a - b).abs())
    return float(torch.nan_to_num(apart, nan=torch.inf, posinf=torch.inf).max())


def spread_of(parts: list[Tensor]) -> float:
    """The deviation of the finite numbers around each feature's mean; 0 where there are none."""
    rows = torch.cat(_rows(parts)).double()
    rows = torch.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    if len(rows) < 2:
        return float(rows.std(correction=0)) if rows.numel() else 0.0
    return float(rows.var(0, correction=0).mean().sqrt())


def _rows(parts: list[Tensor]) -> list[Tensor]:
    """(rows, features) of each: vectors one a sequence, or one a step, or numbers."""
    widths = {part.shape[-1] if part.ndim else 1 for part in parts}
    if len(widths) > 1 or all(part.ndim == 0 for part in parts):
        return [part.reshape(-1, 1) for part in parts]
    return [part.reshape(-1, part.shape[-1]) for part in parts]


def apart(a: Tensor, b: Tensor, pair: Pair) -> float | None:
    """How far two tensors are apart at real steps, over the spread; None where axes are unclear."""
    # Sequences that are too short for a convolution's first output have none.
    parts = [both for both in _parts(a, b, pair) if both[0].numel()]
    if not parts:
        return None
    worst = max(difference(x, y) for x, y in parts)
    spread = spread_of([x for x, _ in parts])
    return 0.0 if worst == 0 else worst / max(spread, 1e-12)


def _parts(a: Tensor, b: Tensor, pair: Pair) -> Iterator[tuple[Tensor, Tensor]]:
    """For each sequence that should be the same, what belongs to its real steps."""
    na, nb = len(pair.first.sequences), len(pair.second.sequences)
    a, b = _unfolded(a, na, pair.first.width), _unfolded(b, nb, pair.second.width)
    if a.ndim != b.ndim:
        return
    batch = _batch_axis(a, b, na, nb)
    if batch is None:
        all_same = list(pair.same) == [(i, i) for i in range(na)] and na == nb
        if a.shape == b.shape and all_same and pair.until is None and a.ndim > 1:
            yield a, b
        return
    for i, j in pair.same:
        x, y = a.select(batch, i), b.select(batch, j)
        for axis in range(x.ndim):
            cut = _cut(x.shape[axis], y.shape[axis], pair, i, j)
            if cut is None:
                break
            x = x.narrow(axis, *cut[0])
            y = y.narrow(axis, *cut[1])
        else:
            yield x, y


def _unfolded(x: Tensor, n: int, width: int) -> Tensor:
    """With a batch axis of its own where sequences lie folded with heads or steps in one axis."""
    if n in x.shape or n < 2:
        return x
    for axis, size in enumerate(x.shape):
        if size == n * width or (size % n == 0 and width in x.shape):
            return x.unflatten(axis, (n, size // n))
    return x


def _batch_axis(a: Tensor, b: Tensor, na: int, nb: int) -> int | None:
    for axis in range(a.ndim):
        if a.shape[axis] == na and b.shape[axis] == nb:
            return axis
    return None


def _cut(
    long_a: int, long_b: int, pair: Pair, i: int, j: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """(start, count) of the real steps of an axis in both; all of it where it is none of time."""
    wa, wb = pair.first.width, pair.second.width
    if long_a == long_b and long_a != wa:
        return (0, long_a), (0, long_b)
    if (long_a == long_b) != (wa == wb):
        return None
    real = min(_real(pair.first, i, long_a), _real(pair.second, j, long_b))
    if pair.until is not None:
        real = min(real, pair.until[i])
    if pair.first.side == "post" or pair.until is not None:
        return (0, real), (0, real)
    return (long_a - real, real), (long_b - real, real)


def _real(laid: Laid, i: int, long: int) -> int:
    """How many places of an axis of time belong to a sequence for sure."""
    steps, width = len(laid.sequences[i]), laid.width
    if long == width:
        return steps
    if long > width * 3 // 4:  # a convolution that shortens
        return max(0, steps + min(0, long - width))
    return max(0, steps * long // width - 1)
