"""The base of every loss: a number for each step, then one denominator."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..arguments import of_numbers
from ..configured import Configured
from ..core.spec import spec_of
from ..errors import refuse
from ..layers import Layer, Spec
from ..ragged import Layout, Ragged
from ..ragged.numbers import as_tensor
from ..refusals import Refusing
from .reduction import Reduced, beside, known, reduce

__all__ = ["Aligned", "Loss", "Reduced", "on_steps"]


class Aligned(NamedTuple):
    """What `Loss.reduce` takes: targets and weights beside the predictions.

    Values at the real steps, or rows, for a loss a step; Ragged for a loss of whole sequences. The
    layout is that of the predictions, None where they are rows.
    """

    y_true: Any
    y_pred: Any
    weight: Tensor | None
    layout: Layout | None


#: What Keras lets a loss of one's own define or be set, and nothing here would look at.
_REFUSED = {
    "__call__": "Define call(self, y_true, y_pred): a number for each step, which the reduction "
    "brings together.",
    "dtype": "A loss has the type of the predictions, at least float32: cast these.",
}


class Loss(Configured, Refusing, refused=_REFUSED):
    """A loss on real steps: called with (y_true, y_pred, sample_weight) as Keras's.

    `y_true` and `y_pred` are values (steps, ...), tensors of any leading shape, or Ragged. The
    mean is over the steps that count (all, or those whose class is not ignored): the sum of loss
    times weight divided by their number. With no step at all it is 0.

    A loss of one's own has a `per_step`, or Keras's name for it, `call`.

    Args:
        name: shown in logs.
        reduction: "sum_over_batch_size" or "mean" (over the steps), "sum",
            "mean_with_sample_weight" (divides by the sum of the weights), "mean_over_sequences"
            (the mean of each sequence's own mean; one without a step does not count) or None (a
            value for each step).
        dtype: not supported; the loss has the type of the predictions, float32 for half precision.

    Raises:
        ValueError: there is no reduction of this name.
    """

    #: The activation whose input this loss can be computed from, more exactly than its output.
    tail: str | None = None
    #: The activations whose outputs it can be given, where it has a tail.
    takes: tuple[str, ...] = ()
    #: Whether targets have lengths of their own, others than the predictions'.
    own_lengths = False
    from_logits = False

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        who = type(self).__name__
        refuse(who, dtype=dtype)
        self.reduction = reduction
        self.name = name or who

    @property
    def reduction(self) -> str:
        """How the steps' numbers are brought together: one of the names above, "none" for None."""
        return self._reduction

    @reduction.setter
    def reduction(self, reduction: str | None) -> None:
        self._reduction = known(type(self).__name__, reduction)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each step, 0 where it does not count: (...,) from (..., feature)."""
        return self.call(y_true, y_pred)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each step, under Keras's name: what a loss of one's own defines."""
        raise NotImplementedError(
            f"{type(self).__name__} has no per_step(y_true, y_pred): give it one that returns the "
            "loss of each step."
        )

    def counted(self, y_true: Tensor) -> Tensor | None:
        """Which steps count, or None for all."""
        return None

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        """Raises a ValueError for targets that this loss cannot take, naming the first."""

    def check_layer(self, target: Ragged | Tensor, layer: Layer | None) -> None:
        """Raises a ValueError for targets that the model's last layer can never give."""

    def with_logits(self) -> Loss:
        """The same loss, computed from what goes into the model's last activation."""
        other = copy.copy(self)
        other.from_logits = True
        return other

    def align(
        self,
        y_true: Ragged | Tensor,
        y_pred: Ragged | Tensor,
        sample_weight: Ragged | Tensor | None = None,
    ) -> Aligned:
        """Targets and weights beside the predictions, as `reduce` takes them.

        Raises:
            ValueError: layouts or shapes that cannot be aligned.
        """
        if isinstance(y_pred, Ragged) and y_pred.levels > 1:
            return self._align_inner(y_true, y_pred, sample_weight)
        layout = y_pred.layout if isinstance(y_pred, Ragged) else None
        true, pred, weight = on_steps(y_true, y_pred, sample_weight)
        return Aligned(true, summable(pred), weight, layout)

    def _align_inner(self, y_true: Any, y_pred: Ragged, weight: Any) -> Aligned:
        """Of sequences of sequences, the inner ones: each is a sequence to the loss."""
        layout = y_pred.layout
        if isinstance(weight, Tensor) and weight.ndim == 1 and len(weight) == layout.batch:
            weight = weight[layout.own.sequence_ids]
        elif weight is not None:
            weight = values_on(layout, weight, "sample_weight")
        return self.align(values_on(layout, y_true, "y_true"), y_pred.values, weight)

    def reduce(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, *, layout: Layout | None = None
    ) -> Reduced:
        """The weighted sum over the steps that count, and the denominator.

        Args:
            y_true: as `align` gives it; so are the others.
            y_pred: see y_true.
            weight: one a step, or None.
            layout: of the steps; None where rows are sequences. "mean_over_sequences" needs it.
        """
        losses = self.per_step(y_true, y_pred)
        counted = self.counted(y_true)
        if counted is not None:
            counted = counted.reshape(losses.shape)
        if weight is not None:
            weight = beside(weight, losses)
        return reduce(losses, weight, counted, self.reduction, layout)

    def unreduced(self, y_true: Any, y_pred: Any, weight: Tensor | None) -> Tensor:
        """The weighted loss of each step, from what `align` gives."""
        losses = self.per_step(y_true, y_pred)
        return losses if weight is None else losses * beside(weight, losses)

    @of_numbers
    def __call__(
        self,
        y_true: Ragged | Tensor,
        y_pred: Ragged | Tensor,
        sample_weight: Ragged | Tensor | None = None,
    ) -> Tensor:
        """The reduced loss; with reduction None the loss of each step."""
        true, pred, weight, layout = self.align(y_true, y_pred, sample_weight)
        try:
            if self.reduction == "none":
                return self.unreduced(true, pred, weight)
            return self.reduce(true, pred, weight, layout=layout).value
        except IndexError:
            # A label out of range, found by torch; the check says which one and where.
            self.check(*_as_checked(y_pred, true, pred))
            raise

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


def _as_checked(given: Any, true: Any, pred: Any) -> tuple[Ragged | Tensor, Spec]:
    """A target as `Loss.check` takes it: Ragged where the predictions are, to name the step."""
    if isinstance(given, Ragged) and isinstance(true, Tensor):
        true = given.with_values(true)
    return true, spec_of(given if isinstance(given, Ragged) else pred)


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


def summable(y_pred: Any) -> Any:
    """Predictions in a type that losses may be computed and summed in: no half precision.

    A square of 300 is more than float16 holds, and bfloat16 counts to 256.
    """
    half = y_pred.dtype in (torch.float16, torch.bfloat16)
    return y_pred.to(dtype=torch.float32) if half else y_pred


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
