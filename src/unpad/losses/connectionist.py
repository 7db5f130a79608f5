"""Connectionist temporal classification: labels whose places in the sequence are not known."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments import Precision
from ..errors import first_true
from ..kernels import chain
from ..layers import Spec
from ..ragged import Layout, Ragged
from ..ragged.batch import place, values_of
from ..ragged.numbers import as_tensor
from ..signatures import of_numbers
from .sequence import SequenceLoss


class CTC(SequenceLoss):
    """-log of the probability that a sequence's steps spell its labels.

    Class 0 is the blank. A path of one class a step spells what is left when classes that repeat
    themselves are merged and blanks dropped; the probabilities of all paths that spell the labels
    are summed. So a target is never longer than its output: it needs a step for each label, and
    one more for the blank between two labels that are alike.

    Shapes: y_pred (steps, classes), logits; y_true Ragged of labels from 1 to classes - 1, of
    lengths of its own, or a grid (batch, time) where 0 is no label. A model that ends in softmax is
    trained from its logits. The loss is one number a sequence. Without steps and without labels it
    is 0 and does not count; steps without labels cost the way of blanks alone.

    On a CPU it is compiled, and keeps its gradient, (steps, classes); elsewhere the
    log-probabilities are copied once into a grid, as torch's operator takes them. Source of the
    formula: Graves et al., "Connectionist Temporal Classification", 2006.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.

    Example:
        >>> logits = Ragged.from_list([torch.zeros(3, 5), torch.zeros(2, 5)])
        >>> losses.CTC(reduction=None)(Ragged.from_list([[1, 2], [4]]), logits)
        tensor([3.2189, 2.1203])
    """

    tail = "softmax"
    takes = ("softmax", "log_softmax", "linear")
    own_lengths = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ctc",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def own_targets(self, y_true: Ragged | Tensor) -> Ragged:
        """Labels as a Ragged; in a grid 0 is no label, wherever it stands."""
        if not isinstance(y_true, Ragged):
            grid = as_tensor(y_true, f"{self.name}: y_true")
            if grid.ndim != 2:
                raise ValueError(
                    f"{self.name}: expected labels as a Ragged, or as a grid (batch, time) where 0 "
                    f"is no label, got {tuple(grid.shape)}."
                )
            y_true = Ragged.from_padded(grid, padding=0)
        if y_true.feature == (1,):
            y_true = y_true.with_values(y_true.values.squeeze(-1))
        if y_true.feature:
            raise ValueError(
                f"{self.name}: expected one integer a label, got labels of shape "
                f"{tuple(y_true.feature)}."
            )
        return y_true

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        classes = output.shape[-1] if output.shape else None
        if len(output.shape) != (1 if output.ragged else 2) or classes is None or classes < 2:
            raise ValueError(
                f"{self.name}: expected one output for each class at each step, the blank first, "
                f"got {output}."
            )
        target = self.own_targets(target)
        self._check_labels(target, classes)

    def _check_labels(self, target: Ragged, classes: int) -> None:
        y = values_of(target)
        if y.is_floating_point() and (broken := first_true(y != y.round())) is not None:
            raise ValueError(
                f"{self.name}: the label in {place(target, broken)} is {y[broken].item()}; "
                "expected integers."
            )
        if (broken := first_true((y < 1) | (y >= classes))) is None:
            return
        wrong = int(y[broken])
        hint = (
            "Class 0 is the blank: add 1 to every label, and a class to the model."
            if wrong == 0
            else f"Labels go from 1 to {classes - 1}."
        )
        raise ValueError(
            f"{self.name}: label {wrong} in {place(target, broken)}, but the model has {classes} "
            f"classes with the blank. {hint}"
        )

    def check_lengths(self, target: Ragged, output: Layout) -> None:
        repeated = chain.repeated(target.values, target.layout.own)
        broken = first_true(target.lengths + repeated > output.lengths.to(target.device))
        if broken is None:
            return
        labels, pairs = int(target.lengths[broken]), int(repeated[broken])
        steps = int(output.lengths[broken])
        blanks = f", {pairs} of them like the one before," if pairs else ""
        raise ValueError(
            f"{self.name}: sequence {broken[0]} has {_number(steps, 'step')} of output, but its "
            f"target of {_number(labels, 'label')}{blanks} needs {labels + pairs}. Leave it out, "
            "or let the model give more steps."
        )

    def per_sequence(self, y_true: Ragged, y_pred: Ragged) -> Tensor:
        self._check_labels(y_true, y_pred.feature[-1])
        device = y_pred.device
        labels = y_true.values.to(device=device, dtype=torch.int64)
        return chain.ctc(y_pred.values, y_pred.layout.own, labels, y_true.layout.to(device).own)


def _number(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


@of_numbers
def ctc_decode(y_pred: Ragged) -> Ragged:
    """What a CTC model's best path spells: repeats merged, blanks (class 0) dropped.

    The best class of each step by itself, which is not always the best spelling. A sequence of
    blanks spells nothing.

    Args:
        y_pred: (batch, steps*, classes), logits or probabilities, as `predict` gives them.

    Returns:
        Labels, (batch, steps*), of lengths of their own.

    Example:
        >>> best = Ragged.from_list([[2, 2, 0, 2, 1], [0, 0], []])
        >>> one_hot = best.map(lambda v: torch.nn.functional.one_hot(v, 3))
        >>> [s.tolist() for s in losses.ctc_decode(one_hot)]
        [[2, 2, 1], [], []]
    """
    best = y_pred.map(lambda steps: steps.argmax(-1))
    before = best.values.roll(1).where(best.positions > 0, 0)
    spelt = best.keep((best.values != 0) & (best.values != before))
    # The slots of the outputs mean nothing to the labels.
    return spelt.with_values(spelt.values, Layout(spelt.offsets, _checked=True))
