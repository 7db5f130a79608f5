"""The base of losses of whole sequences: one number a sequence, not one a step."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..align.beside import Aligned, as_numbers, summable, values_on
from ..errors import shown
from ..ragged import Layout, Ragged
from ..ragged.numbers import as_tensor
from .loss import Loss
from .reduction import Reduced, reduce


class SequenceLoss(Loss):
    """A loss whose number belongs to a sequence: of all its labels, of the path through them.

    `y_true` and `y_pred` are Ragged, or grids whose every slot is a step. The mean is over the
    sequences that have a step: the sum of loss times weight divided by their number. Without a
    step at all it is 0. Weights are those of sequences, (batch,).

    A loss of one's own has a `per_sequence`. Where targets have lengths of their own, it sets
    `own_lengths` and says with `own_targets` how a grid of them is read and with `check_lengths`
    which lengths go together.

    Args:
        name: shown in logs.
        reduction: see `Loss`; "mean_over_sequences" is the mean.
        dtype: see `Loss`.
    """

    def per_sequence(self, y_true: Ragged, y_pred: Ragged) -> Tensor:
        """The loss of each sequence, (batch,); 0 where a sequence has no step.

        Args:
            y_true: targets; of the predictions' lengths, or with `own_lengths` of their own.
            y_pred: predictions (batch, steps*, feature), at least one step in all.
        """
        raise NotImplementedError

    def own_targets(self, y_true: Ragged | Tensor) -> Ragged:
        """Targets of lengths of their own, from whatever holds them.

        Args:
            y_true: targets as the caller holds them.

        Raises:
            ValueError: a grid, of which it is not known which slots are labels.
        """
        if isinstance(y_true, Ragged):
            return y_true
        got = tuple(y_true.shape) if hasattr(y_true, "shape") else shown(y_true)
        raise ValueError(
            f"{self.name}: expected targets as a Ragged, got {got}"
            ". Ragged.from_padded(y, lengths=...) says which slots are labels."
        )

    def check_lengths(self, target: Ragged, output: Layout) -> None:
        """Raises a ValueError where a target's length does not go with its output's.

        Args:
            target: targets of lengths of their own.
            output: the layout of the outputs.
        """

    def align(
        self,
        y_true: Ragged | Tensor,
        y_pred: Ragged | Tensor,
        sample_weight: Ragged | Tensor | None = None,
    ) -> Aligned:
        if isinstance(y_pred, Ragged) and y_pred.levels > 1:
            return self._align_inner(y_true, y_pred, sample_weight)
        pred = y_pred if isinstance(y_pred, Ragged) else _all_steps(self.name, y_pred)
        layout = pred.layout
        if self.own_lengths:
            true = self.own_targets(y_true)
            if true.batch != pred.batch:
                raise ValueError(
                    f"{self.name}: {true.batch} targets for {pred.batch} sequences; each needs its "
                    "own."
                )
        else:
            true = Ragged(values_on(layout, y_true, "y_true"), layout)
        weight = _of_sequences(self.name, sample_weight, pred)
        return Aligned(true, summable(pred, self._dtype), weight, layout)

    def reduce(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, *, layout: Layout | None = None
    ) -> Reduced:
        """The weighted sum over the sequences, and the denominator.

        Args:
            y_true: Ragged, as `align` gives it; so are the others.
            y_pred: see y_true.
            weight: (batch,), or None.
            layout: of the predictions; not needed, they carry it.
        """
        losses = self.unreduced(y_true, y_pred, None, layout)
        return reduce(losses, weight, with_steps(y_pred), self.reduction)

    def unreduced(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, layout: Layout | None = None
    ) -> Tensor:
        """The weighted loss of each sequence, from what `align` gives.

        Args:
            y_true: Ragged, as `align` gives it; so are the others.
            y_pred: see y_true.
            weight: (batch,), or None.
            layout: not needed; the predictions carry it.
        """
        self.check_lengths(y_true, y_pred.layout)
        if y_pred.steps == 0:
            # An empty sum is 0 and still has a gradient.
            losses = y_pred.values.new_zeros(y_pred.batch) + y_pred.values.sum()
        else:
            losses = self.per_sequence(y_true, y_pred)
        if tuple(losses.shape) != (y_pred.batch,):
            raise ValueError(
                f"{self.name}: expected one number for each of {y_pred.batch} sequences, got "
                f"{tuple(losses.shape)}."
            )
        there = with_steps(y_pred)
        losses = losses if there is None else losses.masked_fill(~there, 0)
        return losses if weight is None else losses * weight


def with_steps(sequences: Ragged) -> Tensor | None:
    """(batch,) bool: which have a step; None where the host can tell that all have."""
    own = sequences.layout.own
    counts = own.told_counts
    return own.lengths > 0 if counts is None or 0 in counts else None


def _all_steps(who: str, y_pred: Any) -> Ragged:
    y_pred = as_numbers(y_pred)
    if y_pred.ndim < 2:
        raise ValueError(
            f"{who}: expected a Ragged, or outputs (batch, time, ...), got {tuple(y_pred.shape)}."
        )
    return Ragged.from_padded(y_pred, lengths=y_pred.shape[1])


def _of_sequences(who: str, weight: Any, pred: Ragged) -> Tensor | None:
    if weight is None:
        return None
    if not isinstance(weight, Ragged):
        weight = as_tensor(weight, f"{who}: sample_weight", pred.device)
        if weight.ndim == 0:  # one number for all
            weight = weight.expand(pred.batch)
        if tuple(weight.shape) in ((pred.batch,), (pred.batch, 1)):
            return weight.reshape(pred.batch)
    shape = "one a step" if isinstance(weight, Ragged) else str(tuple(weight.shape))
    raise ValueError(
        f"{who} gives one number a sequence: expected sample_weight as ({pred.batch},), got "
        f"{shape}."
    )
