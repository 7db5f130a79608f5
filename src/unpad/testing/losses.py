"""The laws that every loss keeps, as checks that anyone can run on a loss of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..losses import CustomLoss, Loss, SequenceLoss, get
from ..losses.reduction import Reduced
from ..ragged import Layout, Ragged
from .batches import coded, grid
from .laws import LENGTHS, LawBroken

# As many sequences as steps, so that weights laid along the wrong axis still have its length.
_SQUARE = 3


def check_loss(
    make: Callable[[], Any],
    y_true: Ragged | None = None,
    y_pred: Ragged | None = None,
    *,
    tolerance: float = 1e-9,
) -> None:
    """Runs a loss through every law, forward and backward, in float64.

    4 one denominator: totals and divisors of any batches add up to those of the whole, and weights
    belong to sequences or steps by their axis; 1 the order of the sequences does not matter; 2
    padding is invisible; 5 where nothing counts the loss is 0, and so is its gradient; and the
    gradient is that of the number.

    Args:
        make: gives a fresh loss: a Loss, a torch loss module, any callable of (y_true, y_pred).
        y_true: targets, where values of their own are needed (labels); else some are made.
        y_pred: predictions on the same steps, or of as many sequences where targets have lengths
            of their own; where none are given, (steps, 3) are made.
        tolerance: how far numbers may be apart, absolutely and relatively.

    Raises:
        LawBroken: the law that is broken, where, and by how much.

    Example:
        >>> import unpad
        >>> unpad.testing.losses.check_loss(unpad.losses.MeanSquaredError)
    """
    pred = coded(LENGTHS, (3,)) if y_pred is None else y_pred
    pred = pred.to(torch.float64).detach()
    true = pred.map(lambda v: torch.cos(5 * v)) if y_true is None else y_true
    loss = get(make())
    check_denominator(loss, true, pred, tolerance)
    check_loss_order(loss, true, pred, tolerance)
    check_loss_padding(loss, true, pred, tolerance)
    check_loss_empty(loss, true, pred, tolerance)
    check_weights(loss, true, pred, tolerance)
    check_gradient(loss, true, pred)


def check_denominator(loss: Loss, true: Ragged, pred: Ragged, tolerance: float) -> None:
    """Law 4: in any batches the loss and its gradient are those of the whole."""
    law = "law 4, one denominator"
    whole, gradient = _run(loss, true, pred)
    if loss.reduction != "none":
        _same(
            loss, f"{law} (called)", loss(true, pred).detach(), whole.value, "the loss", tolerance
        )
    cuts = [[i] for i in range(1, pred.batch)] + [list(range(1, pred.batch))]
    for cut in cuts:
        spans = [slice(a, b) for a, b in pairwise([0, *cut, pred.batch])]
        parts = [_run(loss, true[s], pred[s]) for s in spans]
        total = torch.stack([p.total for p, _ in parts]).sum()
        divisors = torch.stack([torch.as_tensor(p.divisor).double() for p, _ in parts])
        divisor = divisors.amax() if loss.reduction == "sum" else divisors.sum()
        where = f"summed over batches of {[s.stop - s.start for s in spans]}"
        what = f"the denominator {where}"
        _same(loss, law, divisor, torch.as_tensor(whole.divisor).double(), what, tolerance)
        _same(loss, law, total, whole.total, f"the total {where}", tolerance)
        pieces = torch.cat([g.values for _, g in parts])
        _same_steps(loss, f"{law} (gradient)", pred.with_values(pieces), gradient, tolerance)


def check_loss_order(loss: Loss, true: Ragged, pred: Ragged, tolerance: float) -> None:
    """Law 1: the order of the sequences does not matter."""
    order = torch.arange(pred.batch).flip(0)
    straight, gradient = _run(loss, true, pred)
    turned, turned_gradient = _run(loss, true[order], pred[order])
    _same(loss, "law 1, any order", turned.value, straight.value, "the loss", tolerance)
    law = "law 1, any order (gradient)"
    _same_steps(loss, law, turned_gradient[order], gradient, tolerance)


def check_loss_padding(loss: Loss, true: Ragged, pred: Ragged, tolerance: float) -> None:
    """Law 2: from grids padded left, right or with holes, with any content, the same comes out."""
    want, gradient = _run(loss, true, pred)
    for side in ("right", "left", "holes"):
        x, mask = grid(pred, side)
        padded = Ragged.from_padded(x, mask=mask)
        y: Any = true
        if not loss.own_lengths:
            y, _ = grid(true, side, fill=float("nan") if true.dtype.is_floating_point else 99)
        got, padded_gradient = _run(loss, y, padded)
        law = f"law 2, padding is invisible ({side})"
        _same(loss, law, got.value, want.value, "the loss", tolerance)
        _same_steps(loss, f"{law[:-1]}, gradient)", padded_gradient, gradient, tolerance)


def check_loss_empty(loss: Loss, true: Ragged, pred: Ragged, tolerance: float) -> None:
    """Law 5: no sequence, no step: the loss is 0; an empty sequence more changes nothing."""
    for lengths in ([], [0], [0, 0, 0]):
        layout = Layout.from_lengths(lengths)
        nothing = [Ragged(r.values[:0], layout) for r in (true, pred)]
        _is_zero(loss, _run(loss, nothing[0], nothing[1]), f"lengths {lengths} give")
    longer = [Ragged(r.values, torch.cat([r.offsets, r.offsets[-1:]])) for r in (true, pred)]
    want, _ = _run(loss, true, pred)
    got, _ = _run(loss, longer[0], longer[1])
    for part in ("divisor", "total"):
        what = f"with an empty sequence more the {part}"
        _same(
            loss, "law 5, empty is legal", getattr(got, part), getattr(want, part), what, tolerance
        )


def check_weights(loss: Loss, true: Ragged, pred: Ragged, tolerance: float) -> None:
    """Laws 4 and 5: a weight belongs to a sequence or a step; where all are 0 the loss is 0.

    A loss that refuses weights is not asked further.
    """
    ones = torch.ones(pred.batch, dtype=torch.float64)
    if _refuses(loss, true, pred, ones):
        return
    law = "law 4, weights by named axis"
    plain, _ = _run(loss, true, pred)
    same, _ = _run(loss, true, pred, ones)
    _same(loss, law, same.value, plain.value, "with weights of 1 the loss", tolerance)
    _is_zero(loss, _run(loss, true, pred, 0 * ones), "weights of 0 give")
    weight = 0.5 + torch.arange(pred.batch, dtype=torch.float64) % 3
    weighted, gradient = _run(loss, true, pred, weight)
    each = [_run(loss, true[i : i + 1], pred[i : i + 1])[0].total for i in range(pred.batch)]
    total = (torch.stack(each) * weight).sum() if each else torch.zeros((), dtype=torch.float64)
    _same(loss, law, weighted.total, total, "with a weight a sequence the total", tolerance)
    repeated = Ragged(weight[pred.sequence_ids], pred.layout)
    if not _refuses(loss, true, pred, repeated):
        by_step, by_step_gradient = _run(loss, true, pred, repeated)
        what = "with the weight of each sequence at its steps the loss"
        _same(loss, law, by_step.value, weighted.value, what, tolerance)
        _same_steps(loss, f"{law} (gradient)", by_step_gradient, gradient, tolerance)
    # A callable is written for steps, (steps, feature), and need not know of rows.
    if not (loss.own_lengths or isinstance(loss, CustomLoss)) and pred.steps:
        _check_square(loss, true, pred, tolerance)


def check_gradient(loss: Loss, true: Ragged, pred: Ragged) -> None:
    """The gradient is that of the number, by finite differences."""

    def value(values: Tensor) -> Tensor:
        return _reduced(loss, true, pred.with_values(values), None).value

    values = pred.values.clone().requires_grad_()
    if not torch.autograd.gradcheck(value, values, raise_exception=False):
        given = _run(loss, true, pred)[1].values
        found = torch.autograd.functional.jacobian(value, pred.values)
        what = f"it is {_shown(given)}, of the loss itself {_shown(found)}"
        _broken(loss, "the law of gradients", what)


# --- how losses are run and compared -------------------------------------------------------------


def _check_square(loss: Loss, true: Ragged, pred: Ragged, tolerance: float) -> None:
    """Rows as long as there are of them, dense and as a Ragged, under a weight a row."""
    steps = torch.arange(_SQUARE**2) % pred.steps
    layout = Layout.full(_SQUARE, _SQUARE)
    y, p = (Ragged(r.values[steps], layout) for r in (true, pred))
    weight = 1.0 + torch.arange(_SQUARE, dtype=torch.float64)
    want, gradient = _run(loss, y, p, weight)
    values = p.values.unflatten(0, (_SQUARE, _SQUARE)).clone().requires_grad_()
    got = _reduced(loss, y.values.unflatten(0, (_SQUARE, _SQUARE)), values, weight)
    got.total.backward()
    law = "law 4, weights by named axis"
    what = f"of a dense ({_SQUARE}, {_SQUARE}, ...) with a weight a row the loss"
    _same(loss, law, got.value.detach(), want.value, what, tolerance)
    dense = p.with_values(values.grad.flatten(0, 1))  # pyright: ignore[reportOptionalMemberAccess]
    _same_steps(loss, f"{law} (gradient)", dense, gradient, tolerance)


def _run(loss: Loss, true: Any, pred: Ragged, weight: Any = None) -> tuple[Reduced, Ragged]:
    """Total and divisor, and the gradient of the total with respect to the predictions."""
    values = pred.values.detach().clone().requires_grad_()
    reduced = _reduced(loss, true, pred.with_values(values), weight)
    if reduced.total.requires_grad:
        reduced.total.backward()
    gradient = torch.zeros_like(values) if values.grad is None else values.grad
    total, divisor = (torch.as_tensor(part).detach() for part in reduced)
    return Reduced(total, divisor), pred.with_values(gradient)


def _reduced(loss: Loss, true: Any, pred: Any, weight: Any) -> Reduced:
    y_true, y_pred, weight, layout = loss.align(true, pred, weight)
    return loss.reduce(y_true, y_pred, weight, layout=layout)


def _refuses(loss: Loss, true: Ragged, pred: Ragged, weight: Any) -> bool:
    """Whether the loss says that it cannot have such weights, as some may."""
    if not isinstance(loss, (CustomLoss, SequenceLoss)):
        return False
    try:
        _reduced(loss, true, pred, weight)
    except ValueError:
        return True
    return False


def _is_zero(loss: Loss, run: tuple[Reduced, Ragged], who: str) -> None:
    law = "law 5, empty is legal"
    value, gradient = run[0].value, run[1].values
    if float(value) != 0:
        _broken(loss, law, f"{who} {float(value):.3g}")
    if torch.count_nonzero(gradient):
        _broken(loss, law, f"{who} a gradient: {_shown(gradient)}")


def _same(loss: Loss, law: str, got: Tensor, want: Tensor, what: str, tolerance: float) -> None:
    if got.shape != want.shape:
        _broken(loss, law, f"{what} has shape {tuple(got.shape)} against {tuple(want.shape)}")
    if not torch.allclose(got, want, rtol=tolerance, atol=tolerance):
        _broken(loss, law, f"{what} is {float(got):.6g} against {float(want):.6g}")


def _same_steps(loss: Loss, law: str, got: Ragged, want: Ragged, tolerance: float) -> None:
    a, b = got.values, want.values
    if torch.allclose(a, b, rtol=tolerance, atol=tolerance):
        return
    close = torch.isclose(a, b, rtol=tolerance, atol=tolerance).reshape(len(a), -1)
    first = int((~close).any(1).nonzero()[0])
    apart = float((a - b)[first].abs().max())
    _broken(loss, law, f"{want.layout.where(first)} is off by {apart:.3g}")


def _shown(values: Tensor) -> str:
    numbers: Sequence[float] = values.flatten()[:4].tolist()
    return f"[{', '.join(f'{n:.3g}' for n in numbers)}, ...]"


def _broken(loss: Loss, law: str, what: str) -> None:
    who = loss.name if isinstance(loss, CustomLoss) else type(loss).__name__
    raise LawBroken(f"{who} breaks {law}: {what}.")
