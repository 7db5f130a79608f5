"""Labels whose places in a sequence are not known: how improbable they are, over all paths.

A path of one class a step spells what is left when classes that repeat themselves are merged and
blanks, class 0, dropped (Graves et al., 2006). In the library (csrc/ctc) a sum is a double with an
exponent of its own, so that no path is lost, and the gradient is made on the way: it is all that is
kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...ragged.numbers import HALF
from ...ragged.own import Own
from .. import around, library
from ..checks import indices, like
from ..library import DTYPES, call
from ..paths import Operator, Path, forced
from ..structures import by_name
from ..threads import threads
from . import reference
from .steps import own_of


def ctc(scores: Tensor, layout: Own | Tensor, labels: Tensor, label_layout: Own | Tensor) -> Tensor:
    """-log of the probability that a sequence's steps spell its labels: (batch,).

    inf where no path spells them: there are fewer steps than labels, and one more for each that is
    like the one before; such a sequence has no gradient. 0 without steps and without labels.

    Args:
        scores: (steps, classes), of which the softmax is taken; class 0 is the blank. Half
            precision is computed in float32, the library's sums in float64.
        layout: offsets (batch + 1,) of the steps, or the own of a layout.
        labels: (labels,) int64, from 1 to classes - 1.
        label_layout: offsets (batch + 1,) of the labels, or the own of a layout.
    """
    if scores.dtype in HALF:
        scores = scores.float()
    own, own_labels = own_of(layout), own_of(label_layout)
    if around.recorded():
        keep = torch.is_grad_enabled() and scores.requires_grad
        offsets = own.offsets, own_labels.offsets
        return CTC.op(scores, offsets[0], labels, offsets[1], forced() or "", keep)[0]
    return CTC.choose(scores).direct(scores, own, labels, own_labels)


def repeated(labels: Tensor, layout: Own | Tensor) -> Tensor:
    """How many labels of each sequence are like the one before, and need a blank between: (batch,).

    Args:
        labels: (labels,).
        layout: offsets (batch + 1,) of the labels, or the own of a layout.
    """
    own = own_of(layout)
    alike = (labels == labels.roll(1)) & (own.positions > 0)
    return torch.zeros_like(own.lengths).index_add(0, own.sequence_ids, alike.long())


# --- in the library -------------------------------------------------------------------------------


def _refuses(scores: Tensor) -> str | None:
    transform = around.transform()
    if transform is not None:
        return around.within(transform)
    if not scores.shape[-1]:
        return "there are no classes"
    return library.refuses(scores)


def _check(scores: Tensor, offsets: Tensor, labels: Tensor, label_offsets: Tensor) -> None:
    """Raises where the arguments do not go together; the library looks at what they hold."""
    if scores.ndim != 2:
        raise ValueError(f"ctc: expected scores (steps, classes), got {tuple(scores.shape)}.")
    batch, device = (max(offsets.numel(), 1),), scores.device
    indices("ctc", "offsets", offsets, batch, device)
    indices("ctc", "labels", labels, (labels.numel(),), device)
    indices("ctc", "label_offsets", label_offsets, batch, device)


def _losses(
    scores: Tensor, offsets: Tensor, labels: Tensor, label_offsets: Tensor, keep: bool
) -> tuple[Tensor, Tensor]:
    """Of each sequence its number and, with `keep`, its gradient, (steps, classes)."""
    _check(scores, offsets, labels, label_offsets)
    total = scores.new_empty(offsets.shape[0] - 1)
    slopes = scores.new_empty(scores.shape if keep else (0,))
    given = {"scores": scores, "offsets": offsets, "labels": labels, "label_offsets": label_offsets}
    held = {name: t.contiguous() for name, t in given.items()} | {"total": total}
    held |= {"d_scores": slopes} if keep else {}
    packed = by_name(
        "unpad_ctc",
        **{name: t.data_ptr() for name, t in held.items()},
        steps=scores.shape[0],
        batch=offsets.shape[0] - 1,
        classes=scores.shape[1],
        label_count=labels.shape[0],
    )
    call("unpad_ctc_loss", DTYPES[scores.dtype], threads(), packed)
    return total, slopes


def _back(
    gradients: Any, arguments: Any, results: Any, wanted: Sequence[bool]
) -> tuple[Tensor | None]:
    """See `paths.Operator.backward`."""
    (d_total,), (scores, layout, *_), (_, slopes) = gradients, arguments, results
    if d_total is None:
        return (None,)
    own = own_of(layout)
    like("ctc", "d_total", d_total, (own.batch,), scores)
    like("ctc", "what was kept", slopes, tuple(scores.shape), scores)
    return (slopes * d_total.index_select(0, own.sequence_ids).unsqueeze(1),)


class _Losses(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        scores, own, labels, own_labels = arguments
        keep = ctx.needs_input_grad[0]
        total, slopes = _losses(scores, own.offsets, labels, own_labels.offsets, keep)
        if keep:
            ctx.save_for_backward(scores, slopes)
            ctx.own = own
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scores, slopes = ctx.saved_tensors
        found = _back(gradients, (scores, ctx.own), (None, slopes), [True])
        return *found, None, None, None


def _compiled(scores: Tensor, own: Own, labels: Tensor, own_labels: Own) -> Tensor:
    return cast(Tensor, _Losses.apply(scores, own, labels, own_labels))


# --- in torch's operator --------------------------------------------------------------------------


def _torch_refuses(scores: Tensor) -> str | None:
    transform = around.transform()
    return transform and around.within(transform)


def _on_grid(
    scores: Tensor, layout: Own | Tensor, labels: Tensor, label_layout: Own | Tensor
) -> Tensor:
    """The same by torch's `ctc_loss`, of those sequences whose labels have room."""
    own, own_labels = own_of(layout), own_of(label_layout)
    needed = own_labels.lengths + repeated(labels, own_labels)
    room = (needed <= own.lengths) & (own.lengths > 0)
    nothing = scores.new_zeros(own.batch) + scores[:0].sum()  # has a gradient
    # Steps end to end, at their positions: a hole is no step of the path.
    grid = scores.new_zeros(own.longest, own.batch, scores.shape[-1])
    logs = torch.log_softmax(scores, -1)
    grid = grid.index_put((own.positions, own.sequence_ids), logs)[:, room]
    empty = (own.lengths == 0) & (own_labels.lengths == 0)
    found = nothing.masked_fill(~empty, torch.inf)
    if not grid.numel():
        return found
    there = F.ctc_loss(
        grid, labels[room.index_select(0, own_labels.sequence_ids)], own.lengths[room],
        own_labels.lengths[room], reduction="none",
    )  # fmt: skip
    return found.index_copy(0, room.nonzero()[:, 0], there)


def _keeping_nothing(function: Any) -> Any:
    """As torch calls a path that torch differentiates."""

    def run(*given: Any) -> tuple[Tensor, Tensor]:
        *arguments, keep = given
        return function(*arguments), arguments[0].new_zeros(arguments[0].shape if keep else (0,))

    return run


def _shapes(scores: Tensor, offsets: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    keep = rest[-1]
    return scores.new_empty(offsets.shape[0] - 1), scores.new_empty(scores.shape if keep else (0,))


CTC = Operator(
    "ctc",
    [
        Path("compiled", _refuses, _losses, _back, direct=_compiled),
        Path("torch", _torch_refuses, _keeping_nothing(_on_grid), direct=_on_grid),
        Path(
            "reference", lambda scores: None, _keeping_nothing(reference.ctc), direct=reference.ctc
        ),
    ],
    takes="Tensor scores, Tensor offsets, Tensor labels, Tensor label_offsets",
    gives="(Tensor total, Tensor slopes)",
    shapes=_shapes,
    check=_check,
    followed=("scores",),
    kept=1,
)
