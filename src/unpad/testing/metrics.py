"""The laws of metrics, as checks that anyone can run on a metric of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import metrics
from ..losses import Loss, MeanSquaredError, SparseCategoricalCrossentropy
from ..metrics.step_metric import StartedMetric, StepMetric, wrap
from ..ragged import Layout, Ragged
from .batches import coded
from .laws import LENGTHS, LawBroken

# The label of steps that do not count, where the check adds some.
_IGNORED = -1
# Classes of the batch that is made.
_CLASSES = 4


class Batch(NamedTuple):
    """Targets, predictions, and a weight for each step or None."""

    true: Ragged
    pred: Ragged
    weight: Tensor | None = None


def check_metric(
    make: str | Callable[[], Any],
    y_true: Ragged | None = None,
    y_pred: Ragged | None = None,
    *,
    loss: Loss | None = None,
    tolerance: float = 1e-9,
) -> None:
    """Runs a metric through its laws.

    4 one denominator: the same number for any split into batches and any order of the sequences,
    weight 2 is twice, weight 0 is not at all; 5 empty is legal: empty sequences and batches change
    nothing, no step gives 0 and never NaN; and steps of the loss's ignored class change nothing.

    Args:
        make: a name, or gives a fresh metric, of any kind that `compile` takes.
        y_true: targets; by default labels of 4 classes.
        y_pred: predictions beside them; by default probabilities of 4 classes.
        loss: that the model is trained with; by default one that goes with the targets.
        tolerance: how far numbers may be apart, absolutely and relatively.

    Raises:
        LawBroken: the law that is broken, and the numbers.

    Example:
        >>> import unpad
        >>> unpad.testing.check_metric("accuracy")
    """
    if y_true is None or y_pred is None:
        y_true, y_pred = _made()
    labels = y_true.values.ndim == 1 and not y_true.values.is_floating_point()
    if loss is None:
        loss = SparseCategoricalCrossentropy() if labels else MeanSquaredError()
    batch = Batch(y_true, y_pred)
    check = _Check(make, loss, y_pred.feature[-1] if y_pred.feature else 1, tolerance)
    check.splits(batch)
    check.order(batch)
    check.empties(batch)
    if labels:
        check.ignored(batch)
    if check.metric().takes_weight:
        check.weights(batch)


class _Check:
    """The laws of one metric."""

    def __init__(
        self, make: str | Callable[[], Any], loss: Loss, size: int, tolerance: float
    ) -> None:
        self.make, self.loss, self.size, self.tolerance = make, loss, size, tolerance

    def metric(self) -> StepMetric:
        """A fresh one."""
        if isinstance(self.make, str):
            return metrics.as_metric(self.make)
        found = wrap(self.make())
        if found is None:
            raise ValueError(
                "check_metric: expected a metric's name, or a callable that gives a metric, got "
                f"one that gives {self.make()!r}."
            )
        return found

    def start(self, loss: Loss | None = None) -> StartedMetric:
        """A fresh one, ready to be fed."""
        loss = self.loss if loss is None else loss
        started = self.metric().start(self.size, loss, torch.device("cpu"))
        started.reset()
        return started

    def value(self, batches: Sequence[Batch], loss: Loss | None = None) -> Tensor:
        """The metric over these batches."""
        started = self.start(loss)
        _feed(started, batches)
        return started.value()

    # --- the laws --------------------------------------------------------------------------------

    def splits(self, batch: Batch) -> None:
        """Law 4: any split into batches."""
        want = self.value([batch])
        n = batch.true.batch
        law = "law 4, one denominator"
        for size in (1, 2, max(1, n - 1)):
            parts = [_take(batch, range(i, min(i + size, n))) for i in range(0, n, size)]
            self.same(law, f"in batches of {size}", self.value(parts), "at once", want)

    def order(self, batch: Batch) -> None:
        """Law 1: any order of the sequences."""
        want = self.value([batch])
        n = batch.true.batch
        for order in (range(n - 1, -1, -1), [*range(1, n), 0][:n]):
            got = self.value([_take(batch, order)])
            self.same("law 1, any order", "with its sequences in another order", got, "", want)

    def empties(self, batch: Batch) -> None:
        """Law 5: empty sequences and batches change nothing; nothing at all gives 0."""
        law = "law 5, empty is legal"
        want = self.value([batch])
        lengths = batch.true.lengths.tolist()
        among = [0, *(n for length in lengths for n in (length, 0, 0))]
        layout = Layout.from_lengths(among)
        spread = Batch(Ragged(batch.true.values, layout), Ragged(batch.pred.values, layout))
        self.same(law, "with empty sequences among the others", self.value([spread]), "", want)
        none, nothing = _take(batch, []), _empty(batch, 2)
        got = self.value([none, batch, nothing])
        self.same(law, "with empty batches before and after", got, "", want)
        for what, batches in {
            "with no batch": [],
            "with an empty batch": [none],
            "with a batch of empty sequences": [nothing, nothing],
        }.items():
            self.zero(law, what, self.value(batches))
        started = self.start()
        _feed(started, [batch])
        started.value()
        started.reset()
        self.zero(law, "after a reset", started.value())
        _feed(started, [batch])
        self.same(law, "fed again after a reset", started.value(), "", want)

    def ignored(self, batch: Batch) -> None:
        """Steps of the ignored class change nothing, and nothing else gives 0."""
        law = "ignored steps change nothing"
        loss = copy.copy(self.loss)
        loss.ignore_class = _IGNORED  # pyright: ignore[reportAttributeAccessIssue]
        want = self.value([batch])
        marked = _with_ignored(batch)
        self.same(law, "with ignored steps among the others", self.value([marked], loss), "", want)
        gone = Batch(batch.true.map(lambda y: y * 0 + _IGNORED), batch.pred)
        self.same(law, "with a batch that is ignored", self.value([gone, batch], loss), "", want)
        self.zero(law, "with everything ignored", self.value([gone], loss))

    def weights(self, batch: Batch) -> None:
        """Law 4: weight 1 is once, 2 twice, 0 not at all."""
        law = "law 4, weights"
        layout = batch.true.layout
        ones = torch.ones(layout.steps)
        even = self.value([batch._replace(weight=ones)])
        self.same(law, "with weights of 1", even, "without", self.value([batch]))
        full = [i for i, n in enumerate(layout.own.lengths.tolist()) if n]
        for i in full:
            of_sequence = layout.own.sequence_ids == i
            double = self.value([batch._replace(weight=ones + of_sequence)])
            twice = self.value([_take(batch, [*range(layout.batch), i])])
            self.same(law, f"with weight 2 for sequence {i}", double, "with it twice", twice)
            none = self.value([batch._replace(weight=ones * ~of_sequence)])
            without = self.value([_take(batch, [j for j in range(layout.batch) if j != i])])
            self.same(law, f"with weight 0 for sequence {i}", none, "without it", without)
        for step in range(layout.steps):
            here = torch.arange(layout.steps) == step
            where = layout.where(step)
            none = self.value([batch._replace(weight=ones * ~here)])
            self.same(
                law,
                f"with weight 0 at {where}",
                none,
                "without it",
                self.value([_only(batch, ~here)]),
            )
            if not self.start().metric.reads_sequences:
                double = self.value([batch._replace(weight=ones + here)])
                twice = self.value([batch, _only(batch, here)])
                self.same(law, f"with weight 2 at {where}", double, "with it twice", twice)
        self.zero(law, "with weights of 0", self.value([batch._replace(weight=ones * 0)]))

    # --- how numbers are compared ----------------------------------------------------------------

    def same(self, law: str, what: str, got: Tensor, other: str, want: Tensor) -> None:
        """Both numbers agree, and are numbers."""
        for how, value in ((what, got), (other, want)):
            if bool(value.isnan().any()):
                self.broken(law, f"{how or 'over the batch'} it is {_shown(value)}")
        if got.shape != want.shape or not torch.allclose(
            got.double(), want.double(), rtol=self.tolerance, atol=self.tolerance
        ):
            against = f"{other} {_shown(want)}" if other else f"else {_shown(want)}"
            self.broken(law, f"{what} it is {_shown(got)}, {against}")

    def zero(self, law: str, what: str, got: Tensor) -> None:
        """The number is 0."""
        if not bool((got == 0).all()):
            self.broken(law, f"{what} it is {_shown(got)}; expected 0")

    def broken(self, law: str, what: str) -> None:
        """Raises the error."""
        raise LawBroken(f"metric {self.metric().name!r} breaks {law}: {what}.")


# --- batches -------------------------------------------------------------------------------------


def _made() -> tuple[Ragged, Ragged]:
    """Labels and probabilities; half of the steps are right."""
    pred = coded(LENGTHS, (_CLASSES,)).map(lambda v: torch.softmax(3 * v, -1))
    steps = torch.arange(pred.steps)
    right = pred.values.argmax(-1)
    return pred.with_values(torch.where(steps % 2 == 0, right, steps * 3 % _CLASSES)), pred


def _feed(started: StartedMetric, batches: Sequence[Batch]) -> None:
    for batch in batches:
        layout = batch.pred.layout
        started.update(batch.true.values, batch.pred.values, batch.weight, layout)


def _take(batch: Batch, sequences: Sequence[int] | range) -> Batch:
    index = torch.tensor([*sequences], dtype=torch.int64)
    return Batch(batch.true[index], batch.pred[index])


def _only(batch: Batch, keep: Tensor) -> Batch:
    """The steps where `keep` is True."""
    layout = batch.true.layout.keep(keep)
    true, pred = (Ragged(r.values[keep], layout) for r in (batch.true, batch.pred))
    return Batch(true, pred)


def _empty(batch: Batch, sequences: int) -> Batch:
    layout = Layout.from_lengths([0] * sequences)
    true, pred = (Ragged(r.values[:0], layout) for r in (batch.true, batch.pred))
    return Batch(true, pred)


def _with_ignored(batch: Batch) -> Batch:
    """Every step twice, first ignored, and an ignored one at each sequence's end."""
    layout = batch.true.layout
    index, ignored, lengths, step = [], [], [], 0
    for n in layout.own.lengths.tolist():
        for _ in range(n):
            index += [step, step]
            ignored += [True, False]
            step += 1
        if n:
            index.append(step - 1)
            ignored.append(True)
        lengths.append(2 * n + bool(n))
    at, flags = torch.tensor(index), torch.tensor(ignored)
    wider = Layout.from_lengths(lengths)
    true = batch.true.values[at].masked_fill(flags, _IGNORED)
    return Batch(Ragged(true, wider), Ragged(batch.pred.values[at], wider))


def _shown(value: Tensor) -> str:
    return f"{float(value):.6g}" if value.numel() == 1 else str(value.tolist())
