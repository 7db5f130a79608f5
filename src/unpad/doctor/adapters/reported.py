"""Numbers as a model or a loop of somebody's own reports them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..probes import CannotAsk, Laid
from ..probes.laid import filled
from ..probes.numbers import Batches
from .signature import Told, told_beside

# Losses and metrics that want a row a step, with its classes last.
_ROWS = (nn.CrossEntropyLoss, nn.NLLLoss)


@dataclass(frozen=True)
class Labelled:
    """Sequences with their targets.

    Args:
        sequences: of steps or of outputs, in a grid.
        targets: one a sequence, or as many as steps.
        per_step: whether they are as many as steps.
        fill: what targets hold where there is no step.
    """

    sequences: Laid
    targets: tuple[Tensor, ...]
    per_step: bool
    fill: float

    def batches(self, how: Batches, fills: bool = False) -> list[tuple[Laid, Tensor]]:
        """Each batch in a grid of that width, and its targets.

        Args:
            how: they are cut.
            fills: whether padding holds steps drawn from all, the same for a sequence in any batch.
        """
        found = []
        n = len(self.targets)
        every = self.sequences.wide(how.width)
        every = filled(every, torch.Generator().manual_seed(0)) if fills else every
        for start in range(0, n, how.size):
            chosen = range(start, min(start + how.size, n))
            laid = every.of(*chosen)
            targets = [self.targets[i] for i in chosen]
            if self.per_step:
                beside = Laid(tuple(targets), how.width, laid.side, self.fill).grid
            else:
                beside = torch.stack(targets)
            found.append((laid, beside))
        return found

    @property
    def whole(self) -> Batches:
        """All of them in one batch."""
        return Batches(self.sequences.width, len(self.targets))


class OfCallables:
    """A loss and metrics that are functions of outputs and targets.

    Each gives a number, which a loop averages over its batches, or (total, count), which it adds
    up; a metric with `update` and `compute` adds up by itself. Outputs stay the same at real steps
    whatever is asked, so that what differs is the number's own doing.

    Args:
        loss: a function (outputs, targets), and of a mask or lengths where it names them.
        metrics: the same by name.
        labelled: outputs of real steps, and their targets.
        accumulate: whether several batches make one update.
    """

    def __init__(
        self,
        loss: Callable[..., Any] | None,
        metrics: Mapping[str, Any],
        labelled: Labelled,
        accumulate: bool = False,
    ) -> None:
        self.labelled = labelled
        self.accumulates = accumulate and loss is not None
        self.functions = {} if loss is None else {"loss": loss}
        self.functions |= dict(metrics)
        self.loss = loss
        self._ways = {name: self._settled(f) for name, f in self.functions.items()}

    @property
    def whole(self) -> Batches:
        return self.labelled.whole

    @property
    def padded(self) -> str | None:
        return None if self.labelled.per_step else "the outputs are one a sequence."

    def numbers(self, batches: Batches) -> dict[str, float]:
        """Each number by its name, over all batches as a loop of one's own would report it."""
        return {
            name: self._over(function, self._ways[name], batches)
            for name, function in self.functions.items()
        }

    def _over(self, function: Any, way: Told, batches: Batches) -> float:
        """The number over all batches, as a loop has it."""
        if hasattr(function, "update") and hasattr(function, "compute"):
            function.reset()
            for laid, targets in self._laid(batches):
                function.update(*_rows(laid.grid, targets))
            return float(function.compute())
        found = [self._call(function, way, *batch) for batch in self._laid(batches)]
        if isinstance(found[0], tuple):
            return float(sum(float(a) for a, _ in found)) / sum(float(b) for _, b in found)
        return sum(float(number) for number in found) / len(found)

    def _laid(self, batches: Batches) -> list[tuple[Laid, Tensor]]:
        """The batches, whose padding holds outputs as the model might give there."""
        return self.labelled.batches(batches, fills=self.labelled.per_step)

    def _call(self, function: Any, way: Told, laid: Laid, targets: Tensor) -> Any:
        grid = laid.grid if self.labelled.per_step else torch.stack(laid.sequences)
        _, named = way.arguments(laid, grid)
        if isinstance(function, _ROWS):
            return function(*_rows(grid, targets))
        try:
            return function(grid, targets, **named)
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            raise CannotAsk(
                f"a call with outputs {tuple(grid.shape)} and targets {tuple(targets.shape)} "
                f"fails: {type(error).__name__}: {said}"
            ) from error

    def _settled(self, function: Any) -> Told:
        """A mask's convention: the one under which padding says nothing, else the first."""
        ways = told_beside(function)
        if len(ways) == 1 or not self.labelled.per_step:
            return ways[0]
        works: list[Told] = []
        for way in ways:
            try:
                one = self._over(function, way, self.whole)
                wide = self.whole._replace(width=2 * self.whole.width)
                other = self._over(function, way, wide)
            except CannotAsk:
                continue
            works.append(way)
            if abs(one - other) <= 1e-6 * max(abs(one), 1e-12):
                return way
        return works[0] if works else ways[0]

    def gradient(self, batches: Batches) -> Tensor:
        """At the outputs, of batches whose losses are averaged, or added up where that is nearer.

        Raises:
            CannotAsk: the loss has no gradient.
        """
        leaves = tuple(s.clone().requires_grad_() for s in self.labelled.sequences.sequences)
        if not leaves[0].is_floating_point():
            raise CannotAsk("outputs are no floats.")
        held = self.labelled
        self.labelled = replace(held, sequences=held.sequences.with_sequences(leaves))
        try:
            with torch.enable_grad():
                parts = [self._call(self.loss, self._ways["loss"], *b) for b in self._laid(batches)]
        finally:
            self.labelled = held
        if isinstance(parts[0], tuple):
            total = sum(a for a, _ in parts) / sum(float(b) for _, b in parts)
        else:
            total = sum(parts) / (1 if self._adds_up else len(parts))
        if not isinstance(total, Tensor) or not total.requires_grad:
            raise CannotAsk("the loss has no gradient.")
        found = torch.autograd.grad(total, leaves, allow_unused=True)
        return torch.cat([
            (torch.zeros_like(leaf) if g is None else g).flatten()
            for g, leaf in zip(found, leaves, strict=True)
        ])  # fmt: skip

    @property
    def _adds_up(self) -> bool:
        """Whether the loss is a sum: of all sequences that of its parts."""
        one = self._batch_sum(self.whole)
        return abs(one - self._batch_sum(self.whole._replace(size=2))) <= 1e-4 * abs(one)

    def _batch_sum(self, batches: Batches) -> float:
        parts = [self._call(self.loss, self._ways["loss"], *b) for b in self._laid(batches)]
        return float(sum(float(p[0] if isinstance(p, tuple) else p) for p in parts))


def _rows(grid: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """A row a step, as torch's losses of classes and torchmetrics take them."""
    if grid.ndim == targets.ndim + 1:
        return grid.reshape(-1, grid.shape[-1]), targets.reshape(-1)
    return grid.flatten(), targets.flatten()


class OfCompiled:
    """The numbers of a model of unpad's or of Keras's, as its `evaluate` gives them.

    Args:
        model: that is compiled.
        labelled: its inputs and targets.
        as_grid: whether it is fed with grids; else with lists of real steps.
    """

    def __init__(self, model: Any, labelled: Labelled, as_grid: bool) -> None:
        self.model, self.labelled, self.as_grid = model, labelled, as_grid

    @property
    def whole(self) -> Batches:
        return self.labelled.whole

    @property
    def padded(self) -> str | None:
        return None if self.as_grid else "it holds by construction: there are real steps only."

    @property
    def accumulates(self) -> bool:
        # In unpad it holds by construction: an update is divided by the steps of all its batches.
        mine = hasattr(self.model, "open_inputs")
        return not mine and bool(getattr(self.model.optimizer, "gradient_accumulation_steps", None))

    def numbers(self, batches: Batches) -> dict[str, float]:
        """Each number by its name, as `evaluate` gives it for these batches."""
        return self._evaluated(batches, batches.size)

    def _evaluated(self, batches: Batches, size: int) -> dict[str, float]:
        ((laid, targets),) = self.labelled.batches(
            batches._replace(size=len(self.labelled.targets))
        )
        x: Any = laid.grid.numpy()
        y: Any = targets.numpy()
        if not self.as_grid:
            x = [s.numpy() for s in laid.sequences]
            y = [t.numpy() for t in self.labelled.targets] if self.labelled.per_step else y
        try:
            found = self.model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True)
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            raise CannotAsk(f"evaluate fails: {type(error).__name__}: {said}") from error
        return {name: float(v) for name, v in found.items() if np.ndim(v) == 0}

    def gradient(self, batches: Batches) -> Tensor:
        """That of Keras's weights, averaged over batches as its optimizers do.

        Raises:
            CannotAsk: Keras runs on another backend than torch.
        """
        import keras

        if keras.backend.backend() != "torch":
            raise CannotAsk("gradients are followed on Keras's torch backend alone.")
        weights = [v.value for v in self.model.trainable_variables]
        parts = []
        for laid, targets in self.labelled.batches(batches):
            x, y = (keras.ops.convert_to_tensor(part.numpy()) for part in (laid.grid, targets))
            with torch.enable_grad():
                loss = self.model.compute_loss(x=x, y=y, y_pred=self.model(x, training=False))
                parts.append(torch.autograd.grad(loss, weights, allow_unused=True))
        sums = [[g for g in gs if g is not None] for gs in zip(*parts, strict=True)]
        return torch.cat([(torch.stack(gs).mean(0)).flatten() for gs in sums if gs])


def labelled(
    sequences: Sequence[Tensor],
    targets: Sequence[Tensor],
    side: str,
    pad: float,
    fill: float,
    steps: bool = True,
) -> Labelled:
    """The sequences with their targets.

    Args:
        sequences: of steps or outputs; or an output each.
        targets: one a sequence, or as many as steps.
        side: of padding.
        pad: what it holds.
        fill: what targets hold there.
        steps: whether what is given has steps at all.

    Raises:
        CannotAsk: targets are neither one a sequence nor one a step.
    """
    pairs = list(zip(sequences, targets, strict=True))
    per_step = steps and all(t.ndim > 0 and len(t) == len(s) for s, t in pairs)
    if not per_step and len({t.shape for t in targets}) > 1:
        raise CannotAsk("y: expected one target a sequence, or as many as a sequence has steps.")
    laid = Laid(tuple(sequences), max(map(len, sequences)) if steps else 1, side, pad)
    return Labelled(laid, tuple(targets), per_step, fill)
