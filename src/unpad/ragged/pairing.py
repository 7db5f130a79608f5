"""What stands beside the steps of a Ragged, and functions of numbers that are paired so.

Steps are paired one to one, features from the last axis on, and an axis is told by the number of
axes, never by a size that happens to fit:

    a number                     goes to every number
    (*feature)                   to every step; an axis of 1 to all of that axis
    (batch, *feature)            one row a sequence, to each of its steps
    (batch, time, *feature)      the grid that the steps came from; missing slots are not looked at
    a Ragged of equal layout     step by step; one with fewer axes of features gets more in front,
                                 so that one number a step goes to all features of that step
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .layout import Layout
from .numbers import as_constant, as_tensor
from .sequences import Sequences as Ragged


def combine(function: Callable[..., Any], parts: Sequence[Any], sign: str) -> Any:
    """The function of parts that are paired, number by number; at least one is a Ragged.

    Args:
        function: of tensors and numbers, as many as parts.
        parts: Ragged, tensors, arrays and numbers.
        sign: of the operator, or the name of the function, for errors.

    Returns:
        A Ragged on the layout of the parts; NotImplemented where one is nothing that can be paired.

    Raises:
        ValueError: layouts differ, or a shape fits nothing.
    """
    like = max((p for p in parts if isinstance(p, Ragged)), key=_axes)
    beside = [p._values if p is like else _beside(p, like, sign) for p in parts]
    if any(part is NotImplemented for part in beside):
        return NotImplemented
    if isinstance(like._values, Ragged):
        return like.with_values(combine(function, beside, sign))
    found = function(*beside)
    return found if found is NotImplemented else like.with_values(found)


def _axes(ragged: Ragged) -> tuple[int, int]:
    return ragged.levels, len(ragged.feature)


def _beside(part: Any, like: Ragged, sign: str) -> Any:
    """What torch pairs with the values of `like`."""
    if isinstance(part, Ragged):
        return _steps_beside(part, like, sign)
    if isinstance(part, (bool, int, float)):
        return part
    if isinstance(part, (complex, np.generic)):
        return as_constant(part, torch.float64, _who(sign, "number"), "the other")
    if not isinstance(part, (Tensor, np.ndarray)):
        return NotImplemented
    who = _who(sign, "tensor")
    return beside(like, as_tensor(part, who, like.device), who)


def beside(ragged: Ragged, other: Tensor, who: str) -> Tensor:
    """What of a tensor stands beside each step of a Ragged, to be paired with its values.

    Args:
        ragged: whose steps.
        other: a number, a feature vector, one row a sequence, or the grid the steps came from.
        who: shown in errors.

    Raises:
        ValueError: it is none of these.
    """
    feature, layout = ragged.feature, ragged.layout
    rank = len(feature)
    if other.ndim <= rank:
        # A step of one feature is not broadcast: (batch,) numbers beside it are one a sequence.
        found = other if _fit(feature, other.shape, grows=False) else None
    elif not _fit(feature, other.shape[other.ndim - rank :], grows=True):
        found = None
    elif other.ndim == rank + 1 and other.shape[0] == layout.batch:
        found = other.index_select(0, layout.own.sequence_ids)
    elif rank + 2 <= other.ndim < rank + 2 + ragged.levels and _is_grid(other, layout):
        found = layout.steps_of(other.expand(layout.batch, *other.shape[1:]))
    else:
        found = None
    if found is not None:
        return found
    sizes = "".join(f", {n}" for n in feature)
    raise ValueError(
        f"{who}: got {tuple(other.shape)}. Expected a scalar, a feature vector {tuple(feature)}, "
        f"one row a sequence ({layout.batch}{sizes}), or the grid that the steps came from "
        f"({layout.batch}, {layout.time}{sizes})."
    )


def _steps_beside(part: Ragged, like: Ragged, sign: str) -> Any:
    if not like.layout.agrees(part.layout):
        raise ValueError(
            f"{_who(sign, 'Ragged')}: the two have different layouts: "
            f"{like.layout.difference(part.layout)}. Steps are paired one to one; for a value a "
            "sequence give a (batch, *feature) tensor, as ragged.mean() does."
        )
    values = part._values
    if isinstance(values, Ragged):
        return values
    rank = len(like.feature)
    if not _fit(like.feature, values.shape[1:], grows=True):
        raise ValueError(
            f"{_who(sign, 'Ragged')}: steps of {tuple(like.feature)} and of "
            f"{tuple(values.shape[1:])} do not go together. One number a step goes to all features."
        )
    # One row a sequence of an inner level: axes of size 1 stand for its missing features.
    missing = rank + 1 - values.ndim
    if not missing:
        return values
    return values.reshape(values.shape[0], *(1,) * missing, *values.shape[1:])


def _fit(feature: Sequence[int], other: Sequence[int], grows: bool) -> bool:
    """Whether sizes go together from the last on; those of 1 go with any."""
    pairs = zip(reversed(feature), reversed(other), strict=False)
    return all(a == b or b == 1 or (grows and a == 1) for a, b in pairs)


def _is_grid(other: Tensor, layout: Layout) -> bool:
    return other.shape[0] in (1, layout.batch) and other.shape[1] == layout.time


def _who(sign: str, other: str) -> str:
    return f"torch.{sign}" if sign.isidentifier() else f"Ragged {sign} {other}"
