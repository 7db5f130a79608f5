"""Weights of a whole data set's steps or sequences, and those of classes."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from ..arguments import number, wrong
from ..core.spec import Spec
from ..errors import first_true
from ..ragged import Ragged
from ..ragged.batch import values_of
from .lay import Place, laid, sequences
from .numbers import place_of, refuse_not_finite
from .where import Where


def lay_weights(weight: Ragged | Tensor | None, at: Place, where: Where) -> Ragged | Tensor | None:
    """Weights of sequences, (n,), or of steps, beside those of the output.

    Args:
        weight: what the caller gave, through the door; None where each counts alike.
        at: where it belongs.
        where: it was given.

    Raises:
        ValueError: they do not fit, or one is negative or no number; the text says where first.
    """
    if weight is None:
        return None
    given, opened, output, known = at.given, at.real, at.output, at.known
    weight = weight.to("cpu", torch.get_default_dtype())
    if len(weight) != len(given):
        raise ValueError(
            f"{where}: x has {sequences(len(given))}, sample_weight has {len(weight)}."
        )
    if isinstance(weight, Ragged) or weight.ndim > 1:
        if known or not output.ragged:
            weight = laid(weight, given, opened, output, where)
        values = values_of(weight)
        if isinstance(weight, Ragged) and values.ndim == 2 and values.shape[1] == 1:
            weight = weight.with_values(values[:, 0])
        elif values.ndim > (1 if isinstance(weight, Ragged) else 2):
            raise ValueError(f"{where}: expected one weight a sequence or a step.")
    refuse_not_finite(weight, where, "")
    values = values_of(weight)
    if (broken := first_true(values < 0)) is not None:
        raise ValueError(
            f"{where}: {values[broken].item()} in {place_of(weight, broken)} is negative."
        )
    return weight


def with_class_weight(
    weight: Ragged | Tensor | None,
    class_weight: dict[int, float],
    target: Ragged | Tensor,
    output: Spec,
    who: str,
) -> Ragged | Tensor:
    """Multiplies each step's weight with that of its class."""
    classes = max(2, output.shape[-1] or 2) if output.shape else 2
    if not isinstance(class_weight, Mapping):
        what = "a dict of a number for each class, as {0: 1.0, 1: 2.5}"
        raise wrong(who, "class_weight", what, class_weight)
    table = torch.ones(classes)
    for label, value in class_weight.items():
        if not isinstance(label, Integral) or not 0 <= label < classes:
            raise ValueError(
                f"{who}: class_weight has class {label!r}, but the model has {classes} classes."
            )
        table[int(label)] = number(who, f"class_weight[{label}]", value, 0)
    y = values_of(target)
    rank = len(output.shape)  # axes of one label a step or sequence, the leading one included
    if y.ndim > rank and y.shape[-1] == classes and (output.shape[-1] or 0) > 1:
        y = y.argmax(-1)
    elif y.ndim > rank and y.shape[-1] == 1:
        y = y.squeeze(-1)
    if y.ndim != rank or bool((y != y.round()).any() if y.is_floating_point() else False):
        raise ValueError(f"{who}: class_weight needs labels of classes as y.")
    per_step: Any = table[y.long().clamp(0, classes - 1)]
    if isinstance(target, Ragged):
        per_step = target.with_values(per_step)
    if weight is None:
        return per_step
    if isinstance(weight, Tensor) and isinstance(per_step, Tensor):
        return per_step * weight.reshape(*weight.shape, *(1,) * (per_step.ndim - weight.ndim))
    return per_step * weight
