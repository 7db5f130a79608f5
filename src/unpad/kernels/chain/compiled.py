"""Chains in the library (csrc/chain): nothing is laid out but a row of tags for each step.

Computed in float64 inside, whatever the type of the scores, so that a likelihood near 1 is told
from 1 after thousands of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...ragged.own import Own
from .. import around, library
from ..checks import indices, like
from ..library import DTYPES, call
from ..structures import by_name
from ..threads import threads
from . import walk
from .steps import Scores, own_of


def refuses(scores: Scores) -> str | None:
    """Why these scores cannot go through the library; None where they can."""
    transform = around.transform()
    if transform is not None:
        return around.within(transform)
    if not scores.values.shape[-1]:
        return "there are no tags"
    return library.refuses(scores.values)


def log_partition(scores: Scores, own: Own, tags: Tensor | None, partly: bool) -> Tensor:
    """See `reference.log_partition`."""
    return cast(Tensor, _LogPartition.apply(*scores, own.offsets, tags, partly))


def sums(
    scores: Scores, offsets: Tensor, tags: Tensor | None, partly: bool, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The same, and with `keep` what the gradient is made of: (steps, tags) float64.

    Of all paths and, where there are tags, of those that have them.
    """
    rows = scores.values.shape[0], scores.values.shape[-1]
    total = scores.values.new_empty(offsets.shape[0] - 1)
    walked = torch.empty(rows if keep else (0,), dtype=torch.float64)
    fitting = torch.empty(rows if keep and partly else (0,), dtype=torch.float64)
    arrays = {"total": total, "walked": walked if keep else None}
    arrays["fitting"] = fitting if keep and partly else None
    _call("unpad_chain_sums", scores, offsets, tags, arrays)
    return total, walked, fitting


def back(
    gradients: Any, arguments: Any, results: Any, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """See `paths.Operator.backward`."""
    (d_total,), (values, offsets, *parts, tags, partly) = gradients, arguments
    scores, (_, walked, fitting) = Scores(values, *parts), results
    if d_total is None:
        return (None,) * len(wanted)
    d_total = d_total.contiguous()
    like("chain", "d_total", d_total, (offsets.shape[0] - 1,), values)
    rows = values.shape[0], values.shape[-1]
    double = values.new_empty(0, dtype=torch.float64)
    for kept in (walked, *((fitting,) if partly else ())):
        like("chain", "what was kept", kept, rows, double)
    found = [
        values.new_empty(part.shape) if part is not None and asked else None
        for part, asked in zip(scores, wanted, strict=True)
    ]
    names = ("d_scores", "d_transitions", "d_start", "d_end")
    arrays = dict(zip(names, found, strict=True))
    arrays |= {"d_total": d_total, "walked": walked.contiguous()}
    arrays["fitting"] = fitting.contiguous() if partly else None
    _call("unpad_chain_gradients", scores, offsets, tags, arrays)
    return tuple(found)


class _LogPartition(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        *parts, offsets, tags, partly = arguments
        keep = any(ctx.needs_input_grad)
        total, *kept = sums(Scores(*parts), offsets, tags, partly, keep)
        if keep:
            ctx.save_for_backward(*parts, offsets, tags, *kept)
            ctx.partly = partly
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        *parts, offsets, tags, walked, fitting = ctx.saved_tensors
        arguments = parts[0], offsets, *parts[1:], tags, ctx.partly
        results = None, walked, fitting
        found = back(gradients, arguments, results, ctx.needs_input_grad[:4])
        return *found, None, None, None


def marginals(scores: Scores, layout: Own | Tensor) -> Tensor:
    """See `operators.marginals`."""
    return cast(Tensor, _Marginals.apply(*scores, own_of(layout)))


def marginals_back(
    gradients: Any, arguments: Any, results: Any, wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The way of the walk in torch's operators, differentiated by torch."""
    values, layout, *parts = arguments
    fresh = [
        part.detach().requires_grad_(asked) if part is not None else None
        for part, asked in zip((values, *parts), wanted, strict=True)
    ]
    with torch.enable_grad():
        found = walk.marginals(Scores(*cast(Any, fresh)), layout)
    asked = [part for part in fresh if part is not None and part.requires_grad]
    if gradients[0] is None or not asked or not found.requires_grad:
        return [None] * len(wanted)
    turn = iter(torch.autograd.grad(found, asked, gradients[0], allow_unused=True))
    return [next(turn) if part is not None and part.requires_grad else None for part in fresh]


class _Marginals(around.Direct):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        *parts, own = arguments
        scores, offsets = Scores(*parts), own.offsets
        _, walked, _ = sums(scores, offsets, None, False, True)
        found = torch.empty_like(walked, dtype=scores.values.dtype)
        arrays = {"walked": walked, "marginals": found}
        _call("unpad_chain_gradients", scores, offsets, None, arrays)
        ctx.save_for_backward(*parts)
        ctx.own = own
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        parts = ctx.saved_tensors
        arguments = (parts[0], ctx.own, *parts[1:])
        return *marginals_back(gradients, arguments, None, ctx.needs_input_grad[:4]), None


def best_path(scores: Scores, layout: Own | Tensor) -> Tensor:
    """See `operators.best_path`."""
    steps = scores.values.shape[0]
    path = torch.empty(steps, dtype=torch.int64)
    space = torch.empty(steps, scores.values.shape[-1], dtype=torch.float64)
    offsets = own_of(layout).offsets
    _call("unpad_chain_best", scores, offsets, None, {"path": path, "walked": space}, 1)
    return path


def best_paths(scores: Scores, layout: Own | Tensor, count: int) -> tuple[Tensor, Tensor]:
    """See `operators.best_paths`."""
    offsets, values = own_of(layout).offsets, scores.values
    rows = values.shape[0], values.shape[-1], count
    path = torch.empty(values.shape[0], count, dtype=torch.int64)
    total = values.new_empty(offsets.shape[0] - 1, count)
    space = torch.empty(rows, dtype=torch.float64)
    whence = torch.empty(rows if count > 1 else (0,), dtype=torch.int64)
    arrays = {"path": path, "total": total, "walked": space, "whence": whence}
    _call("unpad_chain_best", scores, offsets, None, arrays, count)
    return path, total


def check(scores: Scores, offsets: Tensor, tags: Tensor | None) -> None:
    """Raises where the arguments do not go together; the library looks at what they hold."""
    values, transitions, start, end = scores
    size, device = values.shape[-1] if values.ndim else 0, values.device
    pairs = values.ndim == 3
    if values.ndim not in (2, 3) or (pairs and values.shape[1] != size):
        raise ValueError(
            f"chain: expected scores (steps, tags) or (steps, tags, tags), got "
            f"{tuple(values.shape)}."
        )
    if pairs and transitions is not None:
        raise ValueError("chain: scores (steps, tags, tags) have the transitions in them.")
    shapes = {"transitions": (size, size), "start": (size,), "end": (size,)}
    for name, part in zip(shapes, (transitions, start, end), strict=True):
        if part is not None:
            like("chain", name, part, shapes[name], values)
    indices("chain", "offsets", offsets, (max(offsets.numel(), 1),), device)
    if tags is not None:
        indices("chain", "tags", tags, (values.shape[0],), device)


def _call(
    function: str,
    scores: Scores,
    offsets: Tensor,
    only: Tensor | None,
    arrays: Mapping[str, Tensor | None],
    best: int = 0,
) -> None:
    check(scores, offsets, only)
    held: Any = [t if t is None or t.is_contiguous() else t.contiguous() for t in scores]
    offsets, only = offsets.contiguous(), None if only is None else only.contiguous()
    values, transitions, start, end = held
    given = {"scores": values, "transitions": transitions, "start": start, "end": end, **arrays}
    given |= {"offsets": offsets, "only": only}
    chain = by_name(
        "unpad_chain",
        **{name: t.data_ptr() for name, t in given.items() if t is not None},
        steps=values.shape[0],
        batch=offsets.shape[0] - 1,
        tags=values.shape[-1],
        pairs=int(values.ndim == 3),
        best=best,
    )
    call(function, DTYPES[values.dtype], threads(), chain)
