"""Targets of a whole data set, laid beside what the model will give."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from ..core.spec import Spec
from ..errors import first_true
from ..ragged import Layout, Ragged
from ..ragged.batch import values_of
from .lay import Place, check_new_lengths, laid, on_inner_steps, sequences
from .numbers import place_of, refuse_not_finite, refuse_too_large
from .where import Where


class Judge(Protocol):
    """What a loss says of targets, before there are predictions."""

    own_lengths: bool

    def own_targets(self, y_true: Ragged | Tensor) -> Ragged | Tensor:
        """Targets of lengths of their own, from whatever holds them."""
        ...

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        """Raises for targets that it cannot take."""

    def check_lengths(self, target: Ragged, output: Layout) -> None:
        """Raises where a target's length does not go with its output's."""


def lay_target(
    target: Ragged | Tensor,
    at: Place,
    loss: Judge,
    where: Where,
    weight: Ragged | Tensor | None = None,
    unweighted: str | None = None,
) -> Ragged | Tensor:
    """A target as the loss will take it: beside the steps or rows of the output.

    Args:
        target: what the caller gave, through the door.
        at: where it belongs. Where neither the input's lengths nor others are known to be the
            output's, those of the target are compared batch by batch.
        loss: asked whether it can take them.
        where: it was given.
        weight: as `lay_weights` gives it: a label of weight 0 may be NaN, for not known.
        unweighted: a metric that would count such a label too, if there is one.

    Raises:
        ValueError: they do not fit; the text says where first.
    """
    output = at.output
    target = target.to("cpu")
    if len(target) != len(at.given):
        raise ValueError(
            f"{where.of('x')} has {sequences(len(at.given))}, y has {len(target)}. Each sequence "
            "needs its target."
        )
    if loss.own_lengths:
        target = loss.own_targets(target)
    elif at.known or not output.ragged:
        target = laid(target, at.given, at.real, output, where)
        target = on_inner_steps(target, at.real, output)
    elif at.lengths is not None:
        check_new_lengths(target, at.lengths, output, where)
    target = _without_unlabelled(target, weight, where, unweighted)
    if output.ragged and isinstance(target, Tensor):
        # Which of its slots are steps is known when the model has run.
        return target
    refuse_not_finite(target, where, "Leave steps without a label out of x, or weigh them 0.")
    refuse_too_large(target, where)
    loss.check(target, output)
    if isinstance(target, Ragged) and isinstance(at.real, Ragged):
        if at.known:
            loss.check_lengths(target, at.real.layout)
        elif at.lengths is not None:
            loss.check_lengths(target, Layout.from_lengths(at.lengths))
    return target


def _without_unlabelled(
    target: Ragged | Tensor, weight: Ragged | Tensor | None, where: Where, unweighted: str | None
) -> Any:
    """The target with 0 for labels that are not known, where they weigh 0.

    NaN times 0 is NaN: what does not count must not come near the sum.

    Raises:
        ValueError: there are such labels, and a metric that knows no weights.
    """
    values = values_of(target)
    if weight is None or not values.is_floating_point() or bool(values.isfinite().all()):
        return target
    nothing = weight == 0
    if isinstance(target, Ragged) and not isinstance(nothing, Ragged):
        if nothing.ndim > 1:
            return target  # a grid that is laid on the steps later
        nothing = nothing[target.sequence_ids]
    elif isinstance(nothing, Ragged):
        if not isinstance(target, Ragged) or not target.layout.agrees(nothing.layout):
            return target
        nothing = nothing.values
    if nothing.ndim > values.ndim or nothing.shape != values.shape[: nothing.ndim]:
        return target
    nothing = nothing.reshape(*nothing.shape, *(1,) * (values.ndim - nothing.ndim))
    unlabelled = nothing & ~values.isfinite()
    if unweighted is not None and (first := first_true(unlabelled)) is not None:
        raise ValueError(
            f"{where}: {values[first].item()} in {place_of(target, first)} weighs 0, but metric "
            f"{unweighted!r} counts every step alike. Give it as weighted_metrics=."
        )
    filled = values.masked_fill(unlabelled, 0)
    return target.with_values(filled) if isinstance(target, Ragged) else filled
