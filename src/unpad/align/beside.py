"""A batch's targets and weights beside what the model made of it, by named axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from ..ragged.numbers import HALF, as_tensor


class Aligned(NamedTuple):
    """What `Loss.reduce` takes: targets and weights beside the predictions.

    Values at the real steps, or rows, for a loss a step; Ragged for a loss of whole sequences. The
    layout is that of the predictions, None where they are rows.
    """

    y_true: Any
    y_pred: Any
    weight: Tensor | None
    layout: Layout | None


def on_steps(
    y_true: Ragged | Tensor, y_pred: Ragged | Tensor, weight: Ragged | Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Targets and weights as tensors beside the predictions' values, aligned by named axis.

    A weight of shape (batch,) belongs to sequences, one a step is Ragged or has the steps' axes.

    Raises:
        ValueError: layouts or shapes that cannot be aligned.
    """
    if isinstance(y_pred, Ragged):
        layout = y_pred.layout
        true = values_on(layout, y_true, "y_true")
        if isinstance(weight, Ragged):
            return true, y_pred.values, values_on(layout, weight, "sample_weight")
        if weight is not None:
            weight = as_tensor(weight, "sample_weight", layout.device)
            if weight.ndim == 0:  # one number for all
                weight = weight.expand(layout.batch)
            if weight.ndim == 1 and len(weight) == layout.batch:
                weight = weight[layout.own.sequence_ids]
            else:
                weight = values_on(layout, weight, "sample_weight")
        return true, y_pred.values, weight
    y_pred = as_numbers(y_pred)
    if isinstance(y_true, Ragged):
        raise ValueError(
            f"y_true: got a Ragged beside outputs {tuple(y_pred.shape)}, one row a sequence; "
            "expected rows too."
        )
    true = as_tensor(y_true, "y_true", y_pred.device)
    if weight is not None:
        weight = as_tensor(weight, "sample_weight", y_pred.device)
        if weight.ndim == 0:  # one number for all
            weight = weight.expand(len(y_pred))
        if weight.ndim > max(1, y_pred.ndim - 1) and weight.shape[-1] == 1:
            weight = weight.squeeze(-1)
        if len(weight) != len(y_pred) or weight.ndim > max(1, y_pred.ndim - 1):
            raise ValueError(
                f"sample_weight: expected one for each of {len(y_pred)} sequences or for each of "
                f"their steps, got {tuple(weight.shape)} for outputs {tuple(y_pred.shape)}."
            )
        weight = weight.reshape(*weight.shape, *(1,) * (y_pred.ndim - 1 - weight.ndim))
    return true, y_pred, weight


def summable(y_pred: Any, dtype: torch.dtype | None = None) -> Any:
    """Predictions in a type that losses may be computed and summed in: no half precision.

    A square of 300 is more than float16 holds, and bfloat16 counts to 256.

    Args:
        y_pred: a Ragged or a tensor.
        dtype: that somebody wants; None is that of the predictions.
    """
    wanted = dtype or y_pred.dtype
    wanted = torch.float32 if wanted in HALF else wanted
    return y_pred if y_pred.dtype is wanted else y_pred.to(dtype=wanted)


def as_numbers(y_pred: Any) -> Tensor:
    """Predictions as a tensor of floats, from whatever holds them."""
    y_pred = as_tensor(y_pred, "y_pred")
    return y_pred if y_pred.is_floating_point() else y_pred.to(torch.get_default_dtype())


def values_on(layout: Layout, data: Ragged | Tensor, who: str) -> Tensor:
    """The data's values at the layout's steps: of a Ragged, or picked out of the caller's grid."""
    if isinstance(data, Ragged):
        if not layout.agrees(data.layout):
            raise ValueError(
                f"{who}: its sequences and the model's output differ: "
                f"{data.layout.difference(layout)}."
            )
        return data.values
    data = as_tensor(data, who, layout.device)
    if data.ndim < 2 or data.shape[0] != layout.batch or data.shape[1] != layout.time:
        raise ValueError(
            f"{who}: expected a Ragged, or the grid ({layout.batch}, {layout.time}, ...) of the "
            f"model's output, got {tuple(data.shape)}."
        )
    return layout.steps_of(data)


def beside(weight: Tensor, lead: Sequence[int], expected: str) -> Tensor:
    """A weight with as many axes as what it weighs, aligned from the first axis on.

    Args:
        weight: of the first axes, or of all; an axis of one entry goes with any size.
        lead: the shape of what is weighed.
        expected: the text of the error, with a place for that shape.

    Raises:
        ValueError: an axis of the weight is not that of what it weighs.
    """
    shape = list(weight.shape)
    while len(shape) > len(lead) and shape[-1] == 1:
        shape.pop()
    fits = len(shape) <= len(lead)
    if not fits or any(w not in (1, n) for w, n in zip(shape, lead, strict=False)):
        raise ValueError(f"{expected.format(tuple(lead))}, got {tuple(weight.shape)}.")
    return weight.reshape(*shape, *(1,) * (len(lead) - len(shape)))
