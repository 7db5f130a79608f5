"""The loss of a model on a batch, from its logits where possible, and what metrics need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..align.beside import Aligned
from ..core.penalties import Penalty
from ..core.tails import Tailed
from ..data.source import Batch
from ..layers import Layer, Spec
from ..losses import Loss
from ..losses.reduction import Reduced
from ..ragged import Ragged
from ..ragged.batch import values_of
from ..ranks import ALONE, Ranks
from .denominators import divided, nothing_of
from .outcome import Given, Outcome, Part
from .tally import Tallied, Tally, logged_names


class Objective:
    """A model's losses and metrics on a batch.

    Args:
        parts: one for each output.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self._cut: list[bool] = []
        self.last_layers: list[Tailed | None] = []

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
        #: Of each output whose loss is computed before the tail: the layer that has it.
        self.last_layers = [lasts[i] if cut else None for i, cut in enumerate(self._cut)]

    def __call__(
        self, model: Layer, batch: Batch, penalised: bool, ranks: Ranks = ALONE
    ) -> Outcome:
        """Runs the model on the batch, up to its tails.

        Args:
            model: whose outputs the parts are about.
            batch: inputs, targets, weights.
            penalised: whether the model adds anything to the loss.
            ranks: among which a batch is shared, of which this is a share.
        """
        outputs = model.outputs_of(batch.x, self._cut)
        given = [Given(o, o if cut else None) for o, cut in zip(outputs, self._cut, strict=True)]
        added = model.penalties if penalised else []
        rows = len(batch), batch.steps
        return self.outcome(given, batch.targets, batch.weights, added, rows, ranks)

    def outcome(
        self,
        given: Sequence[Given],
        targets: Sequence[Any],
        weights: Sequence[Any],
        added: Sequence[Penalty],
        rows: tuple[int, int],
        ranks: Ranks = ALONE,
    ) -> Outcome:
        """The losses of what the model gave.

        Args:
            given: of each output.
            targets: beside them; None where one has no loss.
            weights: likewise; None for 1 each.
            added: what the model adds to the loss.
            rows: sequences and real steps of the batch.
            ranks: among which it is shared.

        Raises:
            ValueError: there is nothing that could be called a loss.
        """
        losses: list[Reduced | None] = []
        shown: list[Aligned | None] = []
        for i, part in enumerate(self.parts):
            target = targets[i]
            if target is None:
                losses.append(None)
                shown.append(None)
                continue
            reduced, seen = _of_output(part, given[i], target, weights[i], self.last_layers[i])
            losses.append(reduced)
            shown.append(seen)
        whole = divided(ranks, self.parts, losses, added, *rows)
        total: Tensor | None = None
        for part, reduced in zip(self.parts, whole.losses, strict=True):
            if reduced is not None:
                value = reduced.value if part.scale == 1 else part.scale * reduced.value
                total = value if total is None else total + value
        values = [term.value for term in whole.penalties]
        penalty = sum(values[1:], start=values[0]) if values else None
        if total is None and penalty is None and added:
            # No sequence at all: a loss of 0 that still has a gradient.
            total = nothing_of(one.output for one in given)
        if total is None and penalty is None and torch.is_grad_enabled():
            raise ValueError(
                "fit: there is no loss: give compile one, as loss='mse', or let a layer add_loss."
            )
        # Where only metrics are asked, the loss is 0, as in Keras.
        parts = [part for part in (total, penalty) if part is not None]
        followed = sum(parts[1:], start=parts[0]) if parts else torch.zeros(())
        by_rows = [not isinstance(one.output, Ragged) for one in given]
        pairs = zip(losses, by_rows, strict=True)
        of_sequences = any(rows and loss is not None for loss, rows in pairs)
        return Outcome(followed, penalty, added, losses, shown, rows[0], whole, of_sequences)

    def seen(
        self, given: Sequence[Given], targets: Sequence[Any], weights: Sequence[Any]
    ) -> list[Aligned | None]:
        """What the metrics are given of these outputs, beside their targets."""
        rows = zip(self.parts, given, targets, weights, strict=True)
        return [None if y is None else _for_metrics(part, g, y, w) for part, g, y, w in rows]

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


def _of_output(
    part: Part, given: Given, target: Any, weight: Any, last: Tailed | None
) -> tuple[Reduced | None, Aligned | None]:
    """The loss of one output, and its values for the metrics."""
    loss = part.loss
    output = given.output if given.early is None else given.early
    aligned = part.checked_by.align(target, output, weight)
    reduced = None
    if loss is not None:
        used = loss if given.early is None else loss.with_logits()
        reduced = used.reduce(aligned.y_true, aligned.y_pred, aligned.weight, layout=aligned.layout)
    if not part.metrics and not part.weighted:
        return reduced, None
    with torch.no_grad():
        # The tail goes onto the layer's own output, whose levels it must see.
        whole = given.output if isinstance(given.output, Ragged) else aligned.y_pred
        if given.early is given.output and last is not None:
            pred = last.from_tail(whole.detach())
        else:
            pred = (whole if given.early is None else given.output).detach()
        return reduced, aligned._replace(y_true=values_of(aligned.y_true), y_pred=values_of(pred))


def _for_metrics(part: Part, given: Given, target: Any, weight: Any) -> Aligned | None:
    """Values beside values, where only metrics are asked."""
    if not part.metrics and not part.weighted:
        return None
    aligned = part.checked_by.align(target, given.output, weight)
    return aligned._replace(
        y_true=values_of(aligned.y_true), y_pred=values_of(aligned.y_pred).detach()
    )


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
