"""The base of every loss: a number for each step, then one denominator."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor

from ..align.beside import Aligned, beside, on_steps, summable, values_on
from ..arguments import Precision, precision, wrong
from ..configured import Configured
from ..core.precision import policy_of
from ..core.spec import spec_of
from ..layers import Layer, Spec
from ..ragged import Layout, Ragged
from ..ragged.numbers import type_name
from ..refusals import Refusing
from ..signatures import of_numbers
from .reduction import Reduced, known, reduce

_EACH = "sample_weight: expected one for each loss, {}"
#: What Keras lets a loss of one's own define or be set, and nothing here would look at.
_REFUSED = {
    "__call__": "Define call(self, y_true, y_pred): a number for each step, which the reduction "
    "brings together.",
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
        dtype: the type that predictions are brought into before anything is computed, and of the
            result, by name or as a policy; half a type is that of the result alone, computed in
            float32. By default that of the predictions, float32 for half a type.

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
        dtype: Precision = None,
    ) -> None:
        who = type(self).__name__
        self.reduction = reduction
        self.dtype = dtype
        self.name = name or who

    @property
    def reduction(self) -> str:
        """How the steps' numbers are brought together: one of the names above, "none" for None."""
        return self._reduction

    @reduction.setter
    def reduction(self, reduction: str | None) -> None:
        self._reduction = known(type(self).__name__, reduction)

    @property
    def dtype(self) -> str | None:
        """The type of the result, by its name; None is that of the predictions."""
        return None if self._dtype is None else type_name(self._dtype)

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        who = type(self).__name__
        policy = policy_of(precision(who, "dtype", dtype))
        self._dtype = None if policy is None else policy.compute
        if self._dtype is not None and not self._dtype.is_floating_point:
            raise wrong(who, "dtype", "a type of floating numbers", dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name; the type where one was given, as in Keras."""
        config = super().get_config()
        if config.get("dtype") is None:
            config.pop("dtype", None)
        return config

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each step, 0 where it does not count: (...,) from (..., feature).

        Args:
            y_true: targets at the steps, (..., feature), or labels (...,).
            y_pred: predictions at the same steps, (..., feature).
        """
        return self.call(y_true, y_pred)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each step, under Keras's name: what a loss of one's own defines.

        Args:
            y_true: targets, (..., feature).
            y_pred: predictions, (..., feature).
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no per_step(y_true, y_pred): give it one that returns the "
            "loss of each step."
        )

    def each(self, y_true: Tensor, y_pred: Tensor, layout: Layout | None) -> Tensor:
        """The loss of each step, for one that looks at others of its sequence; see `per_step`.

        Args:
            y_true: of all steps; so are the predictions.
            y_pred: see y_true.
            layout: of the steps; None where rows are no steps.
        """
        return self.per_step(y_true, y_pred)

    def counted(self, y_true: Tensor) -> Tensor | None:
        """Which steps count, or None for all.

        Args:
            y_true: targets as `per_step` gets them.
        """
        return None

    def counted_among(self, y_true: Tensor, losses: Tensor) -> Tensor | None:
        """The same where it hangs on what the steps lost.

        Args:
            y_true: targets as `per_step` gets them.
            losses: what `per_step` gave for them.
        """
        return self.counted(y_true)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        """Raises a ValueError for targets that this loss cannot take, naming the first.

        Args:
            target: targets beside the outputs, Ragged where these are.
            output: the spec of the outputs.
        """

    def check_layer(self, target: Ragged | Tensor, layer: Layer | None) -> None:
        """Raises a ValueError for targets that the model's last layer can never give.

        Args:
            target: targets beside the outputs, Ragged where these are.
            layer: the model's last; None where it is not known.
        """

    def own_targets(self, y_true: Ragged | Tensor) -> Ragged | Tensor:
        """Targets of lengths of their own, from whatever holds them, for a loss that takes such.

        Args:
            y_true: targets as the caller holds them.
        """
        return y_true

    def check_lengths(self, target: Ragged, output: Layout) -> None:
        """Raises a ValueError where a target's length does not go with its output's.

        Args:
            target: targets of lengths of their own.
            output: the layout of the outputs.
        """

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

        Args:
            y_true: targets for each step, or each row, of the predictions.
            y_pred: predictions, Ragged or dense.
            sample_weight: one a step or a sequence; None for 1 each.

        Raises:
            ValueError: layouts or shapes that cannot be aligned.
        """
        if isinstance(y_pred, Ragged) and y_pred.levels > 1:
            return self._align_inner(y_true, y_pred, sample_weight)
        layout = y_pred.layout if isinstance(y_pred, Ragged) else None
        true, pred, weight = on_steps(y_true, y_pred, sample_weight)
        return Aligned(true, summable(pred, self._dtype), weight, layout)

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
        losses = self.each(y_true, y_pred, layout)
        counted = self.counted_among(y_true, losses)
        if counted is not None:
            counted = counted.reshape(losses.shape)
        if weight is not None:
            weight = beside(weight, losses.shape, _EACH)
        return reduce(losses, weight, counted, self.reduction, layout)

    def unreduced(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, layout: Layout | None = None
    ) -> Tensor:
        """The weighted loss of each step, from what `align` gives.

        Args:
            y_true: as `align` gives it; so are the others.
            y_pred: see y_true.
            weight: one a step, or None.
            layout: of the steps; None where rows are no steps.
        """
        losses = self.each(y_true, y_pred, layout)
        return losses if weight is None else losses * beside(weight, losses.shape, _EACH)

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
                found = self.unreduced(true, pred, weight, layout)
            else:
                found = self.reduce(true, pred, weight, layout=layout).value
            return found if self._dtype is None else found.to(self._dtype)
        except IndexError:
            # A label out of range, found by torch; the check says which one and where.
            self.check(*_as_checked(y_pred, true, pred))
            raise

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


def of_each_step(loss: Loss, y_true: Any, y_pred: Any) -> Any:
    """The loss of each step beside the predictions, as Keras's functions give it: not reduced."""
    loss.reduction = "none"
    losses = loss(y_true, y_pred)
    return y_pred.with_values(losses) if isinstance(y_pred, Ragged) else losses


def _as_checked(given: Any, true: Any, pred: Any) -> tuple[Ragged | Tensor, Spec]:
    """A target as `Loss.check` takes it: Ragged where the predictions are, to name the step."""
    if isinstance(given, Ragged) and isinstance(true, Tensor):
        true = given.with_values(true)
    return true, spec_of(given if isinstance(given, Ragged) else pred)
