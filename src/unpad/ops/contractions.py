"""Products that sum over an axis: a Ragged's features with a tensor, each step by itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.lifting import lift
from ..ragged import Ragged
from ..ragged.batch import values_of, with_values_of
from .kinds import dense, of_batches
from .types import floatx, promoted, tensor

_GRID = "Steps with steps of each sequence: layers.Dot, or layers.Attention."


def _together(*xs: Any) -> tuple[list[Tensor], torch.dtype]:
    """The tensors in a type that products have, and the type of the result."""
    parts = [tensor(x) for x in xs]
    kind = promoted(*parts)
    compute = kind if kind.is_floating_point or kind.is_complex else torch.int64
    return [part.to(compute) for part in parts], kind


def _matmul(x1: Any, x2: Any) -> Tensor:
    (a, b), kind = _together(x1, x2)
    if tensor(x1).dtype == tensor(x2).dtype == torch.int8:
        kind = torch.int32
    return torch.matmul(a, b).to(kind)


@of_batches
def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices: the last axis of x1 with the one before the last of x2.

    Args:
        x1: a batch; of a Ragged each step's features, which may be a row or a matrix.
        x2: beside a Ragged a matrix, or another Ragged of equal lengths with matrices for steps.

    Raises:
        ValueError: it would pair steps with steps.
    """
    if not isinstance(x1, Ragged) and not isinstance(x2, Ragged):
        return _matmul(x1, x2)
    if isinstance(x1, Ragged) and isinstance(x2, Ragged):
        if len(x1.feature) < 2 or len(x2.feature) < 2 or not x1.layout.agrees(x2.layout):
            raise ValueError(f"matmul: got two Ragged whose steps are no matrices. {_GRID}")
        return with_values_of(x1, _matmul(values_of(x1), values_of(x2)))
    if isinstance(x1, Ragged) and x1.feature and tensor(x2).ndim <= 2:
        return lift(lambda v: _matmul(v, x2), x1)
    raise ValueError(f"matmul: beside a Ragged of steps with features expected a matrix. {_GRID}")


@of_batches
def dot(x1: Any, x2: Any) -> Any:
    """The last axis of x1 with the one before the last of x2; of a Ragged, each step by itself."""
    if isinstance(x2, Ragged):
        raise ValueError(f"dot: got a Ragged as x2. {_GRID}")
    if not isinstance(x1, Ragged):
        (a, b), kind = _together(x1, x2)
        return (a * b if not a.ndim or not b.ndim else _contracted(a, b)).to(kind)
    return lift(lambda v: dot(v, x2), x1)


def _contracted(a: Tensor, b: Tensor) -> Tensor:
    return torch.tensordot(a, b, dims=([a.ndim - 1], [max(b.ndim - 2, 0)]))  # pyright: ignore[reportArgumentType]


@of_batches
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """X1 and x2 contracted along axes of each; a Ragged's features with a tensor's axes.

    Args:
        x1: a batch.
        x2: a tensor.
        axes: how many of the last of x1 and the first of x2; or those of x1 and those of x2.
    """
    if isinstance(x2, Ragged):
        raise ValueError(f"tensordot: got a Ragged as x2. {_GRID}")
    if isinstance(axes, int):
        rank = (1 + x1.levels + len(x1.feature)) if isinstance(x1, Ragged) else tensor(x1).ndim
        axes = (range(rank - axes, rank), range(axes))
    first, second = ([a] if isinstance(a, int) else list(a) for a in axes)
    if not isinstance(x1, Ragged):
        (a, b), kind = _together(x1, x2)
        return torch.tensordot(a, b, dims=(first, second)).to(kind)  # pyright: ignore[reportArgumentType]
    rank = 1 + x1.levels + len(x1.feature)
    inside = [a % rank - x1.levels for a in first]
    if any(a < 1 for a in inside):
        raise ValueError(f"tensordot: axes {first} of a Ragged are not all features. {_GRID}")
    return lift(lambda v: tensordot(v, x2, (inside, second)), x1)


@dense(_GRID)
def inner(x1: Any, x2: Any) -> Any:
    """The last axes of both contracted, all other axes of x1 and x2 kept."""
    (a, b), kind = _together(x1, x2)
    return torch.inner(a, b).to(kind)


@dense("A number a sequence: sum(x1 * x2, axis=1).")
def vdot(x1: Any, x2: Any) -> Any:
    """The sum of the products of all numbers."""
    (a, b), kind = _together(x1, x2)
    return torch.vdot(a.flatten(), b.flatten()).to(kind)


@dense(_GRID)
def outer(x1: Any, x2: Any) -> Any:
    """Every number of x1 times every number of x2."""
    (a, b), kind = _together(x1, x2)
    return torch.outer(a.flatten(), b.flatten()).to(kind)


@dense(_GRID)
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker's product: x2 times each number of x1."""
    (a, b), kind = _together(x1, x2)
    return torch.kron(a, b).to(kind)


@of_batches
def einsum(subscripts: str, *operands: Any) -> Any:
    """Einstein's sum. Of a Ragged the first two letters are the batch and time.

    Where the result has both it is on the steps, where it has the batch alone it is summed over
    each sequence's steps.

    Args:
        subscripts: as "btd,de->bte" or "btd->bd".
        operands: batches.

    Raises:
        ValueError: the letters of time stand elsewhere than behind the batch.

    Example:
        >>> x = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> einsum("btd,d->b", x, torch.ones(2)).tolist()
        [3.0, 18.0]
    """
    sequences = [x for x in operands if isinstance(x, Ragged)]
    if not operands:
        raise ValueError(f"einsum: {subscripts!r} needs a batch for each part before '->'.")
    if not sequences:
        parts, kind = _together(*operands)
        if all(tensor(x).dtype == torch.int8 for x in operands):
            kind = torch.int32
        return torch.einsum(subscripts, *parts).to(kind)
    inputs, _, out = subscripts.replace(" ", "").partition("->")
    letters = inputs.split(",")
    lead = next(s[:2] for s, x in zip(letters, operands, strict=True) if isinstance(x, Ragged))
    fits = all(
        s[:2] == lead and x.levels == 1 if isinstance(x, Ragged) else lead[1] not in s
        for s, x in zip(letters, operands, strict=True)
    )
    over_time = lead[1] not in out
    if not fits or not (out[:2] == lead or (over_time and out[:1] == lead[0])):
        raise ValueError(
            f"einsum: got {subscripts!r}. Of a Ragged the first two letters are batch and time, as "
            f"'btd,de->bte', and the result begins with both or with the batch. {_GRID}"
        )
    like = sequences[0]
    given = []
    for s, x in zip(letters, operands, strict=True):
        if isinstance(x, Ragged):
            if not like.layout.agrees(x.layout):
                raise ValueError(
                    f"einsum: expected inputs of equal lengths, but they differ: "
                    f"{like.layout.difference(x.layout)}."
                )
            given.append(x.values)
        elif lead[0] in s:  # a row a sequence: at each of its steps
            given.append(tensor(x).movedim(s.index(lead[0]), 0)[like.sequence_ids])
        else:
            given.append(tensor(x))
    steps = [
        lead[1] + (s[2:] if isinstance(x, Ragged) else s.replace(lead[0], ""))
        if isinstance(x, Ragged) or lead[0] in s else s
        for s, x in zip(letters, operands, strict=True)
    ]  # fmt: skip
    kept = lead[1] + (out[1:] if over_time else out[2:])
    found = like.with_values(einsum(f"{','.join(steps)}->{kept}", *given))
    return torch.as_tensor(found.sum()) if over_time else found


@dense("Of its steps: x.values.")
def corrcoef(x: Any) -> Any:
    """The correlation of each two rows."""
    x = tensor(x)
    return torch.corrcoef(x if x.is_floating_point() else x.to(_wide(x)))


def _wide(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.int64 else floatx()


@dense("Over each sequence's own steps: layers.Conv1D.")
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The sums of products of a row of numbers and another one moved along it.

    Args:
        x1: (n,) numbers.
        x2: (m,) numbers.
        mode: "valid" where all of the shorter lies within, "same" as long as x1, or "full".
    """
    kind = promoted(tensor(x1), tensor(x2))
    kind = kind if kind.is_floating_point else _wide(torch.empty(0, dtype=kind))
    a, b = tensor(x1).to(kind), tensor(x2).to(kind)
    found = torch.nn.functional.conv1d(a[None, None], b[None, None], padding=len(b) - 1)[0, 0]
    wanted = {"valid": abs(len(a) - len(b)) + 1, "same": len(a), "full": len(found)}
    if mode not in wanted:
        raise ValueError(f"correlate: expected mode 'valid', 'same' or 'full', got {mode!r}.")
    start = (len(found) - wanted[mode]) // 2
    return found[start : start + wanted[mode]]


@dense("Of each sequence: [part.bincount() for part in x].")
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each integer occurs, in x or in each of its rows; weighted where weights are."""
    if sparse:
        raise ValueError("bincount: sparse tensors are not here.")
    x = tensor(x).long()
    kind = torch.int32 if weights is None else promoted(tensor(x), tensor(weights))
    size = max(minlength, int(x.max()) + 1 if x.numel() else 0)
    w = torch.ones_like(x) if weights is None else tensor(weights)
    counts = torch.zeros(*x.shape[:-1], size, dtype=w.dtype)
    return counts.scatter_add(-1, x, w).to(kind)


@dense("Of its steps: x.values.")
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """How many numbers fall into each of equal bins, and the bins' bounds."""
    found = torch.histogram(tensor(x).float(), bins, range=range)
    return found.hist, found.bin_edges


__all__ = [
    "bincount", "corrcoef", "correlate", "dot", "einsum", "histogram", "inner", "kron",
    "matmul", "outer", "tensordot", "vdot",
]  # fmt: skip
