"""The loss of a model on a batch, from its logits where that is possible, and the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from ..layers import Layer, Spec
from ..losses import Loss, MeanSquaredError
from ..losses.loss import Aligned, Reduced
from ..ragged import Ragged
from ..ragged.batch import values_of
from .data import Data

if TYPE_CHECKING:
    from ..metrics import StartedMetric, StepMetric


class Part(NamedTuple):
    """What is asked of one output.

    Args:
        name: the output's.
        loss: of each step; None where only metrics are wanted.
        scale: of the loss among those of several outputs.
        metrics: fed with the values at the real steps.
        weighted: metrics that are given the sample weights too.
    """

    name: str
    loss: Loss | None
    scale: float
    metrics: list[StepMetric]
    weighted: list[StepMetric]

    @property
    def checked_by(self) -> Loss:
        """The loss that says which targets can be taken."""
        return self.loss or _ANY


_ANY = MeanSquaredError()


class Outcome(NamedTuple):
    """A batch's loss to follow downhill, what of it are penalties, and what the metrics need."""

    total: Tensor
    penalty: Tensor | None
    losses: list[Reduced | None]
    shown: list[Aligned | None]
    rows: int

    @property
    def counts(self) -> bool:
        """Whether any step counted."""
        return any(part is not None and bool(part.divisor) for part in self.losses)

    @property
    def counted(self) -> float:
        """What the loss was divided by: the number of steps; of several outputs, of the first."""
        return next(float(part.divisor) for part in self.losses if part is not None)


class Objective:
    """A model's losses and metrics on a batch.

    Args:
        parts: one for each output.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self._cut: list[bool] = []
        self._lasts: list[Layer | None] = []

    def check(self, model: Layer) -> None:
        """Raises where a last activation and its loss do not go together; to be called first.

        What it finds holds for all batches: of which output the loss is computed before the tail.
        """
        tails, lasts = model.tails, model.last_layers
        for part, tail in zip(self.parts, tails, strict=False):
            if part.loss is not None:
                _check_tail(part.loss, tail)
            if part.loss is not None and part.loss.own_lengths and part.metrics + part.weighted:
                first = (part.metrics + part.weighted)[0].name
                raise ValueError(
                    f"compile: metric {first!r} pairs every step with a label, but the targets of "
                    f"{part.loss.name} have lengths of their own. Leave it out."
                )
        tails = tails if len(tails) == len(self.parts) else [None] * len(self.parts)
        self._cut = [_from_tail(p.loss, tail) for p, tail in zip(self.parts, tails, strict=True)]
        self._lasts = [lasts[i] if cut else None for i, cut in enumerate(self._cut)]

    def __call__(self, model: Layer, batch: Data, penalised: bool) -> Outcome:
        """Runs the model on the batch.

        Args:
            model: whose outputs the parts are about.
            batch: inputs, targets, weights.
            penalised: whether the model has penalties on weights or activities.
        """
        outputs = model.outputs_of(batch.x, self._cut)
        losses: list[Reduced | None] = []
        shown: list[Aligned | None] = []
        total: Tensor | None = None
        for i, part in enumerate(self.parts):
            target, weight = batch.targets[i], batch.weights[i]
            if target is None:
                losses.append(None)
                shown.append(None)
                continue
            loss = part.loss
            aligned = (loss or _ANY).align(target, outputs[i], weight)
            reduced = None
            if loss is not None:
                used = loss.with_logits() if self._cut[i] else loss
                reduced = used.reduce(
                    aligned.y_true, aligned.y_pred, aligned.weight, layout=aligned.layout
                )
                value = reduced.value if part.scale == 1 else part.scale * reduced.value
                total = value if total is None else total + value
            losses.append(reduced)
            shown.append(_for_metrics(part, aligned, outputs[i], self._lasts[i]))
        assert total is not None
        penalty = sum(model.losses, start=total.new_zeros(())) if penalised else None
        total = total if penalty is None else total + penalty
        return Outcome(total, penalty, losses, shown, len(batch))

    @property
    def is_sum(self) -> bool:
        """Whether the loss of several batches is the sum of theirs, and not a mean.

        Raises:
            ValueError: it is neither: a sum for one output and a mean for another.
        """
        kinds = {p.name: p.loss.reduction == "sum" for p in self.parts if p.loss is not None}
        if len(set(kinds.values())) > 1:
            summed = next(name for name, is_sum in kinds.items() if is_sum)
            raise ValueError(
                f"fit: gradient_accumulation_steps: output {summed!r} has a loss of "
                "reduction='sum' and others a mean, which cannot be collected together. Give all "
                "the same reduction."
            )
        return True in kinds.values()

    def tally(self, outputs: Sequence[Spec], device: torch.device) -> Tally:
        """Sums of its own, so that an evaluation within an epoch leaves the epoch's alone."""
        started = []
        names = logged_names(self.parts)
        for part, output in zip(self.parts, outputs, strict=True):
            size = (output.shape[-1] if output.shape else 1) or 1
            asked = [(m, False) for m in part.metrics] + [(m, True) for m in part.weighted]
            started.append(
                [
                    Tallied(names.pop(0), metric.start(size, part.checked_by, device), weighted)
                    for metric, weighted in asked
                ]
            )
        return Tally(self.parts, started, device)


def _check_tail(loss: Loss, tail: str | None) -> None:
    wanted, name = loss.tail, type(loss).__name__
    if "crf" in (wanted, tail) and wanted != tail:
        raise ValueError(
            f"compile: the model ends in a CRF, whose paths of tags {loss.name} cannot train. Use "
            "loss='crf'."
            if tail == "crf"
            else f"compile: {loss.name} needs the scores of a CRF, but the model "
            f"{'does not end in one' if tail is None else f'ends in {tail!r}'}. End it in "
            "layers.CRF()."
        )
    if wanted is None or tail is None:
        return
    if loss.from_logits and tail in ("softmax", "sigmoid"):
        raise ValueError(
            f"compile: {name}(from_logits=True), but the model ends in {tail}, whose outputs "
            "are probabilities. Leave from_logits out; unpad works from the logits by itself."
        )
    if not loss.from_logits and tail not in loss.takes:
        or_logits = "" if loss.own_lengths else f", or use {name}(from_logits=True)"
        raise ValueError(
            f"compile: {loss.name} needs probabilities, but the model ends in {tail!r}. "
            f"End it in {wanted}{or_logits}."
        )


def _from_tail(loss: Loss | None, tail: str | None) -> bool:
    """Whether the loss is computed from what goes into the model's last activation."""
    return loss is not None and tail is not None and loss.tail == tail and not loss.from_logits


def _for_metrics(part: Part, aligned: Aligned, output: Any, last: Layer | None) -> Aligned | None:
    """Values beside values, with the tail that the loss did without."""
    if not part.metrics and not part.weighted:
        return None
    with torch.no_grad():
        # The layer puts the tail on what it gave, which two levels and all may have.
        given = output if isinstance(output, Ragged) else aligned.y_pred
        pred = given.detach() if last is None else last.from_tail(given.detach())
        return aligned._replace(y_true=values_of(aligned.y_true), y_pred=values_of(pred))


def logged_names(parts: list[Part]) -> list[str]:
    """Each metric's key in the logs, in their order there: Keras's names, each once.

    Of several by one name the later are told apart: a weighted one is called weighted_mae where
    mae is taken, any other recall_1, recall_2.
    """
    several = len(parts) > 1
    before = [f"{part.name}_" if several else "" for part in parts]
    taken = {"loss": 1, **{f"{part.name}_loss": 1 for part in parts if several}}

    def free(name: str) -> str:
        count = taken.get(name, 0)
        taken[name] = count + 1
        return f"{name}_{count}" if count else name

    # As in Keras all that are not weighted choose first.
    plain = [
        [free(f"{start}{metric.name}") for metric in part.metrics]
        for part, start in zip(parts, before, strict=True)
    ]
    found: list[str] = []
    for part, start, chosen in zip(parts, before, plain, strict=True):
        found += chosen
        for metric in part.weighted:
            name = f"{start}{metric.name}"
            found.append(free(f"{start}weighted_{metric.name}" if name in taken else name))
    return found


class Tallied(NamedTuple):
    """A metric that adds up batches, its key in the logs, and whether it is given weights."""

    name: str
    metric: StartedMetric
    weighted: bool


class Tally:
    """Losses and metrics summed up over batches, with one denominator.

    Args:
        parts: whose losses' reductions say what is divided by.
        metrics: of each part, started anew.
        device: where the sums are kept, so that no batch waits for its number: on a CPU, where
            none does, they are plain floats.
    """

    def __init__(
        self,
        parts: list[Part],
        metrics: list[list[Tallied]],
        device: torch.device,
    ) -> None:
        self._parts, self._metrics = parts, metrics
        self._zero: Any = 0.0
        if device.type != "cpu":
            self._zero = torch.zeros((), dtype=torch.float64, device=device)
        self.reset()

    def reset(self) -> None:
        """Forgets every batch."""
        self._sums: list[tuple[Any, Any]] = [(self._zero, self._zero)] * len(self._parts)
        self._penalty, self._rows = self._zero, 0
        for group in self._metrics:
            for tallied in group:
                tallied.metric.reset()

    def add(self, outcome: Outcome) -> None:
        """Adds a batch."""
        with torch.no_grad():
            for i, reduced in enumerate(outcome.losses):
                if reduced is not None:
                    self._sums[i] = self._added(i, reduced)
                shown = outcome.shown[i]
                if shown is None:
                    continue
                for _, metric, weighted in self._metrics[i]:
                    weight = shown.weight if weighted else None
                    metric.update(shown.y_true, shown.y_pred, weight, shown.layout)
            if outcome.penalty is not None:
                # Penalties are of weights, or means over the batch's sequences.
                self._penalty = self._penalty + self._number(outcome.penalty) * outcome.rows
                self._rows += outcome.rows

    def _added(self, i: int, reduced: Reduced) -> tuple[Any, Any]:
        total, divisor = self._sums[i]
        loss = self._parts[i].loss
        total = total + self._number(reduced.total)
        # A sum stays a sum over batches; a mean's denominator adds up with it.
        if loss is not None and loss.reduction == "sum":
            return total, self._zero + 1
        return total, divisor + self._number(reduced.divisor)

    def _number(self, value: Tensor | int) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.item() if isinstance(self._zero, float) else value.detach()

    def _means(self) -> list[float]:
        return [float(total / divisor) if divisor else 0.0 for total, divisor in self._sums]

    @property
    def mean_loss(self) -> float:
        """The loss of all batches; 0 where there was no step."""
        scaled = zip(self._parts, self._means(), strict=True)
        loss = sum(part.scale * mean for part, mean in scaled)
        return loss + float(self._penalty) / self._rows if self._rows else loss

    def logs(self) -> dict[str, Any]:
        """The loss and every metric of all batches; by output where there are several."""
        found = {"loss": self.mean_loss}
        several = len(self._parts) > 1
        if several:
            for part, mean in zip(self._parts, self._means(), strict=True):
                if part.loss is not None:
                    found[f"{part.name}_loss"] = mean
        for group in self._metrics:
            for name, metric, _ in group:
                found[name] = metric.result()
        return found
