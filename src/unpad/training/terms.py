"""The terms of a loss, where batches make one update together: each with a divisor of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from .outcome import Outcome, Part


class Term(NamedTuple):
    """A part of the loss that is divided by the same number throughout.

    Args:
        name: the same in every batch; "" for the first.
        value: of this batch.
        weight: how much it counts beside those of other batches: what it was divided by.
        summed: whether it is a sum, which adds up over batches and is divided by nothing.
    """

    name: str
    value: Tensor
    weight: float
    summed: bool = False


def terms_of(outcome: Outcome, parts: Sequence[Part]) -> list[Term]:
    """The terms of a batch's loss, at least one.

    The mean over several batches of an output with many steps and of one with few is not that of
    their sum: each has its own divisor. So have penalties on what comes out, and what layers add:
    the number of sequences. A penalty on weights is the same in every batch, so that it may go with
    any mean.

    Args:
        outcome: of the batch.
        parts: what is asked of each output.
    """
    whole = outcome.whole
    terms = [
        Term(
            f"loss of {part.name}",
            part.scale * loss.value,
            float(loss.divisor),
            part.loss is not None and part.loss.reduction == "sum",
        )
        for part, loss in zip(parts, whole.losses, strict=True)
        if loss is not None
    ]
    of_weights = [p.value for p in whole.penalties if p.of_weights]
    # Told apart by the layer, not by the divisor: two may have equal divisors in one batch only.
    asked: dict[str, tuple[list[Tensor], float]] = {}
    for penalty in whole.penalties:
        if not penalty.of_weights:
            name = "add_loss" if penalty.divisor is None else f"activity {penalty.key[0]}"
            asked.setdefault(name, ([], penalty.divisor or whole.rows))[0].append(penalty.value)
    means = [i for i, term in enumerate(terms) if not term.summed]
    if of_weights and means:
        first = terms[means[0]]
        terms[means[0]] = first._replace(value=first.value + sum(of_weights))
    elif of_weights:
        asked.setdefault("add_loss", ([], whole.rows))[0].extend(of_weights)
    terms += [
        Term(name, sum(values[1:], start=values[0]), divisor)
        for name, (values, divisor) in asked.items()
    ]
    return [terms[0]._replace(name=""), *terms[1:]]
