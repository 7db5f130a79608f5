"""Labels of classes: one that is kept free for padding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ...ragged import Ragged
from ...ragged.batch import values_of
from ...ragged.numbers import as_tensor
from ..facts import Case
from ..findings import Finding

# Chance leaves out one class of C among 20 C labels about once in e^20 times, among 5 C once in
# 150: enough only where the slots without a step hold 0, and no other.
_SURE = 20
_LIKELY = 5


def labels(case: Case) -> Iterator[Finding]:
    """Of each output's labels."""
    for target in case.targets:
        classes = target.classes
        if classes == 0:
            continue
        if classes is None:
            values = values_of(target.laid)
            classes = int(values.max()) + 1 if values.numel() else 0
        # Labels that follow an input's steps follow the first's, or say nothing of slots.
        seen = class_never_seen(target.laid, classes, target.given, case.inputs[0].real)
        if seen is not None:
            yield seen


def class_never_seen(
    laid: Ragged | Tensor, classes: int, given: Any, real: Ragged | Tensor
) -> Finding | None:
    """Class 0 that never occurs while all others do: labels shifted by one for padding.

    Args:
        laid: the labels at real steps, or of sequences.
        classes: how many the model has outputs for.
        given: the labels as the caller gave them.
        real: the real steps of the input.
    """
    y = values_of(laid)
    if y.is_floating_point():
        if bool((y != y.round()).any()):
            return None
        y = y.long()
    count = y.numel()
    if classes < 3 or count < _LIKELY * classes or y.dtype == torch.bool:
        return None
    if int(y.min()) != 1 or int(y.max()) != classes - 1:
        return None
    counts = y.flatten().long().bincount(minlength=classes)
    if int((counts > 0).sum()) != classes - 1:
        return None
    # Where another class is rarer than the rest, or there are but two, this one may be as rare.
    rarest, usual = int(counts[1:].min()), count / (classes - 1)
    sure = classes >= 4 and count >= _SURE * classes and rarest >= max(_LIKELY, usual / 2)
    if not sure and not _zero_between(given, real):
        return None
    one = classes - 1
    return Finding(
        "class 0",
        f"class 0 never occurs, but the model has {classes} classes.",
        f"The {count:,} labels at real steps go from 1 to {one}."
        if isinstance(laid, Ragged)
        else f"The {count:,} labels go from 1 to {one}.",
        "Padding needs no class of its own: what is no step has no label. With y - 1 and "
        f"{one} outputs there is no class to predict that does not exist.",
        {"labels": count, "classes": classes, "expected of class 0": count / classes},
        "y = y - 1",
        chance=(1 - 1 / classes) ** count * classes,
    )


def _zero_between(given: Any, real: Ragged | Tensor) -> bool:
    """Whether labels were given for slots that hold no step, and all of them are 0."""
    if not isinstance(real, Ragged) or isinstance(given, (Ragged, list, tuple)):
        return False
    grid = as_tensor(given, "examine: y")
    mask = real.layout.own.mask.cpu()
    if grid.ndim < 2 or grid.shape[:2] != mask.shape:
        return False
    outside = grid[~mask]
    return outside.numel() > 0 and not bool(outside.any())
