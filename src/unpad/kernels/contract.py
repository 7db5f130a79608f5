"""Of each sequence the sum over its steps of products of the values of two, feature by feature.

A product of matrices for each sequence, its steps by features transposed times its steps by
features: all of them are one run of the library, and both gradients another. Torch has a call for
each, or a grid. 32 sequences of 32 steps of 64 features, forward and backward, two cores with
AVX-512: 1.3 ms became .53.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout
from ..ragged.own import Own
from ..ragged.side_by_side import side_by_side
from . import around, checks
from .library import DTYPES, call
from .paths import Operator, Path, forced
from .structures import words
from .threads import threads


def contract(x: Tensor, y: Tensor, layout: Layout) -> Tensor:
    """The sum over each sequence's steps of x[step, i] y[step, j], differentiable.

    A sequence's bits depend neither on the others nor on the number of threads, where the library
    serves. An empty sequence gives 0.

    Args:
        x: (steps, m).
        y: (steps, n), of the same type.
        layout: of both.

    Returns:
        (batch, m, n).

    Raises:
        ValueError: the sizes, types or devices do not go together.
    """
    if not around.recorded():
        return CONTRACT.choose((x, y)).direct(x, y, layout.own)
    # As `products`: of what is exported others know torch's own, and of types autocast does.
    served = x.is_cpu and x.dtype in DTYPES and y.dtype is x.dtype
    if torch.compiler.is_exporting() or not served or around.cast_to(x) is not None:
        return _in_a_grid(x, y, layout.own)
    return CONTRACT.op(x, y, layout.own.offsets, forced() or "")


def _refuses(given: tuple[Tensor, Tensor]) -> str | None:
    """Why the library cannot take these values; None where it can."""
    x, y = given
    if x.dtype is not y.dtype:
        return f"the values are {x.dtype} and {y.dtype}"
    return around.values_refused(x) or around.values_refused(y)


# --- in the library -------------------------------------------------------------------------------


def _forward(x: Tensor, y: Tensor, counts: Sequence[int]) -> Tensor:
    m, n, size = x.shape[1], y.shape[1], x.itemsize
    with around.as_tensors():
        out = x.new_empty(len(counts), m, n)
        x, y = x.contiguous(), y.contiguous()
        at_x, at_y, at = x.data_ptr(), y.data_ptr(), out.data_ptr()
        filled: list[int] = []  # of unpad_product: x transposed @ y
        for steps in counts:
            filled += (at_x, at_y, 0, at, 0, m, n, steps, m, n, n, 1, 0, 0)
            at_x, at_y, at = at_x + steps * m * size, at_y + steps * n * size, at + m * n * size
        call("unpad_products", DTYPES[x.dtype], threads(), len(counts), words(filled))
    return out


def _backward(
    d_out: Tensor, x: Tensor, y: Tensor, counts: Sequence[int], wanted: Sequence[bool]
) -> list[Tensor | None]:
    m, n, size = x.shape[1], y.shape[1], x.itemsize
    with around.as_tensors():
        d_out, x, y = d_out.contiguous(), x.contiguous(), y.contiguous()
        found = [torch.empty_like(t) if w else None for t, w in zip((x, y), wanted, strict=True)]
        filled: list[int] = []
        # y @ d_out transposed, and x @ d_out.
        ways = (found[0], y, n, m, True), (found[1], x, m, n, False)
        for to, of, inner, columns, turned in ways:
            if to is None:
                continue
            at, at_of, at_to = d_out.data_ptr(), of.data_ptr(), to.data_ptr()
            for steps in counts:
                filled += (at_of, at, 0, at_to, 0, steps, columns, inner, inner, n, columns)
                filled += (0, turned, 0)
                at_of, at_to = at_of + steps * inner * size, at_to + steps * columns * size
                at += m * n * size
        call("unpad_products", DTYPES[x.dtype], threads(), len(filled) // 14, words(filled))
    return found


class _Contracted(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, own: Own) -> Tensor:
        ctx.own = own
        ctx.save_for_backward(x, y)
        return _forward(x, y, own.counts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (d_out,), (x, y) = gradients, ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if not torch.is_grad_enabled():
            return *_backward(d_out, x, y, ctx.own.counts, wanted), None
        again = _each(x, y, ctx.own)  # somebody differentiates it again
        asked = [t for t, w in zip((x, y), wanted, strict=True) if w]
        found = iter(torch.autograd.grad(again, asked, d_out, create_graph=True))
        return *(next(found) if w else None for w in wanted), None


def _compiled(x: Tensor, y: Tensor, own: Own) -> Tensor:
    if torch.is_grad_enabled():
        return _Contracted.apply(x, y, own)
    return _forward(x, y, own.counts)


def _run(x: Tensor, y: Tensor, offsets: Tensor) -> Tensor:
    return _forward(x, y, offsets.diff().tolist())


def _back(gradients: Any, arguments: Any, results: Any, wanted: Any) -> list[Tensor | None]:
    """See `paths.Operator.backward`."""
    (d_out,), (x, y, offsets) = gradients, arguments
    return (
        [None, None] if d_out is None else _backward(d_out, x, y, offsets.diff().tolist(), wanted)
    )


# --- by torch's operators -------------------------------------------------------------------------


def _in_a_grid(x: Tensor, y: Tensor, own: Own) -> Tensor:
    """As a graph has it that is made once for all lengths, and as a GPU likes it."""
    grid = side_by_side(own)
    return grid.lay(x).mT @ grid.lay(y)


def _each(x: Tensor, y: Tensor, own: Own) -> Tensor:
    """Sequence after sequence. Outer products of all steps would take many times the memory."""
    if not own.batch:
        return (x.sum() + y.sum()) * x.new_zeros(0, x.shape[1], y.shape[1])
    pairs = zip(x.split(own.counts), y.split(own.counts), strict=True)
    return torch.stack([a.T @ b for a, b in pairs])


def _torch(x: Tensor, y: Tensor, own: Own) -> Tensor:
    return _in_a_grid(x, y, own) if around.recorded() or not x.is_cpu else _each(x, y, own)


def _through_torch(function: Any) -> Any:
    """A path that is told offsets."""
    return lambda x, y, offsets: function(x, y, Own(offsets, None, None, steps=x.shape[0]))


def _reference(x: Tensor, y: Tensor, own: Own) -> Tensor:
    """Step after step."""
    sums = [x[:0].T @ y[:0]] * own.batch
    for sequence, a, b in zip(own.sequence_ids.tolist(), x, y, strict=True):
        sums[sequence] = sums[sequence] + a[:, None] * b
    return torch.stack(sums) if sums else _each(x, y, own)


CONTRACT = Operator(
    "contract",
    [
        Path("compiled", _refuses, _run, _back, direct=_compiled),
        Path("torch", lambda given: None, _through_torch(_torch), direct=_torch),
        Path("reference", lambda given: None, _through_torch(_reference), direct=_reference),
    ],
    call=lambda x, y, *_: (x, y),
    takes="Tensor x, Tensor y, Tensor offsets",
    gives="Tensor",
    shapes=lambda x, y, offsets, *_: x.new_empty((offsets.shape[0] - 1, x.shape[1], y.shape[1])),
    check=checks.contract,
    followed=("x", "y"),
)
